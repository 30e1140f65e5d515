import { bounded, MAX_TEXT } from "./bounds.ts"

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * The scope tokens (RFC 6749 §3.3) of a space-separated list from a server, each once, and at most 1,000 of them with
 * 16 KiB in all.
 *
 * @internal
 */
export const parse = (list: string | undefined): ReadonlyArray<string> => {
  if (list === undefined) return []
  const scopes = bounded(union(list.split(" ").filter((scope) => scopeToken.test(scope))))
  // The platform keeps a whole text in memory for as long as anything holds a part of it.
  return list.length <= MAX_TEXT || scopes.length === 0 ? scopes : scopes.join(" ").split(" ")
}

/** @internal */
export const isScope = (text: string): boolean => scopeToken.test(text)

/** @internal */
export const union = (...lists: ReadonlyArray<Iterable<string>>): ReadonlyArray<string> => [
  ...new Set(lists.flatMap((list) => [...list]))
]

/**
 * The scopes of `wanted` that are not among `held`.
 *
 * @internal
 */
export const missing = (wanted: ReadonlyArray<string>, held: ReadonlyArray<string>): ReadonlyArray<string> => {
  // Most demands want no scope beyond those of the options.
  if (wanted.length === 0) return wanted
  const known = new Set(held)
  return wanted.filter((scope) => !known.has(scope))
}

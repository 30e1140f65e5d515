const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * The scope tokens (RFC 6749 §3.3) of a space-separated list, each once.
 *
 * @internal
 */
export const parse = (list: string | undefined): ReadonlyArray<string> =>
  list === undefined ? [] : union(list.split(" ").filter((scope) => scopeToken.test(scope)))

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
export const missing = (wanted: ReadonlyArray<string>, held: ReadonlyArray<string>): ReadonlyArray<string> =>
  wanted.filter((scope) => !held.includes(scope))

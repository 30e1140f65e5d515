/**
 * The search for secrets in errors, log lines and spans: the spellings of a secret, and the places to search.
 * `recorder.ts` collects the texts.
 */
import { inspect } from "node:util"

/** Tests put this word into their secrets, so that the search finds a secret that nobody made `Redacted`. */
export const CANARY = "canary"

/** The word in its three positions within base64. */
const base64OfCanary = ["Y2FuYXJ5", "NhbmFye", "jYW5hcn"]

/** The shortest secret to search for, in characters. Texts contain shorter ones by chance. */
const MIN_LENGTH = 8

const formEncode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1)

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")

/** All the spellings in which a secret could leak. */
export const spellings = (secret: string): ReadonlySet<string> => {
  const texts = [secret, formEncode(secret), percentEncode(secret), JSON.stringify(secret).slice(1, -1)]
  return new Set(
    [...texts, ...texts.map(base64), ...texts.map((text) => base64(text).replace(/=+$/, ""))]
      .filter((spelling) => spelling.length >= MIN_LENGTH || spelling.includes(CANARY))
  )
}

/** `encodeURIComponent` throws on half a surrogate pair. */
const percentEncode = (text: string): string => encodeURIComponent(text.toWellFormed())

/** The texts to search, each with the name of its place. */
export interface Texts {
  readonly add: (place: string, text: string) => void
}

/** The frames of a stack trace hold paths of this repository and no value of the program. */
const withoutFrames = (text: string): string => text.replaceAll(/^\s+at .*$/gm, "")

/** The places that hold a secret. The report never shows the secret itself. */
export const find = (
  fill: (texts: Texts) => void,
  secrets: Iterable<string>
): ReadonlyArray<string> => {
  const seen = new Map<string, string>()
  fill({
    add: (place, text) => {
      const searched = withoutFrames(text)
      if (!seen.has(searched)) seen.set(searched, place)
    }
  })
  const needles = new Set([CANARY, ...base64OfCanary, ...[...secrets].flatMap((secret) => [...spellings(secret)])])
  return [...seen].flatMap(([text, place]) => {
    const lower = text.toLowerCase()
    const found = [...needles].find((needle) => needle === CANARY ? lower.includes(CANARY) : text.includes(needle))
    return found === undefined ? [] : [`${place}: ${excerpt(text, found)}`]
  })
}

const excerpt = (text: string, needle: string): string => {
  const at = Math.max(0, text.toLowerCase().indexOf(needle.toLowerCase()))
  return `…${text.slice(Math.max(0, at - 80), at).replaceAll("\n", " ")}<the secret>`
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const field = (value: object, name: PropertyKey): unknown => Object.getOwnPropertyDescriptor(value, name)?.value

const isOwn = (error: unknown): boolean =>
  isObject(error) && typeof error.constructor === "function" &&
  String(Reflect.get(error.constructor, "identifier")).startsWith("@effect-mcp-auth/")

const isHttpClientError = (error: object): boolean => Symbol.for("@effect/platform/HttpClientError") in error

const REDACTED = Symbol.for("effect/Redacted")

/**
 * Adds an error's message, stack and printed forms, and for an error of this library every string reachable from it.
 *
 * An error of the platform holds the failed request with its credential. Core drops such errors where they arise, so
 * the search looks into the request only when a caller receives the error: when its cause is an error of this library.
 */
export const addError = (texts: Texts, error: unknown, place = nameOf(error)): void => {
  if (!isObject(error)) return texts.add(place, String(error))
  for (const name of ["message", "stack", "description"]) {
    texts.add(`${place}.${name}`, String(Reflect.get(error, name)))
  }
  // oxlint-disable-next-line typescript/no-base-to-string -- the search covers the result of an error's own `toString`
  texts.add(`String(${place})`, safely(() => String(error)))
  const cause = field(error, "cause")
  if (isHttpClientError(error) && !isOwn(cause)) {
    if (cause !== undefined && cause !== error) addError(texts, cause, `${place}.cause`)
    return
  }
  texts.add(`inspect(${place})`, safely(() => inspect(error, { depth: Infinity, showHidden: true })))
  texts.add(`JSON.stringify(${place})`, safely(() => JSON.stringify(error) ?? ""))
  if (isOwn(error) || isHttpClientError(error)) addGraph(texts, error, place)
  else if (cause !== undefined) addError(texts, cause, `${place}.cause`)
}

const nameOf = (error: unknown): string => error instanceof Error ? error.name : "failure"

const safely = (f: () => string): string => {
  try {
    return f()
  } catch {
    return ""
  }
}

/** Adds every string that is reachable from a value through its own fields, hidden fields included. */
export const addGraph = (texts: Texts, root: unknown, place: string): void => {
  const seen = new Set<object>()
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "string") return texts.add(path, value)
    if (!isObject(value) || seen.has(value) || REDACTED in value) return
    seen.add(value)
    if (ArrayBuffer.isView(value)) {
      return texts.add(path, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"))
    }
    if (value instanceof URL) return texts.add(path, value.href)
    if (value instanceof Headers || value instanceof Map) {
      for (const [name, item] of value) visit(item, `${path}[${String(name)}]`)
    }
    for (const key of Reflect.ownKeys(value)) visit(field(value, key), `${path}.${String(key)}`)
  }
  visit(root, place)
}

import { registeredCodes } from "./errorCodes.ts"

/** The longest text from outside in an error message, in characters. */
const MAX_LENGTH = 200

/**
 * A JWT, whole or cut, anywhere in a text: every JWT begins with the `{"` of its header. A search for a known JWT would
 * miss its parts.
 */
const jwt = /eyJ[\w-]{5,}(?:\.[\w-]*)*/g

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu

const REDACTED = "<redacted>"

/**
 * Makes text from outside fit for an error message or a log line: one line of at most 200 characters, without control
 * and formatting characters, without JWTs, and without the given secrets in any spelling in which the other side may
 * repeat them. Registered error codes stay whole, although a secret such as `client` is a part of them.
 *
 * @internal
 */
export const clean = (text: string, secrets: Iterable<string> = []): string => {
  let result = text
  const all = [...secrets]
  for (const spelling of spellingsOf(all)) result = without(result, spelling)
  for (const secret of all) if (needsEncoding.test(secret)) result = result.replace(mixedSpelling(secret), REDACTED)
  result = result.replace(jwt, REDACTED).replace(unprintable, " ").trim()
  return result.length > MAX_LENGTH ? `${result.slice(0, MAX_LENGTH).replace(/[\ud800-\udbff]$/, "")}…` : result
}

const codes = [...registeredCodes]
const codeWord = new RegExp(`\\b(${codes.join("|")})\\b`)

const without = (text: string, secret: string): string =>
  codes.some((code) => code.includes(secret))
    // The parts with an odd index are codes.
    ? text.split(codeWord).map((part, index) => index % 2 === 1 ? part : part.replaceAll(secret, REDACTED)).join("")
    : text.replaceAll(secret, REDACTED)

/**
 * `clean`, in double quotes.
 *
 * @internal
 */
export const quote = (text: string): string => `"${clean(text)}"`

/**
 * Removes the beginning of a secret from the end of a text that was cut there. `clean` finds whole secrets only.
 *
 * @internal
 */
export const withoutBegun = (text: string, secrets: Iterable<string>): string => {
  const longest = Math.max(0, ...spellingsOf(secrets).map((secret) => begunBy(text, secret)))
  return text.slice(0, text.length - longest)
}

/** The number of characters of the secret with which the text ends. */
const begunBy = (text: string, secret: string): number => {
  for (let length = Math.min(secret.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(secret.slice(0, length))) return length
  }
  return 0
}

/**
 * A text in the encoding of a form (RFC 6749 appendix B).
 *
 * @internal
 */
export const formEncode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1)

/** A shorter text is no secret worth the name, and stands in many words. In characters. */
const MIN_SECRET = 4

/** A character that encoders of URLs, forms or JSON change. No registered error code has one. */
const needsEncoding = /^(?=.{4})(?=.*[^\w.~-])/s

/** A longer secret is found by its beginning, in characters. */
const MAX_PATTERN = 256

/**
 * A secret of which each character may be written in another way: as it is, percent-encoded once or twice in either
 * case, escaped as in JSON, and a space as a plus or a plus as a space. Paths of URLs encode a few characters only, and some servers write
 * hex digits in lower case.
 */
const mixedSpelling = (secret: string): RegExp => {
  const characters = Array.from(secret.slice(0, MAX_PATTERN))
  const rest = secret.length > MAX_PATTERN ? "\\S*" : ""
  return new RegExp(characters.map(anySpelling).join("") + rest, "g")
}

const anySpelling = (character: string): string => {
  if (/^[\w.~-]$/.test(character)) return character.replace(/[.-]/, "\\$&")
  const bytes = [...new TextEncoder().encode(character)].map((byte) => `%(?:25)?${hexDigits(byte, 2)}`).join("")
  // A parser of URLs makes a slash of a backslash.
  const units = Array.from(
    { length: character.length },
    (_, index) => `[\\\\/]u${hexDigits(character.charCodeAt(index), 4)}`
  ).join("")
  const plain = `[\\\\/]?${character.replace(/[$^*+?()|[\]{}\\/]/g, "\\$&")}`
  return `(?:${bytes}|${units}|${plain}${character === " " ? "|\\+" : character === "+" ? "| " : ""})`
}

/** Digits in either case. */
const hexDigits = (value: number, length: number): string =>
  value.toString(16).padStart(length, "0").replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)

/** All spellings, the longest first, so that a secret which contains another one disappears as a whole. */
const spellingsOf = (secrets: Iterable<string>): ReadonlyArray<string> =>
  [...new Set([...secrets].flatMap(spellings))].filter(({ length }) => length >= MIN_SECRET)
    .toSorted((a, b) => b.length - a.length)

const spellings = (secret: string): ReadonlyArray<string> => [
  secret,
  formEncode(secret),
  formEncode(secret).replaceAll("+", "%20"),
  JSON.stringify(secret).slice(1, -1)
]

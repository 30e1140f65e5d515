/** What a stranger's text may say in an error of ours: one line, of a length that can be read. */
const MAX_LENGTH = 200

/** A server may repeat a part of what it was sent, which no search for the whole finds. */
const jwt = /eyJ[\w-]{5,}(?:\.[\w-]*)*/g

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/**
 * Text from outside, made fit for an error or a log: no control or formatting characters, cut, and without any of the
 * given secrets, should the other side have repeated one.
 *
 * @internal
 */
export const clean = (text: string, secrets: Iterable<string> = []): string => {
  let result = text
  for (const secret of secrets) {
    if (secret !== "") result = result.replaceAll(secret, "<redacted>")
  }
  result = result.replace(jwt, "<redacted>").replace(unprintable, " ").trim()
  return result.length > MAX_LENGTH ? `${result.slice(0, MAX_LENGTH)}…` : result
}

/**
 * RFC 6749 appendix B: what a form makes of the text.
 *
 * @internal
 */
export const formEncode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1)

/**
 * A secret in the spellings in which a server that repeats what it got may write it.
 *
 * @internal
 */
export const spellings = (secret: string): ReadonlyArray<string> => [
  secret,
  formEncode(secret),
  formEncode(secret).replaceAll("+", "%20"),
  JSON.stringify(secret).slice(1, -1)
]

/** What a stranger's text may say in an error of ours: one line, of a length that can be read. */
const MAX_LENGTH = 200

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu

/** A JWT, whole or cut, wherever it stands in a text: every one begins with the `{"` of its header. */
const jwt = /eyJ[\w-]{5,}(?:\.[\w-]*)*/g

/** Where base64 or a token in another spelling may stand, no shorter run is a secret worth the name. */
const MIN_SECRET = 4

/**
 * Text from outside, made fit for an error: one line, cut, without control characters, JWTs and the given secrets.
 *
 * @internal
 */
export const clean = (text: string, secrets: Iterable<string> = []): string => {
  let result = text
  for (const secret of secrets) {
    for (const spelling of spellings(secret)) result = result.replaceAll(spelling, "<redacted>")
  }
  result = result.replaceAll(jwt, "<redacted>").replaceAll(unprintable, " ").trim()
  return result.length > MAX_LENGTH ? `${result.slice(0, MAX_LENGTH)}…` : result
}

/**
 * A text that was cut, without a secret's beginning at its end, which no search for the whole finds.
 *
 * @internal
 */
export const withoutBegun = (text: string, secrets: Iterable<string>): string => {
  const longest = Math.max(0, ...[...secrets].flatMap(spellings).map((secret) => begunBy(text, secret)))
  return text.slice(0, text.length - longest)
}

/** How much of the secret the text ends with. */
const begunBy = (text: string, secret: string): number => {
  for (let length = Math.min(secret.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(secret.slice(0, length))) return length
  }
  return 0
}

/** @internal */
export const quote = (text: string): string => `"${clean(text)}"`

/** A secret as a party that repeats what it got may write it. */
const spellings = (secret: string): ReadonlyArray<string> => {
  const form = new URLSearchParams([["", secret]]).toString().slice(1)
  return [secret, form, form.replaceAll("+", "%20"), JSON.stringify(secret).slice(1, -1)].filter((spelling) =>
    spelling.length >= MIN_SECRET
  )
}

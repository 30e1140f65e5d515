import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { adviceOn, kindOf } from "../../authoring/TextOption.ts"
import { InvalidOptions } from "../../OAuthError.ts"

/** The two thumbprints of a certificate (RFC 7515 §4.1.7, §4.1.8), by the names of their options. */
const thumbprints = {
  x5t: { hash: "SHA-1", length: 20, other: "x5tS256" },
  x5tS256: { hash: "SHA-256", length: 32, other: "x5t" }
} as const

/** Invisible characters, which Windows puts before a thumbprint that is copied from its dialog, and white space. */
const invisible = /[\s\p{Cf}]+/gu

/**
 * The thumbprint of a certificate in base64url. Consoles and tools show it in hex, with or without colons, or in base64.
 *
 * @internal
 */
export const readThumbprint = (
  option: keyof typeof thumbprints,
  value: unknown
): Either.Either<string | undefined, InvalidOptions> => {
  if (value === undefined) return Either.right(undefined)
  const invalid = (description: string) => Either.left(new InvalidOptions({ option, description }))
  if (typeof value !== "string") return invalid(`it is ${kindOf(value)}. ${adviceOn(value)}`)
  const { hash, length, other } = thumbprints[option]
  // OpenSSL prints `sha1 Fingerprint=AB:CD:…`.
  const text = value.replace(invisible, "").replace(/^sha-?\d+fingerprint=/i, "")
  const bytes = bytesOf(text)
  if (bytes?.length === length) return Either.right(Encoding.encodeBase64Url(bytes))
  const advice = bytes?.length === thumbprints[other].length
    ? `The value is a ${thumbprints[other].hash} thumbprint: give it as \`${other}\`.`
    : `Give the ${hash} thumbprint of the certificate, in base64url or in hex.`
  return invalid(
    bytes === undefined
      ? `it is neither base64url nor hex. ${advice}`
      : `it has ${bytes.length} bytes, and a ${hash} thumbprint has ${length} (RFC 7515 §4.1.${
        option === "x5t" ? 7 : 8
      }). ${advice}`
  )
}

/** Hex digits alone are hex if they are as many as a thumbprint has in hex, which base64 of a thumbprint never has. */
const bytesOf = (text: string): Uint8Array | undefined => {
  const digits = text.replace(/[:-]/g, "")
  const isHex = /^[0-9a-f]+$/i.test(digits) && digits.length % 2 === 0
  if (isHex && (text.includes(":") || /^[0-9a-f]+$/i.test(text) || isPaired(text))) {
    return Either.getOrUndefined(Encoding.decodeHex(digits.toLowerCase()))
  }
  const compact = text.replace(/={1,2}$/, "").replaceAll("+", "-").replaceAll("/", "_")
  return /^[\w-]+$/.test(compact) ? Either.getOrUndefined(Encoding.decodeBase64Url(compact)) : undefined
}

/** Pairs of hex digits with a hyphen between them. */
const isPaired = (text: string): boolean => /^[0-9a-f]{2}(?:-[0-9a-f]{2})+$/i.test(text)

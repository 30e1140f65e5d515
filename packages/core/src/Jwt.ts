/**
 * A JWT in the compact form (RFC 7519), read without verifying it: the authorization server verifies it.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Base64Url from "./internal/text/base64Url.ts"
import { isWholeSignature } from "./SigningKey.ts"

const Header = Schema.Struct({ alg: Schema.String, typ: Schema.optional(Schema.Unknown) })
const Claims = Schema.Struct({
  aud: Schema.optional(Schema.Union(Schema.String, Schema.Array(Schema.String))),
  /** When the JWT expires, in seconds since the epoch. */
  exp: Schema.optional(Schema.Finite),
  /** When the JWT becomes valid, in seconds since the epoch. */
  nbf: Schema.optional(Schema.Finite),
  jti: Schema.optional(Schema.Unknown),
  resource: Schema.optional(Schema.Unknown)
})

/**
 * The header and the claims of a JWT in the compact form (RFC 7519), unverified: the authorization server verifies
 * them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Jwt {
  readonly header: typeof Header.Type
  readonly claims: typeof Claims.Type
  /** Whether the signature is base64url and as long as a signature of the header's `alg` is. */
  readonly hasWholeSignature: boolean
}

const parser = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownOption(Schema.parseJson(schema))
  return (encoded: string): Option.Option<A> => Option.flatMap(Base64Url.decodeString(encoded), decode)
}

const parseHeader = parser(Header)
const parseJweHeader = parser(Schema.Struct({ alg: Schema.NonEmptyString, enc: Schema.NonEmptyString }))
const parseClaims = parser(Claims)

const base64url = /^[\w-]+$/

/**
 * Reads a JWT in the compact form (RFC 7519), without verifying it. `None` where the text is not three parts of
 * base64url whose first two are the JSON of a header and of claims.
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = (text: string): Option.Option<Jwt> => {
  const [first = "", second = "", signature, ...rest] = text.split(".")
  if (signature === undefined || rest.length > 0) return Option.none()
  return Option.map(Option.all({ header: parseHeader(first), claims: parseClaims(second) }), (jwt) => ({
    ...jwt,
    hasWholeSignature: base64url.test(signature) &&
      isWholeSignature(jwt.header.alg, Math.floor(signature.length * 3 / 4))
  }))
}

/**
 * Whether a text is a JWS of three parts. Only its header decides, not its claims. A JWT of five parts is encrypted,
 * and cannot be read.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isJws = (text: string): boolean => {
  const [first = "", ...rest] = text.split(".")
  return rest.length === 2 && Option.isSome(parseHeader(first))
}

/**
 * Whether a text is a JWE in the compact form (RFC 7516 §7.1): an encrypted JWT, which only its receiver can read.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isJwe = (text: string): boolean => {
  const [first = "", encryptedKey = "", ...rest] = text.split(".")
  // There is no encrypted key where both sides have agreed on the key (RFC 7516 §5.1).
  return rest.length === 3 && rest.every((part) => base64url.test(part)) &&
    (encryptedKey === "" || base64url.test(encryptedKey)) && Option.isSome(parseJweHeader(first))
}

const parseAnyHeader = parser(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/**
 * Whether a JWT is not signed: its header names no algorithm, or the algorithm `none` (RFC 7518 §3.6) in any case of
 * letters (RFC 8725 §3.2), whatever follows the header; or its signature is empty.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isUnsigned = (text: string): boolean => {
  const [first = "", ...rest] = text.split(".")
  return Option.exists(parseAnyHeader(first), ({ alg }) => {
    const name = typeof alg === "string" ? alg.trim().toLowerCase() : ""
    return name === "" || name === "none" || (rest.length === 2 && rest[1] === "")
  })
}

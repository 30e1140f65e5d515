/**
 * Verifies the JWTs of clients and grants (RFC 7523 §3): their signature, and their times by the `Clock`.
 *
 * @internal
 */
import * as Base64Url from "@effect-mcp-auth/core/authoring/Base64Url"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ClientKey } from "../ClientKey.ts"

const Header = Schema.parseJson(Schema.Struct({
  alg: Schema.String,
  typ: Schema.optional(Schema.String),
  kid: Schema.optional(Schema.String),
  x5t: Schema.optional(Schema.String),
  "x5t#S256": Schema.optional(Schema.String)
}))

const Claims = Schema.parseJson(Schema.Struct({
  iss: Schema.String,
  sub: Schema.optional(Schema.String),
  aud: Schema.Union(Schema.String, Schema.Array(Schema.String)),
  exp: Schema.Number,
  iat: Schema.optional(Schema.Number),
  nbf: Schema.optional(Schema.Number),
  jti: Schema.optional(Schema.String),
  scope: Schema.optional(Schema.String)
}))

/** @internal */
export type Header = typeof Header.Type

/** @internal */
export type Claims = typeof Claims.Type

/** @internal */
export type Reason =
  | "malformed"
  | "client"
  | "type"
  | "key"
  | "signature"
  | "audience"
  | "time"
  | "lifetime"
  | "id"
  | "replay"

/** @internal */
export interface Rules {
  /** The accepted values of `aud`. An assertion must name one of them, as a string. */
  readonly audiences: ReadonlyArray<string>
  /** The longest time from now to `exp`, in seconds. */
  readonly maxLifetime?: number | undefined
  /**
   * `once` accepts a `jti` once. `required` also refuses an assertion without a `jti`. Without it `jti` is not read.
   */
  readonly id?: "once" | "required" | undefined
  /** The `typ` that an assertion must have. */
  readonly type?: string | undefined
  /** `any` accepts an assertion without `sub`, or whose `sub` is not its `iss`. */
  readonly subject?: "any" | undefined
  /** Finds the key that verifies an assertion. By `kid` by default. */
  readonly findKey?: ((header: Header, keys: ReadonlyArray<ClientKey>) => ClientKey | undefined) | undefined
  /** The error texts of the provider, where they differ from the standard ones. */
  readonly explain?: Partial<Readonly<Record<Reason, string>>> | undefined
}

/** @internal */
export interface Rejection {
  readonly reason: Reason
  readonly description: string
}

/**
 * A verifier that remembers every `jti`. `keysOf` returns the keys of an issuer, or `undefined` for an unknown one.
 *
 * @internal
 */
export const makeVerifier = (
  keysOf: (issuer: string) => ReadonlyArray<ClientKey> | undefined,
  rules: Rules
): (jwt: string) => Effect.Effect<Claims, Rejection> => {
  const seen = new Set<string>()
  const reject = (reason: Reason, description: string) =>
    Effect.fail<Rejection>({ reason, description: rules.explain?.[reason] ?? description })

  return (jwt) =>
    Effect.gen(function*() {
      const parts = jwt.split(".")
      const [first = "", second = "", third = ""] = parts
      const decoded = Option.all({
        header: decodePart(first, Header),
        claims: decodePart(second, Claims),
        signature: Base64Url.decode(third)
      })
      if (Option.isNone(decoded) || parts.length !== 3) {
        return yield* reject("malformed", "not a signed JWT with the claims iss, aud and exp (RFC 7523 §3)")
      }
      const { claims, header, signature } = decoded.value
      const keys = keysOf(claims.iss)
      if (keys === undefined) {
        return yield* reject("client", "iss is not the id of a client with a key")
      }
      if (rules.subject !== "any" && claims.sub !== claims.iss) {
        return yield* reject("client", "iss and sub must both be the client id (RFC 7523 §3)")
      }
      if (rules.type !== undefined && header.typ !== rules.type) {
        return yield* reject("type", `typ must be ${rules.type}`)
      }
      const key = (rules.findKey ?? byKeyId)(header, keys)
      if (key === undefined || algorithmOf(key.publicKey) !== header.alg) {
        return yield* reject("key", "no key of the client has the kid and alg of the JWT")
      }
      const valid = yield* Effect.promise(() =>
        crypto.subtle.verify(
          parametersOf(key.publicKey),
          key.publicKey,
          Uint8Array.from(signature),
          new TextEncoder().encode(`${first}.${second}`)
        )
      )
      if (!valid) {
        return yield* reject("signature", "the signature does not match")
      }
      if (typeof claims.aud !== "string" || !rules.audiences.includes(claims.aud)) {
        return yield* reject("audience", `aud must be ${rules.audiences.join(" or ")}, and nothing else`)
      }
      const now = (yield* Clock.currentTimeMillis) / 1000
      if (claims.exp <= now || Math.max(claims.iat ?? 0, claims.nbf ?? 0) > now + LEEWAY) {
        return yield* reject("time", "expired, or not valid yet (exp, iat, nbf)")
      }
      if (claims.exp - now > (rules.maxLifetime ?? Number.POSITIVE_INFINITY)) {
        return yield* reject("lifetime", `exp must be at most ${rules.maxLifetime} seconds from now`)
      }
      if (rules.id === "required" && claims.jti === undefined) {
        return yield* reject("id", "jti is required")
      }
      if (rules.id !== undefined && claims.jti !== undefined) {
        const used = `${claims.iss} ${claims.jti}`
        if (seen.has(used)) {
          return yield* reject("replay", "jti was used before")
        }
        seen.add(used)
      }
      return claims
    })
}

/** How far ahead the clock of the issuer may be, in seconds. */
const LEEWAY = 10

const decodePart = <A>(part: string, schema: Schema.Schema<A, string>): Option.Option<A> =>
  Option.flatMap(Base64Url.decodeString(part), Schema.decodeOption(schema))

/** A JWT without `kid` is verified with the only key. */
const byKeyId = (header: Header, keys: ReadonlyArray<ClientKey>): ClientKey | undefined =>
  header.kid === undefined ? keys.length === 1 ? keys[0] : undefined : keys.find((key) => key.keyId === header.kid)

const KeyAlgorithm = Schema.Struct({
  name: Schema.String,
  hash: Schema.optional(Schema.Struct({ name: Schema.String })),
  namedCurve: Schema.optional(Schema.String)
})

const curves: Readonly<Record<string, readonly [alg: string, hash: string]>> = {
  "P-256": ["ES256", "SHA-256"],
  "P-384": ["ES384", "SHA-384"],
  "P-521": ["ES512", "SHA-512"]
}

const readAlgorithm = (key: CryptoKey): typeof KeyAlgorithm.Type =>
  Schema.decodeUnknownSync(KeyAlgorithm)(key.algorithm)

/** The `alg` (RFC 7518 §3.1) of a key. */
const algorithmOf = (key: CryptoKey): string | undefined => {
  const { hash, name, namedCurve = "" } = readAlgorithm(key)
  const bits = hash?.name.replace("SHA-", "")
  switch (name) {
    case "RSASSA-PKCS1-v1_5":
      return `RS${bits}`
    case "RSA-PSS":
      return `PS${bits}`
    case "ECDSA":
      return curves[namedCurve]?.[0]
    case "Ed25519":
      return "EdDSA"
    default:
      return undefined
  }
}

const parametersOf = (key: CryptoKey): RsaPssParams & EcdsaParams => {
  const { hash, name, namedCurve = "" } = readAlgorithm(key)
  const digest = hash?.name ?? curves[namedCurve]?.[1] ?? ""
  // RFC 7518 §3.5: the salt is as long as the hash.
  return { name, hash: digest, saltLength: Number(digest.replace("SHA-", "")) / 8 }
}

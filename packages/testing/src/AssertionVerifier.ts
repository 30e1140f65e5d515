/**
 * Verifies the JWTs by which a client or a grant says who it is (RFC 7523 §3), as a strict authorization server does: by
 * the signature, for one audience, while they are valid, and each `jti` once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Schema from "effect/Schema"
import type { ClientKey } from "./ClientKey.ts"
import * as Assertion from "./internal/assertion.ts"
import { Refusal } from "./TokenRequest.ts"

export type { ClientKey } from "./ClientKey.ts"

/**
 * - `issuer`, `subject`: what `iss` and `sub` have to be; the same one where `subject` is left out.
 * - `keys`: the public keys of the issuer. An assertion with a `kid` is verified by the key of that name, one without by
 *   the only key there is.
 * - `audiences`: what `aud` may be, one of them, and nothing beside it.
 * - `maxLifetime`: of `exp` from now, in seconds. Any by default.
 * - `error`: the code of its refusals; `invalid_client` by default, `invalid_grant` for the JWT bearer grant.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly issuer: string
  readonly subject?: string | undefined
  readonly keys: ReadonlyArray<ClientKey>
  readonly audiences: ReadonlyArray<string>
  readonly maxLifetime?: number | undefined
  readonly error?: "invalid_client" | "invalid_grant" | undefined
}

/**
 * The claims of an assertion.
 *
 * @since 0.1.0
 * @category models
 */
export type Claims = Readonly<Record<string, unknown>>

/**
 * @since 0.1.0
 * @category models
 */
export interface AssertionVerifier {
  /** The claims of an assertion that is right, which has to have a `jti` that was not seen before. */
  readonly verify: (assertion: string) => Effect.Effect<Claims, Refusal>
  /** The claims of every assertion so far that was right but for its `jti`, which may have been seen before. */
  readonly seen: Effect.Effect<ReadonlyArray<Claims>>
  /** From now on the keys are these. */
  readonly rotate: (keys: ReadonlyArray<ClientKey>) => Effect.Effect<void>
}

const Payload = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** Of one that was verified, so that it can be read. */
const claimsOf = (assertion: string): Claims =>
  Schema.decodeSync(Payload)(Either.getOrThrow(Encoding.decodeBase64UrlString(assertion.split(".")[1] ?? "")))

/**
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { AssertionVerifier, TestServers } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * declare const publicKey: CryptoKey
 *
 * const { verify } = AssertionVerifier.make({
 *   issuer: "nightly-report",
 *   keys: [{ publicKey }],
 *   audiences: ["https://auth.example.com"]
 * })
 *
 * const servers = TestServers.layer({
 *   authorizationServer: {
 *     authMethods: ["private_key_jwt"],
 *     clients: [{ clientId: "nightly-report" }],
 *     verifyClientAssertion: (assertion) => Effect.as(verify(assertion), "nightly-report")
 *   }
 * })
 * ```
 */
export const make = (options: Options): AssertionVerifier => {
  const { audiences, error = "invalid_client", issuer, maxLifetime, subject = issuer } = options
  let { keys } = options
  const seen: Array<Claims> = []
  const verify = Assertion.makeVerifier((name) => name === issuer ? keys : undefined, {
    audiences,
    maxLifetime,
    id: "required",
    subject: "any"
  })
  return {
    verify: (assertion) =>
      Effect.gen(function*() {
        const verified = yield* Effect.either(verify(assertion))
        if (Either.isLeft(verified) && verified.left.reason !== "replay") {
          return yield* new Refusal({ error, description: verified.left.description })
        }
        const claims = claimsOf(assertion)
        if (claims["sub"] !== subject) {
          return yield* new Refusal({ error, description: `sub must be ${subject} (RFC 7523 §3)` })
        }
        seen.push(claims)
        return Either.isLeft(verified)
          ? yield* new Refusal({ error, description: verified.left.description })
          : claims
      }),
    seen: Effect.sync(() => [...seen]),
    rotate: (next) =>
      Effect.sync(() => {
        keys = next
      })
  }
}

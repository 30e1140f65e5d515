/**
 * Verifies the JWTs of clients and grants (RFC 7523 §3) as a strict authorization server does: an assertion needs a
 * valid signature, one audience, a valid time, and a `jti` that was not used before.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Schema from "effect/Schema"
import type { ClientKey } from "./ClientKey.ts"
import * as Assertion from "./internal/assertion.ts"
import { Refusal } from "./TokenRequest.ts"

export type { ClientKey } from "./ClientKey.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The `iss` that an assertion must have (RFC 7523 §3). */
  readonly issuer: string
  /**
   * The `sub` that an assertion must have (RFC 7523 §3).
   *
   * @default `issuer`
   */
  readonly subject?: string | undefined
  /**
   * The public keys of the issuer. An assertion with a `kid` is verified with the key of that name. An assertion
   * without a `kid` is verified with the only key; with several keys it is refused.
   */
  readonly keys: ReadonlyArray<ClientKey>
  /** The accepted values of `aud`. An assertion must name exactly one of them (RFC 7523 §3). */
  readonly audiences: ReadonlyArray<string>
  /**
   * The longest time from now to `exp`.
   *
   * @default no limit
   */
  readonly maxLifetime?: Duration.DurationInput | undefined
  /**
   * The error code of a refusal. Use `invalid_grant` for the JWT bearer grant (RFC 7523 §3.1).
   *
   * @default "invalid_client"
   */
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
  /** The claims of a valid assertion. Refuses an assertion whose `jti` was used before. */
  readonly verify: (assertion: string) => Effect.Effect<Claims, Refusal>
  /**
   * The claims of all valid assertions so far. Those that were refused because their `jti` was used before are
   * included.
   */
  readonly seen: Effect.Effect<ReadonlyArray<Claims>>
  /** From now on only these keys are accepted. */
  readonly rotate: (keys: ReadonlyArray<ClientKey>) => Effect.Effect<void>
}

const Payload = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** The claims of a verified assertion, which is known to be readable. */
const claimsOf = (assertion: string): Claims =>
  Schema.decodeSync(Payload)(Either.getOrThrow(Encoding.decodeBase64UrlString(assertion.split(".")[1] ?? "")))

/**
 * A verifier for the assertions of one issuer.
 *
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
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): AssertionVerifier => {
  const { audiences, error = "invalid_client", issuer, maxLifetime, subject = issuer } = options
  let { keys } = options
  const seen: Array<Claims> = []
  const verify = Assertion.makeVerifier((name) => name === issuer ? keys : undefined, {
    audiences,
    maxLifetime: maxLifetime === undefined ? undefined : Duration.toSeconds(maxLifetime),
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

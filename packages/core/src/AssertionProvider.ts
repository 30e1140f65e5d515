/**
 * The service that supplies the assertion by which a workload proves its identity (RFC 7521).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { type AssertionSource, check, isRefused } from "./Assertion.ts"
import * as OwnOptions from "./authoring/OwnOptions.ts"
import * as TextOption from "./authoring/TextOption.ts"
import { AssertionError, type InvalidOptions } from "./OAuthError.ts"
import * as SignedAssertion from "./SignedAssertion.ts"

/**
 * @since 0.1.0
 * @category tags
 */
export class AssertionProvider extends Context.Tag("@effect-mcp-auth/core/AssertionProvider")<
  AssertionProvider,
  AssertionProvider.Service
>() {}

/**
 * @since 0.1.0
 */
export declare namespace AssertionProvider {
  /**
   * A function that returns an assertion. Every token request calls it anew.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service extends AssertionSource {}
}

/**
 * Assertions from a function of your own, which every token request calls anew.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { AssertionProvider } from "@effect-mcp-auth/core"
 * import type { OAuthError } from "@effect-mcp-auth/core"
 * import { Effect, Redacted } from "effect"
 *
 * declare const requestFromBroker: (audience: string) => Effect.Effect<string, OAuthError.AssertionError>
 *
 * const Assertions = AssertionProvider.layer(({ audience }) =>
 *   requestFromBroker(audience).pipe(Effect.map(Redacted.make))
 * )
 * ```
 */
export const layer = (provider: AssertionProvider.Service): Layer.Layer<AssertionProvider> =>
  Layer.succeed(AssertionProvider, provider)

/**
 * The same assertion for every token request, for example one that the platform has given to the job. A JWT is sent
 * only to its own audience: a JWT whose `aud` names neither the issuer nor the token endpoint, or that is not valid
 * now, is an `AssertionError`. A text that is not a JWT is an `AssertionError` too, unless `opaque` is set. A value that is
 * no text, as of a variable that is not set, is `InvalidOptions` of `assertion` when the Layer is built.
 *
 * A JWT for a token endpoint that is not on the issuer's own origin is sent only if the caller has given that endpoint:
 * metadata alone could name the endpoint of another authorization server.
 *
 * This Layer has only one assertion, so each token request presents it again. An authorization server that accepts each
 * `jti` once issues only one token for it: after a refusal, an assertion with a `jti` is an `AssertionError`
 * (`Refused`) and is not sent again.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { AssertionProvider } from "@effect-mcp-auth/core"
 * import { Redacted } from "effect"
 *
 * const Assertions = AssertionProvider.layerStatic(Redacted.make("eyJ..."))
 * ```
 */
export const layerStatic = (
  assertion: Redacted.Redacted<string>,
  options: {
    /**
     * Whether the assertion may be something other than a JWT.
     *
     * @default false
     */
    readonly opaque?: boolean | undefined
  } = {}
): Layer.Layer<AssertionProvider, InvalidOptions> =>
  Layer.effect(
    AssertionProvider,
    Effect.map(
      TextOption.checkSecret("assertion", assertion, "Give the assertion."),
      (assertion): AssertionSource => {
        const { opaque } = OwnOptions.read(options)
        return (request) =>
          Effect.gen(function*() {
            const { hasId } = yield* check(assertion, request, { now: yield* Clock.currentTimeMillis, opaque })
            return hasId && isRefused(assertion, request) ? yield* wasRefused() : assertion
          })
      }
    )
  )

const wasRefused = () =>
  new AssertionError({
    reason: "Refused",
    description: "The authorization server has refused the assertion, and may have accepted its `jti` once before " +
      "(RFC 7523 §3). The assertion was not sent again. Build the Layer with a new one."
  })

/**
 * Assertions that this process makes and signs, a new one for every token request (RFC 7523 §3). Building the Layer
 * loads
 * `jose`, and fails with `InvalidOptions` if the key cannot be used.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { AssertionProvider } from "@effect-mcp-auth/core"
 * import { Redacted } from "effect"
 *
 * const Assertions = AssertionProvider.layerSigned({
 *   issuer: "nightly-report",
 *   signingKey: Redacted.make("-----BEGIN PRIVATE KEY-----..."),
 *   signingAlgorithm: "ES256",
 *   keyId: "2026-01"
 * })
 * ```
 */
export const layerSigned = (
  options: SignedAssertion.Options
): Layer.Layer<AssertionProvider, InvalidOptions | AssertionError> =>
  Layer.effect(AssertionProvider, SignedAssertion.make(options))

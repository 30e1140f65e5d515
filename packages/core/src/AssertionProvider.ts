/**
 * Where the assertion comes from by which a workload says who it is (RFC 7521).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Jwt from "./internal/jwt.ts"
import type { AssertionError, InvalidOptions } from "./OAuthError.ts"
import * as SignedAssertion from "./SignedAssertion.ts"

/**
 * What an assertion is asked for.
 *
 * - `audience`: what its `aud` has to be.
 * - `issuer`, `tokenEndpoint`: of the authorization server that it is shown to.
 * - `resource`, `scopes`: what the token will be for.
 * - `refused`: whether the authorization server refused the assertion before this one. Who remembers an assertion, or a
 *   key, gets a new one then.
 * - `issuerUnnamed`: whether the caller named no issuer, so that the MCP server's word is all there is. Only an assertion
 *   whose own audience is this authorization server is fit to be sent then.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssertionRequest {
  readonly audience: string
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly resource: string
  readonly scopes: ReadonlyArray<string>
  readonly refused: boolean
  readonly issuerUnnamed?: boolean | undefined
}

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
   * Gives an assertion, anew each time it is asked.
   *
   * @since 0.1.0
   * @category models
   */
  export type Service = (request: AssertionRequest) => Effect.Effect<Redacted.Redacted<string>, AssertionError>
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (provider: AssertionProvider.Service): Layer.Layer<AssertionProvider> =>
  Layer.succeed(AssertionProvider, provider)

/**
 * Whether an assertion that somebody else made may be sent: only where it belongs, and while it is valid (RFC 7523 §3).
 * It is read and not verified: that is for the authorization server to do. `now` is in milliseconds since the epoch, and
 * so is `expiresAt`, which is `undefined` where the assertion does not say.
 *
 * @since 0.1.0
 * @category combinators
 */
export const check = (
  assertion: Redacted.Redacted<string>,
  request: AssertionRequest,
  options: { readonly now: number; readonly opaque?: boolean | undefined }
): Either.Either<{ readonly expiresAt: number | undefined }, AssertionError> =>
  Jwt.check(Redacted.value(assertion), request, { now: options.now, opaque: options.opaque ?? false })

/**
 * The same assertion for every request, such as one that the platform handed to the job. It is sent only where it
 * belongs: a JWT whose `aud` names neither the issuer nor the token endpoint, or that is not valid now, is an
 * `AssertionError`. What is no JWT is one too, unless `opaque` says that the authorization server takes it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerStatic = (
  assertion: Redacted.Redacted<string>,
  options: { readonly opaque?: boolean | undefined } = {}
): Layer.Layer<AssertionProvider> =>
  layer((request) =>
    Effect.clockWith((clock) =>
      Either.map(check(assertion, request, { now: clock.unsafeCurrentTimeMillis(), ...options }), () => assertion)
    )
  )

/**
 * An assertion that is made and signed anew for every request (RFC 7523 §3). Loads `jose` when the Layer is built, which
 * fails with `InvalidOptions` if the key is of no use.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSigned = (
  options: SignedAssertion.Options
): Layer.Layer<AssertionProvider, InvalidOptions | AssertionError> =>
  Layer.effect(AssertionProvider, SignedAssertion.make(options))

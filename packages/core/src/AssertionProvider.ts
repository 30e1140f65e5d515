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
import * as Jwt from "./internal/signing/jwt.ts"
import { AssertionError, type InvalidOptions } from "./OAuthError.ts"
import * as SignedAssertion from "./SignedAssertion.ts"

/**
 * What an assertion is asked for.
 *
 * - `audience`: what its `aud` has to be.
 * - `issuer`, `tokenEndpoint`: of the authorization server that it is shown to.
 * - `resource`, `scopes`: what the token will be for; the server's canonical identifier (RFC 8707 §2).
 * - `resourceParameter`: the value of the token request's `resource` parameter, if it has one.
 * - `refused`: the assertions that an authorization server has refused since one was given last, almost always none. A
 *   provider that remembers assertions, or a key, should forget these, and the key that signed them. Many may ask the same
 *   provider.
 * - `issuerUnnamed`: whether the caller named no issuer, so that the MCP server's word is all there is. Only an assertion
 *   whose own audience is this authorization server is sent then, whatever the provider gives.
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
  readonly resourceParameter?: string | undefined
  readonly refused: ReadonlyArray<Redacted.Redacted<string>>
  readonly issuerUnnamed?: boolean | undefined
}

/**
 * What the audience of an assertion is to be: the authorization server's issuer (draft-ietf-oauth-rfc7523bis), its token
 * endpoint (Okta, Entra ID), or another value.
 *
 * @since 0.1.0
 * @category models
 */
export type Audience = "issuer" | "token_endpoint" | { readonly value: string }

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
   * - `rotated`: told of an assertion that the authorization server has refused: whether the next one will be under
   *   another key, which the server may take. A plain function has none, and a refusal stands.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    (request: AssertionRequest): Effect.Effect<Redacted.Redacted<string>, AssertionError>
    readonly rotated?: ((refused: Redacted.Redacted<string>) => Effect.Effect<boolean>) | undefined
  }
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (provider: AssertionProvider.Service): Layer.Layer<AssertionProvider> =>
  Layer.succeed(AssertionProvider, provider)

/**
 * How an assertion is checked.
 *
 * - `now`: in milliseconds since the epoch.
 * - `opaque`: whether what is no JWT may be sent; `false` by default.
 * - `audiences`: what `aud` has to hold one of, where that is neither the audience asked for nor another name of the
 *   authorization server.
 * - `name`: what it is called in errors; `The assertion` by default.
 * - `remedy`: what to do about it, in a sentence.
 *
 * @since 0.1.0
 * @category models
 */
export interface CheckOptions {
  readonly now: number
  readonly opaque?: boolean | undefined
  readonly audiences?: ReadonlyArray<string> | undefined
  readonly name?: string | undefined
  readonly remedy?: string | undefined
}

/**
 * What an assertion says of itself.
 *
 * - `expiresAt`: in milliseconds since the epoch; `undefined` where it does not say.
 * - `hasId`: whether it has a `jti`, by which an authorization server may take it once and no more (RFC 7523 §3).
 * - `type`: its header `typ`; `resources`: its claim `resource`, one or many. Left out where it does not say.
 *
 * @since 0.1.0
 * @category models
 */
export interface Checked {
  readonly expiresAt: number | undefined
  readonly hasId: boolean
  readonly type?: string | undefined
  readonly resources?: ReadonlyArray<string> | undefined
}

/**
 * Whether an assertion that somebody else made may be sent: only where it belongs, and while it is valid (RFC 7523 §3).
 * It is read and not verified: that is for the authorization server to do.
 *
 * @since 0.1.0
 * @category combinators
 */
export const check = (
  assertion: Redacted.Redacted<string>,
  request: AssertionRequest,
  options: CheckOptions
): Either.Either<Checked, AssertionError> => Jwt.check(Redacted.value(assertion), request, options)

/**
 * The same assertion for every request, such as one that the platform handed to the job. It is sent only where it
 * belongs: a JWT whose `aud` names neither the issuer nor the token endpoint, or that is not valid now, is an
 * `AssertionError`. What is no JWT is one too, unless `opaque` says that the authorization server takes it.
 *
 * There is no other, so it is presented again for the next token. Where the authorization server takes each `jti` once, it
 * gets one token: one with a `jti` that was refused is an `AssertionError` (`Refused`) from then on, and is not sent again.
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
      Either.flatMap(
        check(assertion, request, { now: clock.unsafeCurrentTimeMillis(), ...options }),
        ({ hasId }) =>
          hasId && request.refused.some((refused) => Redacted.value(refused) === Redacted.value(assertion))
            ? Either.left(wasRefused())
            : Either.right(assertion)
      )
    )
  )

const wasRefused = () =>
  new AssertionError({
    reason: "Refused",
    description: "The authorization server has refused the assertion, which has a `jti` and may have been taken once " +
      "before (RFC 7523 §3). It was not sent again. Give a new one, and build the Layer anew."
  })

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

/**
 * The grants that a client presents at the token endpoint to get a token (RFC 6749 §1.3).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { AssertionSource, Audience } from "./Assertion.ts"
import * as AssertionRotation from "./internal/tokenRequest/assertionRotation.ts"
import type { AssertionError } from "./OAuthError.ts"
import type { Parameters, TokenRequestContext } from "./TokenRequestContext.ts"

/**
 * A grant: its type, and a function that makes its own parameters for every attempt. `TokenEndpoint` adds `scope`,
 * `resource`, the client's proof and the caller's additional parameters.
 *
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /** The value of `grant_type`. */
  readonly type: string
  /** Makes the parameters of one attempt. */
  readonly parameters: (context: TokenRequestContext) => Effect.Effect<Parameters, AssertionError>
  /**
   * Called with parameters to which the authorization server answered `invalid_grant`, possibly for several token
   * requests at once; for a client that does not authenticate, also after `invalid_client` or 401. `true` means that the
   * next parameters are other ones, for example after a rotation of the key, so that the token request is sent once
   * more, immediately. Without this function a refusal is final.
   */
  readonly refused?: ((parameters: Parameters) => Effect.Effect<boolean>) | undefined
  /**
   * Whether a refresh token, if one was issued, is used in place of the grant (RFC 6749 §6).
   *
   * @default false
   */
  readonly refreshable?: boolean | undefined
}

/**
 * The client credentials grant (RFC 6749 §4.4), which has no parameters: the client's own proof is enough.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientCredentials: Grant = {
  type: "client_credentials",
  parameters: () => Effect.succeed({})
}

/**
 * The JWT bearer grant (RFC 7523 §2.1): the client presents the assertion itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwtBearer = (options: {
  /** Returns the assertion. Every attempt calls it anew. */
  readonly assertionProvider: AssertionSource
  /**
   * The audience of the assertion.
   *
   * @default "issuer"
   */
  readonly audience?: Audience | undefined
}): Grant => {
  const assertions = AssertionRotation.make(options)
  return {
    type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    parameters: (context) => Effect.map(assertions.next(context), (assertion) => ({ assertion })),
    refused: ({ assertion }) => assertions.refused(assertion),
    refreshable: true
  }
}

/**
 * The refresh token grant (RFC 6749 §6).
 *
 * @since 0.1.0
 * @category constructors
 */
export const refreshToken = (token: Redacted.Redacted<string>): Grant => ({
  type: "refresh_token",
  parameters: () => Effect.succeed({ refresh_token: token })
})

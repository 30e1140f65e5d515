/**
 * What is presented at the token endpoint in return for a token (RFC 6749 §1.3).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { AssertionSource, Audience } from "./Assertion.ts"
import * as Assertions from "./internal/tokenRequest/presentedAssertions.ts"
import type { AssertionError } from "./OAuthError.ts"
import type { Parameters, TokenRequestContext } from "./TokenRequestContext.ts"

/**
 * A grant: its type, and a function that gives its own parameters anew for every attempt. `scope`, `resource`, the
 * client's proof and the caller's own parameters are not its concern.
 *
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /** The value of `grant_type`. */
  readonly type: string
  readonly parameters: (context: TokenRequestContext) => Effect.Effect<Parameters, AssertionError>
  /**
   * Told that the authorization server answered `invalid_grant` to these. A grant may be used by many at once. Whether
   * others can be had that it may take, as after a rotation of the key: then the request is sent once more, at once.
   */
  readonly refused?: ((parameters: Parameters) => Effect.Effect<boolean>) | undefined
  /** Whether a refresh token is used in place of the grant where one was issued (RFC 6749 §6). */
  readonly refreshable?: boolean | undefined
}

/**
 * The client credentials grant (RFC 6749 §4.4): the client's own proof is all there is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientCredentials: Grant = {
  type: "client_credentials",
  parameters: () => Effect.succeed({})
}

/**
 * The JWT bearer grant (RFC 7523 §2.1): the assertion itself is what is presented.
 *
 * - `assertionProvider`: asked anew for every attempt.
 * - `audience`: of the assertion, the issuer by default.
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwtBearer = (options: {
  readonly assertionProvider: AssertionSource
  readonly audience?: Audience | undefined
}): Grant => {
  const assertions = Assertions.make(options)
  return {
    type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    parameters: (context) => Effect.map(assertions.give(context), (assertion) => ({ assertion })),
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

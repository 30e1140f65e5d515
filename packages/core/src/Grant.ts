/**
 * What is presented at the token endpoint in return for a token (RFC 6749 §1.3).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Parameters, TokenRequestContext } from "./ClientAuthentication.ts"
import type { AssertionError } from "./OAuthError.ts"

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

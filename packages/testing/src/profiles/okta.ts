import * as Effect from "effect/Effect"
import { refuse } from "../TokenRequest.ts"
import type { Options, Profile } from "./profile.ts"
import { clientAssertions, forClients, HOUR, make } from "../internal/profile.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface OktaOptions extends Options {
  /** The organization's domain, as in `acme.okta.com`. */
  readonly domain: string
  /** The custom authorization server; `default` by default. */
  readonly authorizationServerId?: string | undefined
}

/**
 * Okta, a custom authorization server.
 *
 * - `scope` is required; the audience is set on the authorization server and `resource` is not read.
 * - An assertion needs `kid`, `aud` the token endpoint, and `exp` within an hour.
 *
 * @since 0.1.0
 * @category profiles
 */
export const okta = (options: OktaOptions): Profile =>
  make(options, () => {
    const issuer = `https://${options.domain}/oauth2/${options.authorizationServerId ?? "default"}`
    const tokenEndpoint = `${issuer}/v1/token`
    return {
      issuer,
      tokenEndpoint,
      verifyClientAssertion: clientAssertions(options, {
        audiences: [tokenEndpoint],
        maxLifetime: HOUR,
        id: "once",
        findKey: ({ kid }, keys) => keys.find((key) => key.keyId !== undefined && key.keyId === kid),
        explain: {
          key: "The client_assertion JWT kid is invalid.",
          audience: "The audience claim for client_assertion must be the endpoint invoked for the request."
        }
      }),
      grants: {
        client_credentials: forClients(({ parameters }) =>
          parameters.has("scope")
            ? Effect.succeed({})
            : refuse("invalid_scope", "No default scopes are configured, so 'scope' must be provided.")
        )
      }
    }
  })

import * as Effect from "effect/Effect"
import { refuse } from "../TokenRequest.ts"
import type { Options, Profile } from "./profile.ts"
import { clientAssertions, forClients, make } from "../internal/profile.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Auth0Options extends Options {
  /** The tenant's domain, as in `acme.eu.auth0.com`. */
  readonly domain: string
  /** The API's identifier. `resource` by default. */
  readonly audience?: string | undefined
}

/**
 * Auth0.
 *
 * - `audience` names the API; `resource` is not read.
 * - An assertion needs `aud` the issuer with its slash, `exp` within 5 minutes, and a new `jti`.
 *
 * @since 0.1.0
 * @category profiles
 */
export const auth0 = (options: Auth0Options): Profile =>
  make(options, () => {
    const issuer = `https://${options.domain}/`
    const api = options.audience ?? options.resource
    return {
      issuer,
      tokenEndpoint: `${issuer}oauth/token`,
      metadataAt: ["oauth-authorization-server", "openid-configuration"],
      verifyClientAssertion: clientAssertions(options, { audiences: [issuer], maxLifetime: 5 * 60, id: "required" }),
      grants: {
        client_credentials: forClients(({ parameters }) => {
          const audience = parameters.get("audience")
          if (audience === undefined) {
            return refuse(
              "access_denied",
              "No audience parameter was provided, and no default audience has been configured",
              403
            )
          }
          return audience === api
            ? Effect.succeed({})
            : refuse("access_denied", `Service not found: ${audience}`, 403)
        })
      }
    }
  })

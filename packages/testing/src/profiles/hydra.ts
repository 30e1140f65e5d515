import * as Effect from "effect/Effect"
import { refuse } from "../TokenRequest.ts"
import type { Options, Profile } from "./profile.ts"
import { clientAssertions, forClients, make } from "../internal/profile.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface HydraOptions extends Options {
  /** The public URL, which is the issuer, as in `https://hydra.example.com/`. */
  readonly issuer: string
  /** The audiences that clients may ask for. `resource` by default. */
  readonly audiences?: ReadonlyArray<string> | undefined
}

/**
 * Ory Hydra.
 *
 * - `audience` is one of the audiences of the client. Without it the token has no audience. `resource` is not read. A
 *   request without `scope` gets no scope.
 * - An assertion needs `aud` the token endpoint and a `jti`, which is accepted once (`jti_known`).
 *
 * @since 0.1.0
 * @category profiles
 */
export const hydra = (options: HydraOptions): Profile =>
  make(options, () => {
    const tokenEndpoint = `${options.issuer.replace(/\/$/, "")}/oauth2/token`
    const audiences = options.audiences ?? [options.resource]
    return {
      defaultResource: undefined,
      issuer: options.issuer,
      tokenEndpoint,
      metadataAt: ["oauth-authorization-server", "openid-configuration"],
      verifyClientAssertion: clientAssertions(options, { audiences: [tokenEndpoint], id: "required" }, "jti_known"),
      grants: {
        client_credentials: forClients(({ parameters }) => {
          const audience = parameters.get("audience")
          return audience !== undefined && !audiences.includes(audience)
            ? refuse(
              "invalid_request",
              `Requested audience "${audience}" has not been whitelisted by the OAuth 2.0 Client.`
            )
            : Effect.succeed({
              ...(audience === undefined ? {} : { resource: audience }),
              ...(parameters.has("scope") ? {} : { tokenScopes: [] })
            })
        })
      }
    }
  })

import type { Options, Profile } from "./profile.ts"
import { make } from "../internal/profile.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface CognitoOptions extends Options {
  /** The region, as in `eu-west-1`. */
  readonly region: string
  /** The user pool's id, as in `eu-west-1_Ab12Cd34E`. */
  readonly userPoolId: string
  /** The domain prefix of the user pool: its token endpoint is not on the issuer's host. */
  readonly domainPrefix: string
  /** The identifier of the resource server that the scopes belong to, as in `reports`. */
  readonly resourceServer: string
}

/**
 * Amazon Cognito.
 *
 * - Clients authenticate by secret. Scopes are named `{resourceServer}/{scope}`; write `scopes` without the resource
 *   server.
 * - Only the OpenID Connect address has metadata; other well-known addresses are answered with `400`.
 *
 * @since 0.1.0
 * @category profiles
 */
export const cognito = (options: CognitoOptions): Profile =>
  make(options, () => {
    const full = (scope: string) => `${options.resourceServer}/${scope}`
    return {
      clients: options.clients.map((client) => ({
        ...client,
        scopes: client.scopes?.map(full),
        defaultScopes: client.defaultScopes?.map(full)
      })),
      scopesSupported: options.scopes?.map(full),
      authMethods: ["client_secret_basic", "client_secret_post"],
      issuer: `https://cognito-idp.${options.region}.amazonaws.com/${options.userPoolId}`,
      tokenEndpoint: `https://${options.domainPrefix}.auth.${options.region}.amazoncognito.com/oauth2/token`,
      metadataNotFound: 400
    }
  })

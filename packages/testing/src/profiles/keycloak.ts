import type { Options, Profile } from "./profile.ts"
import { clientAssertions, make } from "../internal/profile.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface KeycloakOptions extends Options {
  /** Scheme, host and, where there is one, path, as in `https://sso.example.com`. */
  readonly baseUrl: string
  readonly realm: string
}

/**
 * Keycloak.
 *
 * - A mapper puts the audience into the token; `resource` is not read (it is experimental from 26.6 on).
 * - Keycloak form-decodes id and secret in HTTP Basic: a `+` that was not encoded makes them wrong.
 * - An assertion needs one `aud`, the issuer or the token endpoint, and is accepted once.
 *
 * @since 0.1.0
 * @category profiles
 */
export const keycloak = (options: KeycloakOptions): Profile =>
  make(options, () => {
    const issuer = `${options.baseUrl}/realms/${options.realm}`
    const tokenEndpoint = `${issuer}/protocol/openid-connect/token`
    return {
      issuer,
      tokenEndpoint,
      verifyClientAssertion: clientAssertions(options, { audiences: [issuer, tokenEndpoint], id: "required" })
    }
  })

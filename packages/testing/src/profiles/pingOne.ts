import type { Options, Profile } from "./profile.ts"
import { clientAssertions, HOUR, make } from "../internal/profile.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface PingOneOptions extends Options {
  readonly environmentId: string
  /** The host of the region. `auth.pingone.com` by default. */
  readonly host?: string | undefined
}

/**
 * PingOne.
 *
 * - The audience belongs to the scopes' resource; `resource` is not read.
 * - An assertion needs `aud` the issuer or the token endpoint, and `exp` within an hour.
 *
 * @since 0.1.0
 * @category profiles
 */
export const pingOne = (options: PingOneOptions): Profile =>
  make(options, () => {
    const issuer = `https://${options.host ?? "auth.pingone.com"}/${options.environmentId}/as`
    const tokenEndpoint = `${issuer}/token`
    return {
      issuer,
      tokenEndpoint,
      verifyClientAssertion: clientAssertions(options, { audiences: [issuer, tokenEndpoint], maxLifetime: HOUR })
    }
  })

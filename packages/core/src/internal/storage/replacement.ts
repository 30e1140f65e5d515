import * as Duration from "effect/Duration"
import * as AccessToken from "../../AccessToken.ts"

/**
 * Whether a token may take the place of the stored one. `now`: milliseconds since the epoch.
 *
 * @internal
 */
export const supersedes = (token: AccessToken.AccessToken, stored: AccessToken.AccessToken, now: number): boolean =>
  token.issuedAt >= stored.issuedAt || !AccessToken.isValidAt(stored, now)

/**
 * How long a refresh token is stored after its access token has expired, in milliseconds. No response says how long a
 * refresh token is valid (RFC 6749 §5.1).
 */
const REFRESHABLE_FOR = Duration.toMillis("30 days")

/**
 * When the stored token may be removed, in milliseconds since the epoch.
 *
 * @internal
 */
export const usefulUntil = ({ expiresAt, refreshToken }: AccessToken.AccessToken): number =>
  refreshToken === undefined ? expiresAt : expiresAt + REFRESHABLE_FOR

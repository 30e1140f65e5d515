import { type AccessToken, copy } from "../AccessToken.ts"

/** How far apart the clocks of two machines may be, in milliseconds. What is further in the future is no token's time. */
const MAX_SKEW = 30_000

/**
 * A token from a storage that was written by a clock ahead of this one: here it was issued now, and ends so much sooner.
 * `now` in milliseconds since the epoch.
 *
 * @internal
 */
export const adjust = (token: AccessToken, now: number): AccessToken => {
  const ahead = token.issuedAt - now
  if (ahead <= 0 || ahead > MAX_SKEW) return token
  const { expiresAt, refreshAt } = token
  return copy(token, {
    issuedAt: now,
    expiresAt: expiresAt - ahead,
    ...(refreshAt === undefined ? {} : { refreshAt: refreshAt - ahead })
  })
}

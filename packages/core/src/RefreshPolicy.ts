/**
 * When a provider renews its token, how long callers wait for a token, and how failed attempts are repeated.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { AccessToken } from "./AccessToken.ts"
import { isTransient, type OAuthError } from "./OAuthError.ts"

/**
 * The options of `make`, and the option `refreshPolicy` of every provider. A token's life has three parts:
 *
 * - *Fresh*: callers use the token as it is.
 * - *Advisory*: the background renews the token once, and callers use the held token.
 * - *Mandatory*: callers wait for the renewal, because the token could expire on its way to the MCP server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How long before the expiry the advisory part begins, as a function of the token's whole life. Half the life is used
   * if that is shorter. A `refresh_in` in the token response, as Entra ID sends it, takes the place of this window.
   *
   * @default a quarter of the life, at most 15 minutes for lives up to 90 minutes, 60 beyond
   */
  readonly advisoryWindow: (lifetime: Duration.Duration) => Duration.DurationInput
  /**
   * How long before the expiry the mandatory part begins, as a function of the token's whole life. Half the life is
   * used if that is shorter.
   *
   * @default a twentieth of the life, at most 1 minute
   */
  readonly mandatoryWindow: (lifetime: Duration.Duration) => Duration.DurationInput
  /**
   * The life of a token whose response has no `expires_in` (RFC 6749 §5.1 leaves it open); a year at most.
   *
   * @default 5 minutes
   */
  readonly defaultLifetime: Duration.DurationInput
  /**
   * Whether the background also renews a token that no caller has used. Some authorization servers bill each token.
   *
   * @default false
   */
  readonly renewUnused: boolean
  /**
   * The wait between failed attempts before the mandatory part: `base` after the first failure, then doubled each time
   * up to `max`. Up to half of the wait is added at random.
   *
   * @default base 1 second, max 5 minutes
   */
  readonly backoff: { readonly base: Duration.DurationInput; readonly max: Duration.DurationInput }
  /**
   * The wait between failed attempts while callers depend on them: in the mandatory part, and without a token.
   *
   * @default base 1 second, max 30 seconds
   */
  readonly urgentBackoff: { readonly base: Duration.DurationInput; readonly max: Duration.DurationInput }
  /**
   * How long callers wait while the authorization server is unreachable or does not answer.
   *
   * - `withToken`: in the mandatory part. After that time callers use the held token.
   * - `withoutToken`: counted from the first caller without a token. Failed attempts are repeated in that time. After
   *   it, calls fail immediately with the last error until an attempt succeeds. Calls also fail immediately if the next
   *   attempt comes later than that, as it does in a long outage. Callers always wait for an attempt in flight. The
   *   default leaves time for three attempts, of which two get no answer within the default `requestTimeout` of 10
   *   seconds. So one lost request fails no caller.
   *
   * @default withToken 1 second, withoutToken 25 seconds
   */
  readonly patience: { readonly withToken: Duration.DurationInput; readonly withoutToken: Duration.DurationInput }
  /**
   * How long, at the least, a final refusal answers later callers. A thousand callers make one request.
   *
   * @default 5 seconds
   */
  readonly refusalMemory: Duration.DurationInput
  /**
   * How long a token that replaced a rejected one stays in use although the MCP server rejects it too. Doubled with
   * each further rejection in a row, up to `backoff.max`. Rejections are in a row if each token was rejected on its
   * first use, or within twice this duration after it was obtained. A token that was accepted for longer was revoked,
   * and is replaced immediately.
   *
   * @default 1 second
   */
  readonly rejectionMemory: Duration.DurationInput
  /**
   * How long the `TokenStorage` may take to read, write or remove a token. After that time the provider carries on
   * without the storage.
   *
   * @default 5 seconds
   */
  readonly storageTimeout: Duration.DurationInput
  /**
   * How long to wait for the lease of a token that another process holds. After that time the provider asks the
   * authorization server without the lease.
   *
   * @default 30 seconds
   */
  readonly leaseTimeout: Duration.DurationInput
}

/**
 * A policy as a provider uses it: the fields of `Options`, with all durations decoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface RefreshPolicy {
  readonly advisoryWindow: (lifetime: Duration.Duration) => Duration.Duration
  readonly mandatoryWindow: (lifetime: Duration.Duration) => Duration.Duration
  readonly defaultLifetime: Duration.Duration
  readonly renewUnused: boolean
  readonly backoff: { readonly base: Duration.Duration; readonly max: Duration.Duration }
  readonly urgentBackoff: { readonly base: Duration.Duration; readonly max: Duration.Duration }
  readonly patience: { readonly withToken: Duration.Duration; readonly withoutToken: Duration.Duration }
  readonly refusalMemory: Duration.Duration
  readonly rejectionMemory: Duration.Duration
  readonly storageTimeout: Duration.Duration
  readonly leaseTimeout: Duration.Duration
}

const window = (longest: Duration.Duration, share: number) => (lifetime: Duration.Duration): Duration.Duration =>
  Duration.min(longest, Duration.times(lifetime, share))

/**
 * The default of every option. The windows are those of the AWS SDKs (5 minutes for lives up to 20 minutes, 15 up to
 * 90, 60 beyond; 60 seconds mandatory), limited to a quarter and a twentieth of the life. The quarter is the shorter
 * one for lives up to 20 minutes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const standard: RefreshPolicy = {
  advisoryWindow: (lifetime) => {
    const minutes = Duration.toMinutes(lifetime)
    return window(Duration.minutes(minutes <= 90 ? 15 : 60), 0.25)(lifetime)
  },
  mandatoryWindow: window(Duration.seconds(60), 0.05),
  defaultLifetime: Duration.minutes(5),
  renewUnused: false,
  backoff: { base: Duration.seconds(1), max: Duration.minutes(5) },
  urgentBackoff: { base: Duration.seconds(1), max: Duration.seconds(30) },
  patience: { withToken: Duration.seconds(1), withoutToken: Duration.seconds(25) },
  refusalMemory: Duration.seconds(5),
  rejectionMemory: Duration.seconds(1),
  storageTimeout: Duration.seconds(5),
  leaseTimeout: Duration.seconds(30)
}

/**
 * A policy with some options changed. All others are as in `standard`.
 *
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { RefreshPolicy } from "@effect-mcp-auth/core"
 * import { Duration, Redacted } from "effect"
 *
 * // For jobs that have a deadline: tokens are renewed early, also unused ones, and calls fail soon.
 * const refreshPolicy = RefreshPolicy.make({
 *   advisoryWindow: (lifetime) => Duration.times(lifetime, 0.5),
 *   renewUnused: true,
 *   patience: { withToken: 0, withoutToken: "2 seconds" }
 * })
 *
 * const providerOf = (serverUrl: string) =>
 *   ClientSecret.make({
 *     serverUrl,
 *     issuer: "https://auth.example.com",
 *     clientId: "nightly-report",
 *     clientSecret: Redacted.make("..."),
 *     refreshPolicy
 *   })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: Partial<Options>): RefreshPolicy => {
  if (options === undefined) return standard
  const { advisoryWindow, backoff, mandatoryWindow, patience, urgentBackoff, ...rest } = { ...standard, ...options }
  return {
    advisoryWindow: (lifetime) => Duration.decode(advisoryWindow(lifetime)),
    mandatoryWindow: (lifetime) => Duration.decode(mandatoryWindow(lifetime)),
    defaultLifetime: Duration.decode(rest.defaultLifetime),
    renewUnused: rest.renewUnused,
    backoff: { base: Duration.decode(backoff.base), max: Duration.decode(backoff.max) },
    urgentBackoff: { base: Duration.decode(urgentBackoff.base), max: Duration.decode(urgentBackoff.max) },
    patience: { withToken: Duration.decode(patience.withToken), withoutToken: Duration.decode(patience.withoutToken) },
    refusalMemory: Duration.decode(rest.refusalMemory),
    rejectionMemory: Duration.decode(rest.rejectionMemory),
    storageTimeout: Duration.decode(rest.storageTimeout),
    leaseTimeout: Duration.decode(rest.leaseTimeout)
  }
}

/**
 * The moments of one token's life, in milliseconds since the epoch. The advisory part begins before `renewAt`, which is
 * when the background renews the token. The mandatory part begins at `mandatoryAt`.
 *
 * @internal
 */
export interface Moments {
  readonly renewAt: number
  readonly mandatoryAt: number
}

/**
 * Plans the life of a token.
 *
 * - The renewals of many providers are spread over the first half of the advisory part.
 * - No window is longer than half the life, or a token would be due for renewal when it is issued.
 * - The renewal begins at least `2 * latency` before the mandatory part, so that it ends before that part.
 * - A `refreshAt` of the token, which the authorization server sent, takes the place of the advisory window.
 *
 * @param jitter at least 0 and below 1, rolled once per token: with a roll at each look, the earliest one would count
 * @param latency how long the last renewal took, in milliseconds
 *
 * @internal
 */
export const moments = (self: RefreshPolicy, token: AccessToken, jitter: number, latency = 0): Moments => {
  const life = token.expiresAt - token.issuedAt
  const lifetime = Duration.millis(life)
  const within = (window: Duration.Duration) => Math.min(Duration.toMillis(window), life / 2)
  const mandatoryAt = token.expiresAt - within(self.mandatoryWindow(lifetime))
  const advisory = within(self.advisoryWindow(lifetime))
  const advisoryAt = Math.min(mandatoryAt, token.refreshAt ?? token.expiresAt - advisory)
  const rolled = advisoryAt + Math.min(mandatoryAt - advisoryAt, advisory) * 0.5 * jitter
  const inTime = Math.max(mandatoryAt - 2 * latency, token.issuedAt + life / 2)
  return { renewAt: Math.floor(Math.min(rolled, inTime)), mandatoryAt }
}

/**
 * The wait before the next attempt, in milliseconds. The wait is doubled with each failure of the same kind, transient
 * or final, and up to half of it is added at random. If the server sent `Retry-After` (RFC 9110 §10.2.3), the wait is
 * that, and up to a tenth of it is added at random. After a final error the wait is at least `refusalMemory`.
 *
 * @param times how many failures of the same kind came before, in a row
 * @param error `undefined` for a bug below the provider, which counts as final
 * @param urgent whether callers depend on the attempt
 *
 * @internal
 */
export const delay = (
  self: RefreshPolicy,
  times: number,
  error: OAuthError | undefined,
  jitter: number,
  urgent: boolean
): number => {
  const { base, max } = urgent ? self.urgentBackoff : self.backoff
  const asked = error === undefined ? 0 : retryAfter(error)
  // A server that is overloaded sends the same `Retry-After` to thousands of clients.
  if (asked > 0) return Math.max(Math.ceil(asked * (1 + jitter / 10)), Duration.toMillis(base), memory(self, error))
  return Math.max(Math.ceil(doubled(base, times, max) * (1 + jitter / 2)), memory(self, error), SHORTEST_DELAY)
}

/** The shortest wait between attempts, in milliseconds, whatever the policy is. */
const SHORTEST_DELAY = 100

/** The longest `Retry-After` that is respected, in milliseconds: one hour. */
const MAX_RETRY_AFTER = 60 * 60 * 1000

const retryAfter = (error: OAuthError): number =>
  "retryAfter" in error ? Math.min(error.retryAfter ?? 0, MAX_RETRY_AFTER) : 0

/**
 * How long a token that replaced a rejected one stays in use although it is rejected too, in milliseconds.
 *
 * @param rejections how many tokens in a row the MCP server has rejected
 *
 * @internal
 */
export const rejectionMemory = (self: RefreshPolicy, rejections: number): number =>
  doubled(self.rejectionMemory, rejections - 1, self.backoff.max)

/**
 * The age below which a rejected token counts as one of a row, in milliseconds.
 *
 * @internal
 */
export const rejectedSoon = (self: RefreshPolicy): number => 2 * Duration.toMillis(self.rejectionMemory)

/**
 * How long a healthy but slow acquisition can take, in milliseconds. The callers of an acquisition that takes longer
 * fail, so that no caller waits for ever. The limit covers discovery, the wait for the lease, five operations of the
 * storage (three reads, a removal, and the release of the lease), and four requests to token endpoints (an identity
 * provider's, a refresh, the grant, and the grant with fewer scopes).
 *
 * @internal
 */
export const acquisitionLimit = (
  self: RefreshPolicy,
  requestTimeout: Duration.DurationInput,
  discoveryTimeout: Duration.DurationInput
): number =>
  Duration.toMillis(discoveryTimeout) + Duration.toMillis(self.leaseTimeout) +
  5 * Duration.toMillis(self.storageTimeout) + 4 * Duration.toMillis(requestTimeout)

/**
 * How long an error answers later callers, in milliseconds: a transient error as long as its `Retry-After` says, a
 * final one for `refusalMemory`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const memory = (self: RefreshPolicy, error: OAuthError | undefined): number =>
  error !== undefined && isTransient(error) ? retryAfter(error) : Duration.toMillis(self.refusalMemory)

/**
 * A duration that is doubled `times` times, up to a longest one, in milliseconds.
 *
 * @internal
 */
export const doubled = (base: Duration.Duration, times: number, max: Duration.Duration): number =>
  Math.min(Duration.toMillis(max), Duration.toMillis(base) * 2 ** Math.min(times, 30))

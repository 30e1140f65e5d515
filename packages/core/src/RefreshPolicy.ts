/**
 * When a token is renewed, and how long anybody waits for that.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { AccessToken } from "./AccessToken.ts"
import { isTransient, type OAuthError, TokenEndpointError } from "./OAuthError.ts"

/**
 * A token's life has three parts. *Fresh*: it is used as it is. *Advisory*: it is renewed once in the background while
 * everyone goes on with it. *Mandatory*: callers wait for the renewal, since the token might expire on its way.
 *
 * @since 0.1.0
 * @category models
 */
export interface RefreshPolicy {
  /** How long before the expiry the advisory part begins. Given the token's whole life. */
  readonly advisoryWindow: (lifetime: Duration.Duration) => Duration.Duration
  /** How long before the expiry the mandatory part begins. Given the token's whole life. */
  readonly mandatoryWindow: (lifetime: Duration.Duration) => Duration.Duration
  /** The life of a token whose answer does not say (RFC 6749 §5.1 leaves it open). */
  readonly defaultLifetime: Duration.Duration
  /** Whether a token that nobody has used since it was got is renewed all the same. Some providers bill each token. */
  readonly renewUnused: boolean
  /**
   * The wait after the first failed attempt, and the longest, while the token in hand has time left. Up to half as much
   * again is added at random.
   */
  readonly backoff: { readonly base: Duration.Duration; readonly max: Duration.Duration }
  /** The same from when callers depend on the next attempt: in the mandatory part, and without a token. */
  readonly urgentBackoff: { readonly base: Duration.Duration; readonly max: Duration.Duration }
  /**
   * How long callers wait for an authorization server that is away or does not answer. `withToken`: in the mandatory
   * part, before they go on with the token in hand. `withoutToken`: counted from the first of them; failed attempts are
   * repeated meanwhile, and who comes after it is told at once. So is who would wait in vain, since the next attempt is
   * later than that: after a long outage the backoff has grown. An attempt under way is waited for.
   */
  readonly patience: { readonly withToken: Duration.Duration; readonly withoutToken: Duration.Duration }
  /** How long a final refusal is remembered at the least, so that a thousand callers make one request. */
  readonly refusalMemory: Duration.Duration
  /**
   * How long a token that replaced a rejected one is not replaced in turn, should it be rejected as well; doubled with
   * each one that is, up to the longest backoff.
   */
  readonly rejectionMemory: Duration.Duration
  /** How long a storage may take to read, write or remove a token before it is done without. */
  readonly storageTimeout: Duration.Duration
  /** How long to wait for the lease of a token before asking for one without it. */
  readonly leaseTimeout: Duration.Duration
}

const minDuration =
  (fixed: Duration.DurationInput, share: number) => (lifetime: Duration.Duration): Duration.Duration =>
    Duration.min(Duration.decode(fixed), Duration.times(lifetime, share))

/**
 * Windows of the AWS SDKs (5 minutes for lives up to 20 minutes, 15 up to 90, 60 beyond; 60 seconds mandatory), never
 * more than a quarter and a twentieth of the life.
 *
 * @since 0.1.0
 * @category constructors
 */
export const standard: RefreshPolicy = {
  advisoryWindow: (lifetime) => {
    const minutes = Duration.toMinutes(lifetime)
    return minDuration(Duration.minutes(minutes <= 20 ? 5 : minutes <= 90 ? 15 : 60), 0.25)(lifetime)
  },
  mandatoryWindow: minDuration("60 seconds", 0.05),
  defaultLifetime: Duration.minutes(5),
  renewUnused: false,
  backoff: { base: Duration.seconds(1), max: Duration.minutes(5) },
  urgentBackoff: { base: Duration.seconds(1), max: Duration.seconds(30) },
  patience: { withToken: Duration.seconds(1), withoutToken: Duration.seconds(10) },
  refusalMemory: Duration.seconds(5),
  rejectionMemory: Duration.seconds(1),
  storageTimeout: Duration.seconds(5),
  leaseTimeout: Duration.seconds(30)
}

/**
 * `standard` with some of it changed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (changes: Partial<RefreshPolicy> = {}): RefreshPolicy => ({ ...standard, ...changes })

/**
 * The moments of one token's life, in milliseconds since the epoch: `renewAt`, from when it is renewed in the
 * background; `mandatoryAt`, from when callers wait.
 *
 * @since 0.1.0
 * @category models
 */
export interface Moments {
  readonly renewAt: number
  readonly mandatoryAt: number
}

/**
 * Rolls the moments of a token. `jitter`, at least 0 and below 1, is rolled once per token: rolled at every look, the
 * earliest roll would always win. It spreads the renewals over the first half of the advisory part. No window is
 * longer than half the life, or a token would be due for renewal when it is issued.
 *
 * `latency` is what the last renewal took, in milliseconds. The next begins twice that before the mandatory part at the
 * latest, so that it is done by then.
 *
 * Where the authorization server said when to renew (`refresh_in`), the advisory part begins there instead.
 *
 * @since 0.1.0
 * @category combinators
 */
export const moments = (self: RefreshPolicy, token: AccessToken, jitter: number, latency = 0): Moments => {
  const life = token.expiresAt - token.issuedAt
  const lifetime = Duration.millis(life)
  const window = (of: Duration.Duration) => Math.min(Duration.toMillis(of), life / 2)
  const mandatoryAt = token.expiresAt - window(self.mandatoryWindow(lifetime))
  const advisory = window(self.advisoryWindow(lifetime))
  const advisoryAt = Math.min(mandatoryAt, token.refreshAt ?? token.expiresAt - advisory)
  const rolled = advisoryAt + Math.min(mandatoryAt - advisoryAt, advisory) * 0.5 * jitter
  const inTime = Math.max(mandatoryAt - 2 * latency, token.issuedAt + life / 2)
  return { renewAt: Math.floor(Math.min(rolled, inTime)), mandatoryAt }
}

/**
 * The wait before the next attempt, in milliseconds, after an error of a kind, transient or final, of which there have
 * been `times` before in a row: doubled each time, with up to half as much again at random. Where the server said how
 * long (RFC 9110 §10.2.3) it is that, with up to a tenth at random, and where the error is final, at least as long as it
 * is remembered. `urgent` where callers depend on the attempt; no `error` stands for a bug below, which is final too.
 *
 * @since 0.1.0
 * @category combinators
 */
export const delay = (
  self: RefreshPolicy,
  times: number,
  error: OAuthError | undefined,
  jitter: number,
  urgent: boolean
): number => {
  const { base, max } = urgent ? self.urgentBackoff : self.backoff
  const said = error === undefined ? 0 : retryAfter(error)
  // Thousands may have been told the same moment.
  if (said > 0) return Math.max(Math.ceil(said * (1 + jitter / 10)), Duration.toMillis(base), memory(self, error))
  return Math.max(Math.ceil(doubled(base, times, max) * (1 + jitter / 2)), memory(self, error), SHORTEST_DELAY)
}

/** In milliseconds: whatever the policy says, failures do not follow one another at once. */
const SHORTEST_DELAY = 100

/** A server that says "next year" is not believed: an hour, in milliseconds. */
const MAX_RETRY_AFTER = 60 * 60 * 1000

const retryAfter = (error: OAuthError): number =>
  error instanceof TokenEndpointError ? Math.min(error.retryAfter ?? 0, MAX_RETRY_AFTER) : 0

/**
 * How long a token that was got in place of a rejected one is kept although it was rejected too, in milliseconds, after
 * so many rejections in a row.
 *
 * @since 0.1.0
 * @category combinators
 */
export const rejectionMemory = (self: RefreshPolicy, rejections: number): number =>
  doubled(self.rejectionMemory, rejections - 1, self.backoff.max)

/**
 * How long an error answers for the callers that come after it, in milliseconds.
 *
 * @since 0.1.0
 * @category combinators
 */
export const memory = (self: RefreshPolicy, error: OAuthError | undefined): number =>
  error !== undefined && isTransient(error) ? retryAfter(error) : Duration.toMillis(self.refusalMemory)

/**
 * A duration that is doubled with each repetition, up to a longest one, in milliseconds.
 *
 * @internal
 */
export const doubled = (base: Duration.Duration, times: number, max: Duration.Duration): number =>
  Math.min(Duration.toMillis(max), Duration.toMillis(base) * 2 ** Math.min(times, 30))

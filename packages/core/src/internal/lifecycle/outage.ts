import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { isTransient, type OAuthError } from "../../OAuthError.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"

/**
 * What came of the last request, be it an error or a bug below it, and until when nobody asks again. In milliseconds since
 * the epoch.
 *
 * @internal
 */
export interface Failure {
  readonly cause: Cause.Cause<OAuthError>
  readonly from: number
  readonly until: number
}

/**
 * The failures since the last token: how long each answers for the callers that come after it, and for how long those
 * who have no token wait for the authorization server to come back.
 *
 * @internal
 */
export class Outage {
  readonly #policy: RefreshPolicy.RefreshPolicy
  #failure: Failure | undefined
  /** Of either kind, in a row. */
  #failures = 0
  #refusals = 0
  #strandedSince: number | undefined

  constructor(policy: RefreshPolicy.RefreshPolicy) {
    this.#policy = policy
  }

  /** Whether the last request failed, as far as the clock can tell. */
  isOn(at: number): boolean {
    return this.#failure !== undefined && this.#failure.from <= at
  }

  /** The failure that answers for now. */
  current(at: number): Failure | undefined {
    return this.#failure !== undefined && this.#failure.from <= at && at < this.#failure.until
      ? this.#failure
      : undefined
  }

  /**
   * `mandatoryAt` is the token's in hand, if any. Before it the background has time; from then on callers depend on the
   * next attempt, so it is not slept through.
   */
  failed(cause: Cause.Cause<OAuthError>, from: number, jitter: number, mandatoryAt: number | undefined): void {
    this.#forgetIfOver(from)
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    const times = error !== undefined && isTransient(error) ? this.#failures++ : this.#refusals++
    const urgent = mandatoryAt === undefined || from >= mandatoryAt
    const until = from + RefreshPolicy.delay(this.#policy, times, error, jitter, urgent)
    const soonest = from + RefreshPolicy.delay(this.#policy, 0, error, 0, urgent)
    this.#failure = { cause, from, until: urgent ? until : Math.min(until, Math.max(soonest, mandatoryAt)) }
  }

  ended(): void {
    this.#failure = undefined
    this.#failures = 0
    this.#refusals = 0
    this.#strandedSince = undefined
  }

  /** There is somebody without a token. */
  strand(at: number): void {
    this.#forgetIfOver(at)
    this.#strandedSince ??= at
  }

  /**
   * Whether it is worth waiting for the next attempt. The patience is that of the outage: who comes when it has been
   * waited for long enough is told at once, and so is who would wait for nothing.
   */
  isWorthWaiting(cause: Cause.Cause<OAuthError>, at: number): boolean {
    if (this.#strandedSince === undefined || !Option.exists(Cause.failureOption(cause), isTransient)) return false
    const next = Math.max(at, this.#failure?.until ?? at)
    return next < this.#strandedSince + Duration.toMillis(this.#policy.patience.withoutToken)
  }

  /** Nobody has asked for so long that what was known says nothing any more, or the clock has gone back behind it. */
  #forgetIfOver(at: number): void {
    const last = this.#failure
    const patience = Duration.toMillis(this.#policy.patience.withoutToken)
    if ((last?.from ?? this.#strandedSince ?? at) > at || (last !== undefined && at > last.until + patience)) {
      this.ended()
    }
  }
}

import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { isTransient, type OAuthError } from "../../OAuthError.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"

/**
 * The failure of the last attempt: an error, or a bug below the provider. The provider does not ask the authorization
 * server again before `until`. Both moments are milliseconds since the epoch.
 *
 * @internal
 */
export interface Failure {
  readonly cause: Cause.Cause<OAuthError>
  readonly from: number
  readonly until: number
}

/**
 * The failed attempts since the last token: for how long each failure answers later callers, and for how long callers
 * without a token wait for the authorization server to come back.
 *
 * @internal
 */
export class Outage {
  readonly #policy: RefreshPolicy.RefreshPolicy
  #failure: Failure | undefined
  /** Transient failures in a row. */
  #failures = 0
  /** Final failures in a row. */
  #refusals = 0
  /** When the first caller without a token began to wait. */
  #waitingSince: number | undefined

  constructor(policy: RefreshPolicy.RefreshPolicy) {
    this.#policy = policy
  }

  /** Whether the last attempt failed. A failure from the future, left by a clock that was set back, does not count. */
  isOngoing(at: number): boolean {
    return this.#failure !== undefined && this.#failure.from <= at
  }

  /** The failure that answers callers at this moment. */
  current(at: number): Failure | undefined {
    return this.#failure !== undefined && this.#failure.from <= at && at < this.#failure.until
      ? this.#failure
      : undefined
  }

  /**
   * An attempt has failed.
   *
   * @param mandatoryAt when the mandatory part of the held token begins, if a valid token is held. Before that moment
   *   the background has time. From that moment on callers depend on the next attempt, so the wait ends there at the
   *   latest.
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

  /** An attempt has succeeded, or the last failure is too old to say anything about the present. */
  ended(): void {
    this.#failure = undefined
    this.#failures = 0
    this.#refusals = 0
    this.#waitingSince = undefined
  }

  /** A caller without a token begins to wait. The first one starts the patience of all. */
  waiterArrived(at: number): void {
    this.#forgetIfOver(at)
    this.#waitingSince ??= at
  }

  /**
   * Whether to wait for the next attempt. Patience is counted once for the whole outage, from the first waiter. When it
   * is over, or would be over before the next attempt, callers fail immediately.
   */
  isWorthWaiting(cause: Cause.Cause<OAuthError>, at: number): boolean {
    if (this.#waitingSince === undefined || !Option.exists(Cause.failureOption(cause), isTransient)) return false
    const next = Math.max(at, this.#failure?.until ?? at)
    return next < this.#waitingSince + Duration.toMillis(this.#policy.patience.withoutToken)
  }

  /**
   * Forgets the outage if no caller has asked for so long that the last failure says nothing about the present, or if
   * the clock has been set back to before the outage.
   */
  #forgetIfOver(at: number): void {
    const last = this.#failure
    const patience = Duration.toMillis(this.#policy.patience.withoutToken)
    if ((last?.from ?? this.#waitingSince ?? at) > at || (last !== undefined && at > last.until + patience)) {
      this.ended()
    }
  }
}

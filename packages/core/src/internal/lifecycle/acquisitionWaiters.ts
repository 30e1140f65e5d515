import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { AccessToken } from "../../AccessToken.ts"
import { isTransient, type OAuthError } from "../../OAuthError.ts"
import * as LeasedAcquisition from "./leasedAcquisition.ts"
import { type Demand, forReason, isAnsweredBy, isMetBy, waitsOutOutage } from "./demand.ts"
import type { Acquired, LifecycleParts } from "./lifecycleParts.ts"
import { type InFlight, SingleFlight } from "./singleFlight.ts"

type Joined = InFlight<Demand, AccessToken, OAuthError>

/**
 * One acquisition for all callers: who joins the acquisition in flight, who may use its outcome, and how long callers
 * wait.
 *
 * @internal
 */
export class AcquisitionWaiters {
  readonly #parts: LifecycleParts
  readonly #flights: SingleFlight<Demand, AccessToken, OAuthError>

  constructor(parts: LifecycleParts) {
    this.#parts = parts
    this.#flights = new SingleFlight({ clock: parts.clock, fork: parts.fibers.fork })
  }

  /** Whether waiting would not help a caller that has a token: the last attempt failed, or this one takes too long. */
  isServerAway(at: number): boolean {
    const { policy, state } = this.#parts
    return state.outage.isOngoing(at) ||
      (this.#flights.current?.isDelivered === false &&
        at - state.acquiringSince >= Duration.toMillis(policy.patience.withToken))
  }

  /** The time of the last pulse of an acquisition, in milliseconds since the epoch. */
  get aliveAt(): number {
    return this.#flights.aliveAt
  }

  /** A token that meets the demand, from the acquisition in flight where possible, else from one of its own. */
  acquire(demand: Demand): Acquired {
    return Effect.suspend(() => {
      const { fibers, state } = this.#parts
      if (fibers.isClosed()) return providerClosed
      const at = this.#parts.now()
      if (waitsOutOutage(demand) && state.held.valid(at) === undefined) state.waiterArrived(at)
      const inFlight = this.#flights.current
      if (inFlight === undefined) return this.#start(demand, at)
      // The held token is the outcome of that acquisition, and does not meet the demand. The next one starts at its
      // end.
      if (inFlight.isDelivered) return Effect.zipRight(inFlight.over, this.#acquireAfter(demand))
      if (isAnsweredBy(demand, inFlight.demand)) return this.#join(inFlight, demand)
      return Effect.flatMap(
        Effect.exit(this.#outcome(inFlight, demand)),
        (exit) => Exit.isSuccess(exit) && isMetBy(demand, exit.value) ? exit : this.#acquireAfter(demand)
      )
    })
  }

  /**
   * As `acquire`, for callers in the mandatory part. A valid held token is the answer if the acquisition fails or takes
   * longer than `patience.withToken`.
   */
  acquireOrHeld(demand: Demand): Acquired {
    return Effect.suspend(() => {
      const { fibers, policy, state } = this.#parts
      if (state.held.valid(this.#parts.now()) === undefined) return this.acquire(demand)
      return this.acquire(demand).pipe(
        Effect.timeoutOption(policy.patience.withToken),
        Effect.catchAllCause((cause) => fibers.isClosed() ? Effect.failCause(cause) : Effect.succeedNone),
        Effect.flatMap((renewed) => {
          const token = Option.getOrElse(renewed, () => state.held.valid(this.#parts.now()))
          return token === undefined ? this.acquire(demand) : Effect.succeed(token)
        })
      )
    })
  }

  /** One attempt of the scheduled refresh. Returns whether it brought a token. */
  renewInBackground(): Effect.Effect<boolean> {
    const pause = Effect.sync(() => this.#parts.state.backgroundPaused(this.#parts.now()))
    return Effect.as(this.acquire(forReason("Scheduled")), true).pipe(
      Effect.catchAll((error) => Effect.as(isTransient(error) ? Effect.void : pause, false)),
      Effect.catchAllDefect(() => Effect.as(pause, false))
    )
  }

  /**
   * Fails at once with a failure that is still current, unless it is worth waiting until the next attempt is allowed.
   */
  #start(demand: Demand, at: number): Acquired {
    const { acquisitionLimit, clock, state, telemetry } = this.#parts
    const failure = state.outage.current(at)
    const isHopeless = failure !== undefined && !this.#isWorthWaiting(failure.cause, demand, at)
    if (isHopeless) return Effect.failCause(failure.cause)
    const pause = failure === undefined ? 0 : failure.until - at
    const inFlight = this.#flights.start(demand, (flight) => {
      const acquired = telemetry.acquisition(LeasedAcquisition.run(this.#parts, demand, flight), demand)
      if (failure === undefined) return acquired
      return Effect.zipRight(clock.sleep(Duration.millis(pause)), this.#unlessHeld(demand, acquired))
    }, {
      millis: pause + acquisitionLimit,
      onTooLong: LeasedAcquisition.tookTooLong(this.#parts, demand)
    })
    return this.#join(inFlight, demand)
  }

  /** A clock that was set back may be right again after the wait. The held token is valid again then. */
  #unlessHeld(demand: Demand, acquired: Acquired): Acquired {
    return Effect.suspend(() => {
      const { held } = this.#parts.state
      const at = this.#parts.now()
      const token = at < held.moments.mandatoryAt ? held.valid(at) : undefined
      return token !== undefined && isMetBy(demand, token) ? Effect.succeed(token) : acquired
    })
  }

  /** As `acquire`, after another acquisition. Another caller may have acquired a token in the meantime. */
  #acquireAfter(demand: Demand): Acquired {
    const acquired = this.acquire(demand)
    // The background replaces a held token that callers can still use.
    return demand.reason === "Scheduled" ? acquired : this.#unlessHeld(demand, acquired)
  }

  /** The outcome of the acquisition. After a failure: the held token, or the next attempt while it is worth waiting. */
  #join(inFlight: Joined, demand: Demand): Acquired {
    return Effect.catchAllCause(this.#outcome(inFlight, demand), (cause) => {
      const { fibers, state } = this.#parts
      const at = this.#parts.now()
      const token = waitsOutOutage(demand) && !fibers.isClosed() ? state.held.valid(at) : undefined
      if (token !== undefined && isMetBy(demand, token)) return Effect.succeed(token)
      return this.#isWorthWaiting(cause, demand, at) ? this.acquire(demand) : Effect.failCause(cause)
    })
  }

  /**
   * The outcome of the acquisition. After an acquisition that was given up, the caller joins or starts another one. An
   * acquisition that was given up did not fail, so no outage begins.
   */
  #outcome(inFlight: Joined, demand: Demand): Acquired {
    const { fibers, telemetry } = this.#parts
    const exit = telemetry.waiting(inFlight.outcome, demand)
    return fibers.orWhenClosed(Effect.flatMap(exit, (exit) => exit ?? this.#acquireAfter(demand)), providerClosed)
  }

  #isWorthWaiting(cause: Cause.Cause<OAuthError>, demand: Demand, at: number): boolean {
    const { held, outage } = this.#parts.state
    return waitsOutOutage(demand) && held.valid(at) === undefined && outage.isWorthWaiting(cause, at)
  }
}

/**
 * The defect with which callers of a closed provider fail.
 *
 * @internal
 */
export const providerClosed: Effect.Effect<never> = Effect.suspend(() =>
  Effect.die(
    new Error(
      "This OAuthProvider is closed: its Layer, or scope, has ended. Keep it open for as long as its clients " +
        "and its fetch are used."
    )
  )
)

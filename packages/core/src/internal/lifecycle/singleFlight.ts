import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/**
 * A piece of work under way, what it was started for, and its outcome for whoever waits. To stop waiting does not stop
 * the work.
 *
 * @internal
 */
export interface Flight<Demand, A, E> {
  readonly demand: Demand
  readonly outcome: Effect.Effect<A, E>
  /** Whether the outcome is there and only the work's remainder is still under way. */
  readonly hasLanded: () => boolean
  /** The end of the work, in whatever way. */
  readonly ended: Effect.Effect<void>
}

/**
 * At most one flight at a time.
 *
 * @internal
 */
export interface SingleFlight<Demand, A, E> {
  readonly current: () => Flight<Demand, A, E> | undefined
  /** `work` may `land` ahead of its end: those who wait have their outcome then, and the rest goes on without them. */
  readonly start: (
    demand: Demand,
    work: (land: (value: A) => Effect.Effect<void>) => Effect.Effect<A, E>
  ) => Flight<Demand, A, E>
}

/**
 * `fork` decides whose fiber the work is: one that outlives every caller. A flight is over when its fiber has ended, in
 * whatever way, and only its own end clears it.
 *
 * @internal
 */
export const make = <Demand, A, E>(
  fork: (work: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
): SingleFlight<Demand, A, E> => {
  let current: Flight<Demand, A, E> | undefined
  return {
    current: () => current,
    start: (demand, work) => {
      const outcome = Deferred.unsafeMake<A, E>(FiberId.none)
      let landed = false
      const land = (exit: Exit.Exit<A, E>): void => {
        landed = true
        Deferred.unsafeDone(outcome, exit)
      }
      const fiber = fork(work((value) => Effect.sync(() => land(Exit.succeed(value)))))
      const flight: Flight<Demand, A, E> = {
        demand,
        outcome: Deferred.await(outcome),
        hasLanded: () => landed,
        ended: Effect.asVoid(Fiber.await(fiber))
      }
      // The work may have begun by now. It must not start another flight itself.
      current = flight
      fiber.addObserver((exit) => {
        if (current === flight) current = undefined
        if (!landed) land(exit)
      })
      return flight
    }
  }
}

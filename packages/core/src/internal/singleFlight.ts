import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * A piece of work under way, what it was started for, and its outcome for whoever waits. To stop waiting does not stop
 * the work.
 *
 * @internal
 */
export interface Flight<Demand, A, E> {
  readonly demand: Demand
  readonly outcome: Effect.Effect<A, E>
}

/**
 * At most one flight at a time.
 *
 * @internal
 */
export interface SingleFlight<Demand, A, E> {
  readonly current: () => Flight<Demand, A, E> | undefined
  readonly start: (demand: Demand, work: Effect.Effect<A, E>) => Flight<Demand, A, E>
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
      const fiber = fork(work)
      const flight = { demand, outcome: Effect.flatten(Fiber.await(fiber)) }
      current = flight
      fiber.addObserver(() => {
        if (current === flight) current = undefined
      })
      return flight
    }
  }
}

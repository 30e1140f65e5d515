import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/**
 * Work in flight, the demand that it was started for, and its outcome for all waiters. A waiter that stops waiting does
 * not stop the work.
 *
 * @internal
 */
export interface InFlight<Demand, A, E> {
  readonly demand: Demand
  /** Whether the waiters have their outcome. The rest of the work may still be in flight. */
  readonly isDelivered: boolean
  /** Waits for the outcome. */
  readonly outcome: Effect.Effect<A, E>
  /** Waits until the work has ended, whatever its outcome is. */
  readonly ended: Effect.Effect<unknown>
}

/**
 * At most one piece of work at a time.
 *
 * @internal
 */
export class SingleFlight<Demand, A, E> {
  readonly #fork: (work: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  #current: InFlight<Demand, A, E> | undefined

  /** `fork` decides to whom the fiber of the work belongs: it must outlive every caller. */
  constructor(fork: (work: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>) {
    this.#fork = fork
  }

  /** The work in flight. Only the end of its own fiber clears this. */
  get current(): InFlight<Demand, A, E> | undefined {
    return this.#current
  }

  /**
   * Starts work for a demand. `work` may `deliver` its outcome before its end: the waiters have their outcome then, and
   * the rest of the work continues without them. `work` must not start other work itself.
   */
  start(
    demand: Demand,
    work: (deliver: (value: A) => Effect.Effect<void>) => Effect.Effect<A, E>
  ): InFlight<Demand, A, E> {
    const outcome = Deferred.unsafeMake<A, E>(FiberId.none)
    let isDelivered = false
    const deliver = (exit: Exit.Exit<A, E>) => {
      isDelivered = true
      Deferred.unsafeDone(outcome, exit)
    }
    const fiber = this.#fork(work((value) => Effect.sync(() => deliver(Exit.succeed(value)))))
    // The work may have ended by now.
    const inFlight: InFlight<Demand, A, E> = {
      demand,
      get isDelivered() {
        return isDelivered
      },
      outcome: Deferred.await(outcome),
      ended: Fiber.await(fiber)
    }
    this.#current = inFlight
    fiber.addObserver((exit) => {
      if (this.#current === inFlight) this.#current = undefined
      if (!isDelivered) deliver(exit)
    })
    return inFlight
  }
}

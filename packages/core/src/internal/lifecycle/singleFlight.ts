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
export class InFlight<Demand, A, E> {
  readonly demand: Demand
  readonly #outcome = Deferred.unsafeMake<A, E>(FiberId.none)
  #isDelivered = false
  #fiber: Fiber.RuntimeFiber<A, E> | undefined

  constructor(demand: Demand) {
    this.demand = demand
  }

  /** Whether the waiters have their outcome. The rest of the work may still be in flight. */
  get isDelivered(): boolean {
    return this.#isDelivered
  }

  /** Waits for the outcome. */
  get outcome(): Effect.Effect<A, E> {
    return Deferred.await(this.#outcome)
  }

  /** Waits until the work has ended, whatever its outcome is. */
  get ended(): Effect.Effect<void> {
    return Effect.suspend(() => this.#fiber === undefined ? Effect.void : Effect.asVoid(Fiber.await(this.#fiber)))
  }

  /** Delivers the outcome to all waiters before the end of the work. */
  unsafeDeliver(exit: Exit.Exit<A, E>): void {
    this.#isDelivered = true
    Deferred.unsafeDone(this.#outcome, exit)
  }

  /** The fiber that does the work. Its exit is the outcome, unless one was delivered before. */
  unsafeRunBy(fiber: Fiber.RuntimeFiber<A, E>, onEnd: () => void): void {
    this.#fiber = fiber
    fiber.addObserver((exit) => {
      onEnd()
      if (!this.#isDelivered) this.unsafeDeliver(exit)
    })
  }
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
    const inFlight = new InFlight<Demand, A, E>(demand)
    const fiber = this.#fork(work((value) => Effect.sync(() => inFlight.unsafeDeliver(Exit.succeed(value)))))
    // The work may have ended by now.
    this.#current = inFlight
    inFlight.unsafeRunBy(fiber, () => {
      if (this.#current === inFlight) this.#current = undefined
    })
    return inFlight
  }
}

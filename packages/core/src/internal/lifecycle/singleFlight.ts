import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Limit, type Options, SharedWork } from "../waiting/sharedWork.ts"

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
  /** Waits for the outcome. `undefined` if the waiters have given the work up. */
  readonly outcome: Effect.Effect<Exit.Exit<A, E> | undefined>
  /** Waits until the work has ended or was given up, whatever its outcome is. */
  readonly over: Effect.Effect<void>
}

/**
 * The connection of work in flight to its waiters.
 *
 * @internal
 */
export interface Flight<A> {
  /** Gives the waiters their outcome before the end of the work. The rest of the work continues without them. */
  readonly deliver: (value: A) => Effect.Effect<void>
  /**
   * Whether the waiters have given the work up. Its outcome must change nothing then, because newer work may have
   * begun.
   */
  readonly isGivenUp: () => boolean
}

/**
 * At most one piece of work at a time. The next caller gives up work that is no longer alive, or has exceeded its limit
 * (see `SharedWork`).
 *
 * @internal
 */
export class SingleFlight<Demand, A, E> {
  readonly #options: Options
  #current: { readonly demand: Demand; readonly work: SharedWork<A, E> } | undefined
  #aliveAt = 0

  /** `fork` decides to whom the fiber of the work belongs: it must outlive every caller. */
  constructor(options: Options) {
    this.#options = options
  }

  /** The work in flight. `undefined` after its end, and after a caller has given it up. */
  get current(): InFlight<Demand, A, E> | undefined {
    const current = this.#current
    if (current === undefined || current.work.giveUpIfStale()) return undefined
    const { demand, work } = current
    return { demand, isDelivered: work.isDelivered, outcome: work.outcome, over: work.over }
  }

  /** The time of the last pulse of work, in milliseconds since the epoch. */
  get aliveAt(): number {
    return this.#current?.work.aliveAt ?? this.#aliveAt
  }

  /** Starts work for a demand. `work` must not start other work itself. */
  start(
    demand: Demand,
    work: (flight: Flight<A>) => Effect.Effect<A, E>,
    limit?: Limit<A, E>
  ): InFlight<Demand, A, E> {
    const shared = new SharedWork<A, E>(
      this.#options,
      (self) =>
        work({
          deliver: (value) => Effect.sync(() => self.deliver(Exit.succeed(value))),
          isGivenUp: () => self.isGivenUp
        }),
      limit
    )
    const current = { demand, work: shared }
    this.#current = current
    // Stryker disable next-line BlockStatement: without this block, ended work only stays in memory
    shared.whenOver(() => {
      // Stryker disable next-line ConditionalExpression: with `true`, ended work only stays in memory
      if (this.#current !== current) return
      this.#aliveAt = shared.aliveAt
      this.#current = undefined
    })
    return { demand, isDelivered: shared.isDelivered, outcome: shared.outcome, over: shared.over }
  }
}

import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as BackgroundClock from "./backgroundClock.ts"
import { LOOK, PULSE } from "./pulse.ts"
import { Signal } from "./signal.ts"

/** @internal */
export interface Options<in out R = never> {
  /** The clock of the owner. */
  readonly clock: Clock.Clock
  /** Starts a fiber that belongs to the owner of the work. */
  readonly fork: <A, E>(work: Effect.Effect<A, E, R>) => Fiber.RuntimeFiber<A, E>
}

/**
 * How long work may take. Work that takes longer is given up, even if its fiber cannot be interrupted.
 *
 * @internal
 */
export interface Limit<A, E> {
  /**
   * In milliseconds, by the timers of the work. By the clock of the machine, the waiters give the work up 5 seconds
   * later and get no outcome: timers stop while the machine is suspended.
   */
  readonly millis: number
  /** The outcome of work that takes longer. */
  readonly onTooLong: Effect.Effect<Exit.Exit<A, E>>
}

/** How much later the limit ends the work by the clock of the machine than by its own timers, in milliseconds. */
const GRACE = 5000

/** The time without a pulse after which the next caller gives the work up immediately, in milliseconds. */
const STALE = 5000

/**
 * Work that several callers wait for, in a fiber of its own. A caller that stops waiting does not stop the work.
 *
 * No caller waits for ever. Cloudflare Workers cancel the timers and fetches of a request when the request ends, and do
 * not resume the fiber that waits for them: work that such a request began never finishes. Work therefore has a pulse,
 * a timer that fires twice a second in the same request. Work with a recent pulse is alive. Waiters look for the pulse
 * by timers of their own, and give the work up if there is none, or if the work has exceeded its limit by the clock of
 * the machine (after a suspend).
 *
 * To give work up means: its fiber is interrupted, waiters that have no outcome yet stop waiting without one, and a late
 * outcome must change nothing.
 *
 * @internal
 */
export class SharedWork<A, E, R = never> {
  readonly #clock: Clock.Clock
  readonly #limit: Limit<A, E> | undefined
  readonly #delivered = new Signal()
  readonly #over = new Signal()
  readonly #fiber: Fiber.RuntimeFiber<A, E>
  readonly #pulse: Fiber.RuntimeFiber<void> | undefined
  #observers: Array<() => void> = []
  #outcome: Exit.Exit<A, E> | undefined
  #isGivenUp = false
  #pulses = 0
  #pulseAt: number
  #startedAt: number

  /**
   * Starts the work. Work that never waits has ended when the constructor returns. `work` is called in the fiber of the
   * caller.
   */
  constructor(
    { clock, fork }: Options<R>,
    work: (self: SharedWork<A, E, R>) => Effect.Effect<A, E, R>,
    limit?: Limit<A, E>
  ) {
    this.#clock = clock
    this.#limit = limit
    this.#startedAt = this.#pulseAt = clock.unsafeCurrentTimeMillis()
    this.#fiber = fork(work(this))
    if (this.#fiber.unsafePoll() === null) this.#pulse = fork(this.#beat)
    this.#fiber.addObserver((exit) => {
      if (!this.isDelivered) this.deliver(exit)
      this.#end()
    })
  }

  /** Whether the waiters have their outcome. The rest of the work may still be in flight. */
  get isDelivered(): boolean {
    return this.#delivered.isFired
  }

  /** Whether the work has ended, or was given up. */
  get isOver(): boolean {
    return this.#over.isFired
  }

  /** Whether the outcome of the waiters is a success. */
  get hasSucceeded(): boolean {
    return this.#outcome !== undefined && Exit.isSuccess(this.#outcome)
  }

  /** Whether the work was given up. Its late outcome must change nothing. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** The time of the last pulse, in milliseconds since the epoch. */
  get aliveAt(): number {
    return this.#pulseAt
  }

  /** Gives present and later waiters their outcome. The rest of the work continues without them. */
  deliver(exit: Exit.Exit<A, E>): void {
    if (this.isDelivered) return
    this.#outcome = exit
    this.#delivered.fire()
  }

  /** Runs `onOver` when the work has ended or was given up; immediately, if the work is over already. */
  whenOver(onOver: () => void): void {
    if (this.isOver) onOver()
    else this.#observers.push(onOver)
  }

  /** Waits for the outcome, in the turn of the request that waits. `undefined` if the work was given up. */
  readonly outcome: Effect.Effect<Exit.Exit<A, E> | undefined> = Effect.suspend(() =>
    Effect.map(this.#wait(this.#delivered), () => this.#outcome)
  )

  /** Waits until the work is over. */
  readonly over: Effect.Effect<void> = Effect.suspend(() => this.#wait(this.#over))

  #wait(signal: Signal): Effect.Effect<void> {
    if (signal.isFired) return Effect.void
    this.giveUpIfStale()
    return signal.wait(this.#watch)
  }

  /**
   * Gives the work up if its last pulse is too old, or if it has exceeded its limit. Returns whether the work is over.
   */
  giveUpIfStale(): boolean {
    const at = this.#clock.unsafeCurrentTimeMillis()
    // A clock that was set back must not extend the limit.
    this.#startedAt = Math.min(this.#startedAt, at)
    this.#pulseAt = Math.min(this.#pulseAt, at)
    const longest = this.#limit === undefined ? Number.POSITIVE_INFINITY : this.#limit.millis + GRACE
    if (at - this.#pulseAt > STALE || at - this.#startedAt >= longest) this.giveUp()
    return this.isOver
  }

  /** Gives the work up. */
  giveUp(): void {
    if (this.isOver) return
    this.#isGivenUp = true
    this.#delivered.fire()
    this.#end()
    // Last, because a fiber that ends now must not give the waiters an outcome.
    this.#fiber.unsafeInterruptAsFork(FiberId.none)
  }

  #end(): void {
    if (this.isOver) return
    this.#over.fire()
    this.#pulse?.unsafeInterruptAsFork(FiberId.none)
    for (const onOver of this.#observers) onOver()
    this.#observers = []
  }

  readonly #beat: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(BackgroundClock.of(this.#clock).sleep(PULSE), () => {
      this.#pulses++
      this.#pulseAt = this.#clock.unsafeCurrentTimeMillis()
      const limit = this.#limit
      if (limit === undefined || this.isDelivered || this.#pulses * Duration.toMillis(PULSE) < limit.millis) {
        return this.#beat
      }
      return Effect.map(limit.onTooLong, (exit) => {
        this.deliver(exit)
        this.giveUp()
      })
    })
  )

  /**
   * Looks for the pulse until the work is over. The timer belongs to the waiting caller, and keeps the process running
   * for that caller.
   */
  readonly #watch: Effect.Effect<void> = Effect.suspend(() => {
    const seen = this.#pulses
    return Effect.flatMap(Effect.sleep(LOOK), () => {
      if (seen === this.#pulses) this.giveUp()
      return this.giveUpIfStale() ? Effect.void : this.#watch
    })
  })
}

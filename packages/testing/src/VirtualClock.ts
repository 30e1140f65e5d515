/**
 * A clock for simulations: hours pass in seconds, and the machine's clock can be set or its timers suspended.
 *
 * `TestClock` is right for most tests. It waits for real timers to find out that all fibers are at rest, sorts all
 * sleepers at every step, and knows one time. A `VirtualClock` keeps its sleepers in a heap, and tells three times
 * apart, as they differ on a real machine: what the timers count, what the clock of the machine says, and the time of
 * the rest of the world.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as ClockService from "./internal/clockService.ts"
import { TimerQueue } from "./internal/timerQueue.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The time of the world at the start, in epoch milliseconds.
   *
   * @default 1_767_225_600_000 (2026-01-01T00:00:00Z)
   */
  readonly start?: number | undefined
  /**
   * Timers that are due within the same tick fire together, at the end of the tick: fewer steps for many sleepers.
   *
   * @default 0 (each timer fires at its own time)
   */
  readonly tick?: Duration.DurationInput | undefined
}

/** 2026-01-01 */
const defaultStart = 1_767_225_600_000

/** Effect's own `Clock` never ends a longer sleep. */
const longestTimer = 2 ** 31 - 1

/**
 * A clock whose time passes only when it is told to. All times are in milliseconds.
 *
 * Either drive it with {@link VirtualClock.advance} and run the program in its {@link VirtualClock.layer}, or provide
 * {@link VirtualClock.clock} with `Effect.withClock` and a scheduler of your own, and alternate between
 * {@link VirtualClock.fireNext} and running what the timers have resumed.
 *
 * @since 0.1.0
 * @category models
 */
export class VirtualClock {
  /** Effect's service: {@link machineTime}, and {@link elapsed} as its monotonic time. */
  readonly clock: Clock.Clock
  /** The clock, and a scheduler that {@link advance} can wait for, for everything that runs in this layer. */
  readonly layer: Layer.Layer<never>
  readonly #scheduler = new ClockService.CountingScheduler()
  readonly #timers = new TimerQueue()
  readonly #start: number
  readonly #tick: number
  #elapsed = 0
  #suspended = 0
  #skew = 0

  constructor({ start = defaultStart, tick = 0 }: Options = {}) {
    this.#start = start
    this.#tick = Duration.toMillis(tick)
    this.clock = ClockService.make({
      millis: () => this.machineTime,
      monotonicNanos: () => BigInt(Math.round(this.#elapsed * 1e6)),
      sleep: (duration) => this.#sleep(duration)
    })
    this.layer = ClockService.layer(this.clock, this.#scheduler)
  }

  /** What the timers count since the start. Stands still while the machine is suspended. */
  get elapsed(): number {
    return this.#elapsed
  }

  /** The time of the rest of the world, by which tokens expire at their server. */
  get worldTime(): number {
    return this.#start + this.#elapsed + this.#suspended
  }

  /** What the clock of this machine says. */
  get machineTime(): number {
    return this.worldTime + this.#skew
  }

  /** How far the clock of this machine is ahead of the world's. */
  get skew(): number {
    return this.#skew
  }

  /** How many timers have not fired yet. */
  get pending(): number {
    return this.#timers.size
  }

  #sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const millis = Duration.toMillis(duration)
      const at = millis > longestTimer ? Number.POSITIVE_INFINITY : this.#elapsed + millis
      const cancel = this.#timers.add(at, () => resume(Effect.void))
      return Effect.sync(cancel)
    })
  }

  /**
   * Passes to the next timer that is due up to `until` (in terms of {@link elapsed}) and fires all timers that are due
   * then, in order. `false` if no timer is due.
   */
  fireNext(until: number): boolean {
    const next = this.#timers.nextAt
    if (next === undefined || next > until) return false
    const end = this.#tick > 0 ? Math.min(until, Math.ceil(next / this.#tick) * this.#tick) : next
    this.#elapsed = Math.max(this.#elapsed, end)
    this.#timers.fireUpTo(this.#elapsed)
    return true
  }

  /** Passes to `until` (in terms of {@link elapsed}) without firing timers. */
  passTo(until: number): void {
    this.#elapsed = until
  }

  /**
   * Lets time pass: fires the timers that are due, in order, and each time waits until all fibers of {@link layer} are
   * at rest. Wait for one call to end before you make the next.
   */
  async advance(duration: Duration.DurationInput): Promise<void> {
    const until = this.#elapsed + Duration.toMillis(duration)
    await this.#settle()
    while (this.fireNext(until)) await this.#settle()
    this.passTo(until)
  }

  /** Suspends the machine: its timers stand still, while the world and the machine's clock go on. */
  suspend(duration: Duration.DurationInput): void {
    this.#suspended += Duration.toMillis(duration)
  }

  /** Sets the clock of this machine forward by so many milliseconds, or back by a negative number. */
  set(millis: number): void {
    this.#skew += millis
  }

  async #settle(): Promise<void> {
    do await turnOfTheLoop()
    while (this.#scheduler.pending > 0)
  }
}

/**
 * A clock at the start of its time.
 *
 * @example
 * ```ts
 * import { VirtualClock } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * const clock = VirtualClock.make({ tick: "100 millis" })
 * const fiber = Effect.runFork(Effect.provide(Effect.sleep("1 hour"), clock.layer))
 *
 * await clock.advance("1 hour")
 * fiber.unsafePoll() // Exit.void
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: Options): VirtualClock => new VirtualClock(options)

const globals: object = globalThis

/** `setImmediate` where there is one: a timer of no time takes a millisecond in Node. */
const soon: (f: () => void) => unknown =
  Predicate.hasProperty(globals, "setImmediate") && Predicate.isFunction(globals.setImmediate)
    ? globals.setImmediate.bind(globals)
    : (f) => setTimeout(f, 0)

const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => void soon(resolve))

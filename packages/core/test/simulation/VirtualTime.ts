/**
 * Time and fibers in the hands of the simulation.
 *
 * `TestClock` finds out that all fibers have come to rest by waiting for real timers, several times per step, which is
 * too slow for thousands of seeds; and it knows one time, where a machine has two: what its clock says, and what its
 * timers count. Here both are apart, as they are when a machine is suspended or its clock is set.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RuntimeFiber } from "effect/Fiber"
import type { Scheduler, Task } from "effect/Scheduler"
import { AbstractSupervisor } from "effect/Supervisor"
import type { PCGRandom } from "effect/Utils"

/** 2026-01-01, in milliseconds. */
const EPOCH = 1_767_225_600_000

/** `Clock` never ends a longer sleep. */
const MAX_TIMER = 2 ** 31 - 1

interface Timer {
  readonly at: number
  readonly fire: () => void
}

/** All times are in milliseconds. */
export class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  /** What the timers count. It stands still while the machine is suspended. */
  elapsed = 0
  #suspended = 0
  #skew = 0
  /** In the order in which they fire. */
  readonly #timers: Array<Timer> = []

  /** The time of the rest of the world, by which tokens expire. */
  get worldTime(): number {
    return EPOCH + this.elapsed + this.#suspended
  }

  /** How far this machine's clock is ahead of the world's. */
  get skew(): number {
    return this.#skew
  }

  get pending(): number {
    return this.#timers.length
  }

  unsafeCurrentTimeMillis(): number {
    return this.worldTime + this.#skew
  }

  /** Nobody can set this one. */
  unsafeCurrentTimeNanos(): bigint {
    return BigInt(this.elapsed) * 1_000_000n
  }

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.unsafeCurrentTimeMillis())

  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const millis = Duration.toMillis(duration)
      const timer = { at: millis > MAX_TIMER ? Infinity : this.elapsed + millis, fire: () => resume(Effect.void) }
      const index = this.#timers.findLastIndex(({ at }) => at <= timer.at)
      this.#timers.splice(index + 1, 0, timer)
      return Effect.sync(() => {
        const index = this.#timers.indexOf(timer)
        if (index >= 0) this.#timers.splice(index, 1)
      })
    })
  }

  /** Goes to the next timer up to this time of theirs, if there is one, and fires all that are due then. */
  fireNext(until: number): boolean {
    const next = this.#timers[0]
    if (next === undefined || next.at > until) return false
    this.elapsed = Math.max(this.elapsed, next.at)
    while (this.#timers[0] !== undefined && this.#timers[0].at <= this.elapsed) this.#timers.shift()?.fire()
    return true
  }

  /** The machine sleeps, and so do its timers. The world and the clock go on. */
  suspend(millis: number): void {
    this.#suspended += millis
  }

  /** Somebody sets the clock, forward or, by a negative number, backward. */
  set(millis: number): void {
    this.#skew += millis
  }
}

/** More at one instant is a fiber that never comes to rest. */
const MAX_TASKS = 20_000

/**
 * Runs fibers when told to: in turn, or, given a source of randomness, in any order, since nothing may depend on theirs.
 *
 * - `maxOps`: after how many operations a fiber makes way for the others.
 */
export class VirtualScheduler implements Scheduler {
  #tasks: Array<Task> = []
  readonly #maxOps: number
  readonly #random: PCGRandom | undefined

  constructor(maxOps: number, random: PCGRandom | undefined) {
    this.#maxOps = maxOps
    this.#random = random
  }

  get pending(): number {
    return this.#tasks.length
  }

  shouldYield(fiber: RuntimeFiber<unknown, unknown>): number | false {
    return fiber.currentOpCount > this.#maxOps ? 0 : false
  }

  scheduleTask(task: Task): void {
    this.#tasks.push(task)
  }

  /** Until every fiber waits for something: an answer, a timer, another fiber. */
  drain(): void {
    for (let count = 0; this.#tasks.length > 0; count++) {
      if (count > MAX_TASKS) throw new Error("a fiber never comes to rest")
      this.#take()?.()
    }
  }

  #take(): Task | undefined {
    if (this.#random === undefined) return this.#tasks.shift()
    const index = this.#random.integer(this.#tasks.length)
    const task = this.#tasks[index]
    const last = this.#tasks.pop()
    if (last !== undefined && index < this.#tasks.length) this.#tasks[index] = last
    return task
  }
}

/** Which fibers live. */
export class Census extends AbstractSupervisor<number> {
  readonly alive = new Set<unknown>()
  readonly value: Effect.Effect<number> = Effect.sync(() => this.alive.size)

  override onStart(_context: unknown, _effect: unknown, _parent: unknown, fiber: unknown): void {
    this.alive.add(fiber)
  }

  override onEnd(_exit: unknown, fiber: unknown): void {
    this.alive.delete(fiber)
  }
}

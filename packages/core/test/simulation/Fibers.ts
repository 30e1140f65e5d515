/**
 * The simulation runs fibers when it wants to and knows how many of them live. Its time is a `VirtualClock`.
 */
import type { VirtualClock } from "@effect-mcp-auth/testing"
import * as Effect from "effect/Effect"
import type { RuntimeFiber } from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type { Scheduler, Task } from "effect/Scheduler"
import { AbstractSupervisor } from "effect/Supervisor"
import type { Pcg } from "../support/pcg.ts"

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
  readonly #random: Pcg | undefined

  constructor(maxOps: number, random: Pcg | undefined) {
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

class Census extends AbstractSupervisor<number> {
  readonly alive = new Set<unknown>()
  readonly value: Effect.Effect<number> = Effect.sync(() => this.alive.size)

  override onStart(_context: unknown, _effect: unknown, _parent: unknown, fiber: unknown): void {
    this.alive.add(fiber)
  }

  override onEnd(_exit: unknown, fiber: unknown): void {
    this.alive.delete(fiber)
  }
}

/** A world in which fibers run. */
export interface Settings {
  readonly clock: VirtualClock.VirtualClock
  readonly scheduler: VirtualScheduler
  /** The seed of the random numbers that fibers get. */
  readonly seed: string
}

export interface FiberWorld {
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => RuntimeFiber<A, E>
  readonly runtime: Runtime.Runtime<never>
  /** How many fibers have not ended. */
  readonly alive: () => number
}

/** Fibers that are run by the scheduler, on the clock, without a log. */
export const makeWorld = ({ clock, scheduler, seed }: Settings): FiberWorld => {
  const census = new Census()
  const configured = Effect.runFork(
    Effect.runtime<never>().pipe(
      Effect.withClock(clock.clock),
      Effect.withRandom(Random.make(seed)),
      Effect.supervised(census),
      Effect.locally(FiberRef.currentLoggers, HashSet.empty())
    ),
    { scheduler }
  )
  scheduler.drain()
  const exit = configured.unsafePoll()
  if (exit?._tag !== "Success") throw new Error("the world of the fibers was not made")
  const runtime = exit.value
  return { runtime, fork: (effect) => Runtime.runFork(runtime)(effect), alive: () => census.alive.size }
}

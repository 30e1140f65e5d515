/**
 * The simulation runs fibers when it wants to and knows how many of them live. Its time is a `VirtualClock`.
 */
import type { VirtualClock } from "@effect-mcp-auth/testing"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Fiber } from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import type { Pcg } from "../support/pcg.ts"

type Task = () => void

/** More at one instant is a fiber that never comes to rest. */
const MAX_TASKS = 20_000

/**
 * Runs fibers when told to: in turn, or, given a source of randomness, in any order, since nothing may depend on theirs.
 *
 * - `maxOps`: after how many operations a fiber makes way for the others.
 */
export class VirtualScheduler implements Scheduler.Scheduler {
  readonly executionMode = "async"
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

  shouldYield(fiber: Fiber<unknown, unknown>): boolean {
    return fiber.currentOpCount > this.#maxOps
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return { scheduleTask: (task) => void this.#tasks.push(task), flush: () => this.drain() }
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

/** A world in which fibers run. */
export interface Settings {
  readonly clock: VirtualClock.VirtualClock
  readonly scheduler: VirtualScheduler
  /** The seed of the random numbers that fibers get. */
  readonly seed: string
}

export interface FiberWorld {
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber<A, E>
  readonly runtime: Context.Context<never>
  /** How many fibers have not ended. */
  readonly alive: () => number
}

/** Fibers that are run by the scheduler, on the clock, without a log. */
export const makeWorld = ({ clock, scheduler, seed }: Settings): FiberWorld => {
  let alive = 0
  const census: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => void alive++,
    recordFiberEnd: () => void alive--
  }
  const runtime = Effect.runSync(Random.withSeed(Effect.context<never>(), seed)).pipe(
    Context.add(Clock.Clock, clock.clock),
    Context.add(Scheduler.Scheduler, scheduler),
    Context.add(References.CurrentLoggers, new Set()),
    Context.add(Metric.FiberRuntimeMetrics, census)
  )
  return { runtime, fork: (effect) => Effect.runForkWith(runtime)(effect), alive: () => alive }
}

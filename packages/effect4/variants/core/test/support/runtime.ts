/** Effect's runtime for tests: fibers that run when a test says so, a census of fibers, and the values of metrics. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import { SeededRandom } from "./random.ts"
import { TaskQueue } from "./taskQueue.ts"

/**
 * Runs fibers when told to: in turn, or, given a source of randomness, in any order, since nothing may depend on theirs.
 *
 * - `maxOps`: after how many operations a fiber makes way for the others.
 */
export class VirtualScheduler extends TaskQueue implements Scheduler.Scheduler {
  readonly executionMode = "async"
  readonly #maxOps: number

  constructor(maxOps: number, random: SeededRandom | undefined) {
    super(random)
    this.#maxOps = maxOps
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return fiber.currentOpCount > this.#maxOps
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return { scheduleTask: (task) => this.add(task), flush: () => this.drain() }
  }
}

/** How many fibers live. */
export class Census {
  #alive = 0
  readonly #service: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      this.#alive++
    },
    recordFiberEnd: () => {
      this.#alive--
    }
  }

  get alive(): number {
    return this.#alive
  }

  /** Counts the fibers that an effect starts, and those that they start. */
  of<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.provideService(effect, Metric.FiberRuntimeMetrics, this.#service)
  }
}

export interface Settings {
  readonly clock: Clock.Clock
  readonly scheduler: VirtualScheduler
  /** Of the random numbers. */
  readonly seed: string
  readonly census?: Census
}

/** A context whose fibers have these settings, and log nothing. */
export const makeRuntime = ({ census = new Census(), clock, scheduler, seed }: Settings): Context.Context<never> => {
  const random = new SeededRandom(0, Hash.string(seed))
  return Effect.runSync(census.of(Effect.context<never>())).pipe(
    Context.add(Clock.Clock, clock),
    Context.add(Random.Random, {
      nextDoubleUnsafe: () => random.number(),
      nextIntUnsafe: () => random.integer(Number.MAX_SAFE_INTEGER)
    }),
    Context.add(Scheduler.Scheduler, scheduler),
    Context.add(References.CurrentLoggers, new Set())
  )
}

export interface Measured {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly count: number
  /** Of a histogram. */
  readonly sum?: number
  readonly min?: number
  readonly max?: number
}

/** The values of the counters and histograms so far. */
export const measuredSoFar = (): ReadonlyArray<Measured> =>
  Metric.snapshotUnsafe(Context.empty()).flatMap(({ attributes = {}, id: name, state, type }) => {
    if (type === "Counter") return [{ name, attributes, count: Number(state.count) }]
    if (type !== "Histogram") return []
    const { count, max, min, sum } = state
    return [{ name, attributes, count, sum, min, max }]
  })

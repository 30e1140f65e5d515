/** Effect's runtime for tests: fibers that run when a test says so, a census of fibers, and the values of metrics. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Random from "effect/Random"
import type { Runtime } from "effect/Runtime"
import type { Scheduler } from "effect/Scheduler"
import { AbstractSupervisor } from "effect/Supervisor"
import type { SeededRandom } from "./random.ts"
import { TaskQueue } from "./taskQueue.ts"

/**
 * Runs fibers when told to: in turn, or, given a source of randomness, in any order, since nothing may depend on theirs.
 *
 * - `maxOps`: after how many operations a fiber makes way for the others.
 */
export class VirtualScheduler extends TaskQueue implements Scheduler {
  readonly #maxOps: number

  constructor(maxOps: number, random: SeededRandom | undefined) {
    super(random)
    this.#maxOps = maxOps
  }

  shouldYield(fiber: RuntimeFiber<unknown, unknown>): number | false {
    return fiber.currentOpCount > this.#maxOps ? 0 : false
  }

  scheduleTask(task: () => void): void {
    this.add(task)
  }
}

/** How many fibers live. */
export class Census {
  readonly #fibers = new Set<unknown>()
  readonly #supervisor = new Supervisor(this.#fibers)

  get alive(): number {
    return this.#fibers.size
  }

  /** Counts the fibers that an effect starts, and those that they start. */
  of<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.supervised(effect, this.#supervisor)
  }
}

class Supervisor extends AbstractSupervisor<void> {
  readonly value = Effect.void
  readonly #fibers: Set<unknown>

  constructor(fibers: Set<unknown>) {
    super()
    this.#fibers = fibers
  }

  override onStart(_context: unknown, _effect: unknown, _parent: unknown, fiber: unknown): void {
    this.#fibers.add(fiber)
  }

  override onEnd(_exit: unknown, fiber: unknown): void {
    this.#fibers.delete(fiber)
  }
}

export interface Settings {
  readonly clock: Clock.Clock
  readonly scheduler: VirtualScheduler
  /** Of the random numbers. */
  readonly seed: string
  readonly census?: Census
}

/** A runtime whose fibers have these settings, and log nothing. */
export const makeRuntime = ({ census = new Census(), clock, scheduler, seed }: Settings): Runtime<never> => {
  const fiber = Effect.runFork(
    census.of(Effect.runtime<never>()).pipe(
      Effect.withClock(clock),
      Effect.withRandom(Random.make(seed)),
      Effect.locally(FiberRef.currentLoggers, HashSet.empty())
    ),
    { scheduler }
  )
  scheduler.drain()
  const exit = fiber.unsafePoll() ?? Exit.die("Making a runtime takes no time.")
  return Exit.getOrElse(exit, (cause) => {
    throw new Error(Cause.pretty(cause))
  })
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
  Metric.unsafeSnapshot().flatMap(({ metricKey: { name, tags }, metricState: state }): ReadonlyArray<Measured> => {
    const attributes = Object.fromEntries(tags.map(({ key, value }) => [key, value]))
    if (MetricState.isCounterState(state)) return [{ name, attributes, count: Number(state.count) }]
    if (!MetricState.isHistogramState(state)) return []
    const { count, max, min, sum } = state
    return [{ name, attributes, count, sum, min, max }]
  })

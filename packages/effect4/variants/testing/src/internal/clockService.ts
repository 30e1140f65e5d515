/**
 * The services of Effect that a `VirtualClock` stands in for.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"

/** @internal */
export interface Times {
  /** The time of the machine's clock, in epoch milliseconds. */
  readonly millis: () => number
  /** A time that only grows, in nanoseconds. */
  readonly monotonicNanos: () => bigint
  readonly sleep: (duration: Duration.Duration) => Effect.Effect<void>
}

/** @internal */
export const make = ({ millis, monotonicNanos, sleep }: Times): Clock.Clock => {
  const nanos = () => BigInt(Math.round(millis() * 1e6))
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonicNanos,
    monotonicTimeNanos: Effect.sync(monotonicNanos),
    sleep
  }
}

/**
 * Runs fibers as Effect does by default, and counts those that are still to run.
 *
 * @internal
 */
export class CountingScheduler implements Scheduler.Scheduler {
  readonly executionMode = "async"
  readonly #scheduler = new Scheduler.MixedScheduler()
  pending = 0

  shouldYield(): boolean {
    return false
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const dispatcher = this.#scheduler.makeDispatcher()
    return {
      scheduleTask: (task, priority) => {
        this.pending++
        dispatcher.scheduleTask(() => {
          this.pending--
          task()
        }, priority)
      },
      flush: () => dispatcher.flush()
    }
  }
}

/** @internal */
export const layer = (clock: Clock.Clock, scheduler: CountingScheduler): Layer.Layer<never> =>
  Layer.merge(Layer.succeed(Clock.Clock, clock), Layer.succeed(Scheduler.Scheduler, scheduler))

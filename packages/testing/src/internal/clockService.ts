/**
 * The services of Effect that a `VirtualClock` stands in for.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scheduler from "effect/Scheduler"

/** @internal */
export interface Times {
  /** The time of the machine's clock, in epoch milliseconds. */
  readonly millis: () => number
  /** A time that only grows, in nanoseconds. */
  readonly monotonicNanos: () => bigint
  readonly sleep: (duration: Duration.Duration) => Effect.Effect<void>
}

/** @internal */
export const make = ({ millis, monotonicNanos, sleep }: Times): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: millis,
  currentTimeMillis: Effect.sync(millis),
  unsafeCurrentTimeNanos: monotonicNanos,
  currentTimeNanos: Effect.sync(monotonicNanos),
  sleep
})

/**
 * Runs fibers as Effect does by default, and counts those that are still to run.
 *
 * @internal
 */
export class CountingScheduler implements Scheduler.Scheduler {
  pending = 0

  shouldYield(): number | false {
    return false
  }

  scheduleTask(task: () => void): void {
    this.pending++
    void Promise.resolve().then(() => {
      this.pending--
      task()
    })
  }
}

/** @internal */
export const layer = (clock: Clock.Clock, scheduler: CountingScheduler): Layer.Layer<never> =>
  Layer.merge(Layer.setClock(clock), Layer.setScheduler(scheduler))

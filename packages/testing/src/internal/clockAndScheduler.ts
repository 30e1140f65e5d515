/**
 * The parts of a `VirtualClock` that Effect itself calls.
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
  /** What the clock says, in epoch milliseconds. */
  readonly now: () => number
  /** What the timers count, in milliseconds. */
  readonly elapsed: () => number
  readonly sleep: (duration: Duration.Duration) => Effect.Effect<void>
}

/** @internal */
export const makeClock = ({ elapsed, now, sleep }: Times): Clock.Clock => {
  const nanos = () => BigInt(Math.round(elapsed() * 1e6))
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: now,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanos: Effect.sync(nanos),
    sleep
  }
}

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
export const layerOf = (clock: Clock.Clock, scheduler: CountingScheduler): Layer.Layer<never> =>
  Layer.merge(Layer.setClock(clock), Layer.setScheduler(scheduler))

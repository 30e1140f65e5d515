/**
 * The parts of a `VirtualClock` that Effect itself calls.
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
  /** What the clock says, in epoch milliseconds. */
  readonly now: () => number
  /** What the timers count, in milliseconds. */
  readonly elapsed: () => number
  readonly sleep: (duration: Duration.Duration) => Effect.Effect<void>
}

const nanosOf = (millis: () => number) => () => BigInt(Math.round(millis() * 1e6))

/** @internal */
export const makeClock = ({ elapsed, now, sleep }: Times): Clock.Clock => {
  const [wallTime, monotonicTime] = [nanosOf(now), nanosOf(elapsed)]
  return {
    currentTimeMillisUnsafe: now,
    currentTimeNanosUnsafe: wallTime,
    monotonicTimeNanosUnsafe: monotonicTime,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanos: Effect.sync(wallTime),
    monotonicTimeNanos: Effect.sync(monotonicTime),
    sleep
  }
}

/**
 * Runs each step of a fiber in a microtask, and counts the steps that are still to run.
 *
 * @internal
 */
export class CountingScheduler implements Scheduler.Scheduler {
  pending = 0
  readonly executionMode = "async"

  shouldYield(): boolean {
    return false
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const tasks: Array<() => void> = []
    const runNext = () => {
      const task = tasks.shift()
      if (task === undefined) return
      this.pending--
      task()
    }
    return {
      scheduleTask: (task) => {
        this.pending++
        tasks.push(task)
        void Promise.resolve().then(runNext)
      },
      flush: () => {
        while (tasks.length > 0) runNext()
      }
    }
  }
}

/** @internal */
export const layerOf = (clock: Clock.Clock, scheduler: CountingScheduler): Layer.Layer<never> =>
  Layer.merge(Layer.succeed(Clock.Clock, clock), Layer.succeed(Scheduler.Scheduler, scheduler))

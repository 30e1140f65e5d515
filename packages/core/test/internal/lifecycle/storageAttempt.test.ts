import { describe, expect, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, TestClock } from "effect"
import * as Attempt from "../../../src/internal/lifecycle/storageAttempt.ts"

/** How many timers run at the moment. */
let timers = 0

const start = <A, E>(work: Effect.Effect<A, E>) =>
  Effect.flatMap(Effect.clock, (clock) =>
    Attempt.start(work, {
      ...clock,
      sleep: (duration) =>
        Effect.acquireUseRelease(
          Effect.sync(() => timers++),
          () => clock.sleep(duration),
          () => Effect.sync(() => timers--)
        )
    }))

const second = Duration.seconds(1)

describe("Attempt", () => {
  it.effect("an attempt that never waits has ended when `start` returns, and needs no timer", () =>
    Effect.gen(function*() {
      for (const work of [Effect.succeed(1), Effect.fail("no"), Effect.die("a bug")]) {
        const attempt = yield* start<number, string>(work)
        expect(yield* attempt.within(second)).toEqual(yield* Effect.exit(work))
        expect(timers).toBe(0)
      }
    }))

  it.effect("an attempt can be awaited several times, and no timer outlives its end", () =>
    Effect.gen(function*() {
      const done = yield* Deferred.make<number>()
      const attempt = yield* start(Deferred.await(done))
      const first = yield* Effect.fork(attempt.within(second))
      yield* TestClock.adjust(second)
      expect(yield* Fiber.join(first)).toBe(undefined)
      const next = yield* Effect.fork(attempt.within(second))
      yield* TestClock.adjust("999 millis")
      yield* Deferred.succeed(done, 1)
      expect(yield* Fiber.join(next)).toEqual(Exit.succeed(1))
      yield* TestClock.adjust(0)
      expect(timers).toBe(0)
    }))

  it.effect("an attempt that cannot be interrupted does not delay a waiter that is, and continues by itself", () =>
    Effect.gen(function*() {
      const done = yield* Deferred.make<void>()
      let ended = false
      const attempt = yield* start(
        Deferred.await(done).pipe(Effect.tap(() => Effect.sync(() => ended = true)), Effect.uninterruptible)
      )
      const waiting = yield* Effect.fork(attempt.within(second))
      yield* TestClock.adjust(0)
      expect(timers).toBe(1)
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust(0)
      expect(timers).toBe(0)
      yield* attempt.interruptFork
      expect(ended).toBe(false)
      yield* Deferred.succeed(done, undefined)
      yield* attempt.within(second)
      expect(ended).toBe(true)
    }))

  it.effect("an attempt started in an uninterruptible region has its time limit and can be interrupted", () =>
    Effect.gen(function*() {
      let interrupted = false
      const attempt = yield* start(Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted = true)))
      const waiting = yield* Effect.fork(Effect.uninterruptible(attempt.within(second)))
      yield* TestClock.adjust(second)
      expect(yield* Fiber.join(waiting)).toBe(undefined)
      yield* attempt.interruptFork
      yield* attempt.within(second)
      expect(interrupted).toBe(true)
    }).pipe(Effect.uninterruptible))
})

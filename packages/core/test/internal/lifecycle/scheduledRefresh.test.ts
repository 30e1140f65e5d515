import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { schedule } from "../../../src/internal/lifecycle/scheduledRefresh.ts"

describe("schedule", () => {
  it.effect("looks again after the wait that was asked for, and stops at none", () =>
    Effect.gen(function*() {
      const looks: Array<number> = []
      const waits = [Option.some(10), Option.some(20), Option.none<number>()]
      const look = Effect.map(Effect.clock, (clock) => {
        looks.push(clock.unsafeCurrentTimeMillis())
        return waits[looks.length - 1] ?? Option.none()
      })
      const fiber = yield* Effect.fork(Effect.repeat(look, schedule))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      expect(looks).toEqual([0, 10, 30])
    }))

  it.effect("a wait longer than a timer can be is taken in parts", () =>
    Effect.gen(function*() {
      const at = 60 * 24 * 3_600_000
      const looks: Array<number> = []
      const look = Effect.map(Effect.clock, (clock) => {
        const now = clock.unsafeCurrentTimeMillis()
        looks.push(now)
        return now < at ? Option.some(at - now) : Option.none()
      })
      const fiber = yield* Effect.fork(Effect.repeat(look, schedule))
      yield* TestClock.adjust("60 days")
      yield* Fiber.join(fiber)
      expect(looks).toEqual([0, 2 ** 31 - 1, 2 * (2 ** 31 - 1), at])
    }))
})

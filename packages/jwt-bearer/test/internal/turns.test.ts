import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, TestClock } from "effect"
import { Turns } from "../../src/internal/turns.ts"

describe("turns", () => {
  it.effect("are taken one after the other, whatever the outcome of each", () =>
    Effect.gen(function*() {
      const turns = new Turns()
      let running = 0
      let most = 0
      const work = (index: number) =>
        Effect.gen(function*() {
          most = Math.max(most, ++running)
          yield* Effect.yieldNow()
          running--
          return yield* index % 2 === 0 ? Effect.fail("odd") : Effect.void
        })
      yield* Effect.all(
        Array.from({ length: 50 }, (_, index) => Effect.either(turns.run(work(index)))),
        { concurrency: "unbounded" }
      )
      expect([most, running]).toEqual([1, 0])
    }))

  it.effect("go on after one that is interrupted, at work or while it waits", () =>
    Effect.gen(function*() {
      const turns = new Turns()
      const first = yield* Effect.fork(turns.run(Effect.never))
      yield* TestClock.adjust(0)
      const second = yield* Effect.fork(turns.run(Effect.never))
      const third = yield* Effect.fork(turns.run(Effect.succeed("third")))
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(second)
      yield* Fiber.interrupt(first)
      expect(yield* Fiber.join(third)).toBe("third")
    }))

  it.effect("continue one after the other after a turn that never ends", () =>
    Effect.gen(function*() {
      const turns = new Turns()
      const stuck = yield* Effect.fork(turns.run(Effect.never))
      yield* TestClock.adjust(0)
      const gate = yield* Deferred.make<void>()
      let running = 0
      const work = Effect.zipRight(Effect.sync(() => ++running), Deferred.await(gate))
      const waiting = yield* Effect.forEach([1, 2, 3], () => Effect.fork(turns.run(work)))
      yield* TestClock.adjust("59 seconds")
      expect(running).toBe(0)
      yield* TestClock.adjust("1 second")
      expect(running).toBe(1)
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(waiting, Fiber.join)
      expect(running).toBe(3)
      yield* Fiber.interrupt(stuck)
    }))
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, TestClock } from "effect"
import { Permits } from "../../../src/internal/waiting/permits.ts"
import { makeWorkerClock } from "../../support/workerClock.ts"
import { many, outcomes, settle } from "../../support/provider.ts"

/** Work that counts how much of it runs at a time, and in which order it began. */
const counted = () => {
  const seen = { running: 0, most: 0, order: [] as Array<number> }
  const work = (name: number, inner: Effect.Effect<number, string> = Effect.delay(Effect.succeed(name), "1 second")) =>
    Effect.suspend(() => {
      seen.order.push(name)
      seen.most = Math.max(seen.most, ++seen.running)
      return Effect.ensuring(inner, Effect.sync(() => seen.running--))
    })
  return { seen, work }
}

describe("Permits", () => {
  it.effect("ten pieces of work with three permits run three at a time, in the order of arrival", () =>
    Effect.gen(function*() {
      const permits = new Permits(3)
      const { seen, work } = counted()
      const fibers = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, name) => name),
        (name) => Effect.fork(permits.run(work(name)))
      )
      yield* TestClock.adjust("4 seconds")
      expect(yield* Fiber.joinAll(fibers)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(seen).toEqual({ running: 0, most: 3, order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] })
    }))

  it.effect("work that takes two minutes and lives keeps its permit", () =>
    Effect.gen(function*() {
      const permits = new Permits(1)
      const { seen, work } = counted()
      const long = yield* Effect.fork(permits.run(work(1, Effect.delay(Effect.succeed(1), "2 minutes"))))
      const next = yield* Effect.fork(permits.run(work(2)))
      yield* TestClock.adjust("119 seconds")
      expect(seen.order).toEqual([1])
      yield* TestClock.adjust("2 seconds")
      expect([yield* Fiber.join(long), yield* Fiber.join(next)]).toEqual([1, 2])
    }))

  it.effect.each([
    { name: "fails", end: Exit.fail("no") },
    { name: "dies", end: Exit.die(new Error("a bug")) },
    { name: "is interrupted from below", end: Effect.interrupt }
  ])("work that $name returns its permit", ({ end }) =>
    Effect.gen(function*() {
      const permits = new Permits(1)
      for (let i = 0; i < 3; i++) expect(Exit.isFailure(yield* Effect.exit(permits.run(end)))).toBe(true)
      expect(yield* permits.run(Effect.succeed(7))).toBe(7)
    }))

  it.effect("a caller that is interrupted leaves the queue, or returns its permit", () =>
    Effect.gen(function*() {
      const permits = new Permits(1)
      const holder = yield* Effect.fork(permits.run(Effect.never))
      const [second, third] = [
        yield* Effect.fork(permits.run(Effect.never)),
        yield* Effect.fork(permits.run(Effect.succeed(3)))
      ]
      yield* settle
      yield* Fiber.interrupt(second)
      yield* Fiber.interrupt(holder)
      yield* settle
      expect(yield* Fiber.join(third)).toBe(3)
    }))

  it.effect("work whose timers have stopped loses its permit within 3 seconds, and later returns none", () =>
    Effect.gen(function*() {
      const permits = new Permits(2)
      const { clock, platform } = yield* makeWorkerClock
      const { seen, work } = counted()
      const dead = yield* many(2, Effect.withClock(permits.run(Effect.never), clock))
      yield* TestClock.adjust("10 seconds")
      const waiting = yield* Effect.forEach([1, 2, 3, 4], (name) => Effect.fork(permits.run(work(name, Effect.never))))
      yield* TestClock.adjust("10 seconds")
      expect(seen.order).toEqual([])
      platform.isOver = true
      yield* TestClock.adjust("3 seconds")
      expect(seen.order).toEqual([1, 2])
      yield* Effect.forEach(dead, Fiber.interrupt)
      yield* settle
      expect([seen.order, seen.most]).toEqual([[1, 2], 2])
      yield* Effect.forEach(waiting, Fiber.interrupt)
      expect(seen.running).toBe(0)
    }))

  it.effect("a caller that ended in the queue without a word delays those behind it by 3 seconds at most", () =>
    Effect.gen(function*() {
      const permits = new Permits(1)
      const { seen, work } = counted()
      const { clock, platform } = yield* makeWorkerClock
      const holder = yield* Effect.fork(permits.run(Effect.never))
      const dead = yield* Effect.fork(Effect.withClock(permits.run(Effect.never), clock))
      const next = yield* Effect.fork(permits.run(work(1)))
      yield* settle
      platform.isOver = true
      yield* Fiber.interrupt(holder)
      yield* TestClock.adjust("3 seconds")
      expect(seen.order).toEqual([1])
      yield* TestClock.adjust("1 second")
      expect(yield* outcomes([next])).toEqual([Exit.succeed(1)])
      yield* Fiber.interrupt(dead)
    }))
})

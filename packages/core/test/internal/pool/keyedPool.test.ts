import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, TestClock } from "effect"
import * as KeyedPool from "../../../src/internal/pool/keyedPool.ts"
import { makeWorkerClock } from "../../support/workerClock.ts"
import { many, outcomes, settle } from "../../support/provider.ts"

/** A pool whose first lookup waits for ever, on a platform that can end the timers of that lookup. */
const make = Effect.gen(function*() {
  const { clock, platform } = yield* makeWorkerClock
  const seen = { lookups: 0, closed: [] as Array<number> }
  const pool = yield* Effect.withClock(
    KeyedPool.make({
      lookup: (_: string) =>
        Effect.suspend(() => {
          const lookup = ++seen.lookups
          const release = Effect.addFinalizer(() => Effect.sync(() => seen.closed.push(lookup)))
          return Effect.zipRight(release, lookup === 1 ? Effect.never : Effect.succeed(lookup))
        }),
      idleTimeToLive: 60_000,
      capacity: 10,
      onClosed: Effect.die("closed")
    }),
    clock
  )
  return { pool, platform, seen, use: Effect.scoped(pool.get("a")) }
})

describe("KeyedPool", () => {
  it.scoped("a lookup whose timers have stopped is given up by its waiters, who share another one", () =>
    Effect.gen(function*() {
      const { platform, pool, seen, use } = yield* make
      const waiting = yield* many(3, use)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(seen.lookups, 1)
      platform.isOver = true
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* outcomes(waiting), [Exit.succeed(2), Exit.succeed(2), Exit.succeed(2)])
      assert.deepStrictEqual([seen, yield* pool.keys], [{ lookups: 2, closed: [1] }, ["a"]])
    }))

  it.scoped("a lookup whose timers have stopped and for which nobody waits is given up at once by the next caller", () =>
    Effect.gen(function*() {
      const { platform, seen, use } = yield* make
      const first = yield* Effect.fork(use)
      yield* settle
      yield* Fiber.interrupt(first)
      platform.isOver = true
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(yield* use, 2)
      yield* settle
      assert.deepStrictEqual(seen, { lookups: 2, closed: [1] })
    }))

  it.scoped("a value in use is not closed by the end of the lookup that it replaced", () =>
    Effect.gen(function*() {
      const { platform, pool, seen } = yield* make
      const waiting = yield* Effect.fork(Effect.scoped(Effect.zipRight(pool.get("a"), Effect.never)))
      yield* TestClock.adjust("1 second")
      platform.isOver = true
      yield* TestClock.adjust("3 seconds")
      platform.isOver = false
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([seen, yield* pool.keys], [{ lookups: 2, closed: [1] }, ["a"]])
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([seen, yield* pool.keys], [{ lookups: 2, closed: [1, 2] }, []])
    }))
})

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, TestClock } from "effect"
import * as OwnedFibers from "../../../src/authoring/OwnedFibers.ts"
import { IdleEntries } from "../../../src/internal/pool/idleEntries.ts"
import { makeWorkerClock } from "../../support/workerClock.ts"

const make = (timeToLive: Duration.DurationInput) =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const fibers = yield* OwnedFibers.make()
    const expired: Array<string> = []
    let sweeps = 0
    const idle: IdleEntries<string> = new IdleEntries({
      clock,
      timeToLive: Duration.toMillis(timeToLive),
      fork: (sweep) => {
        sweeps++
        fibers.fork(sweep)
      },
      onExpired: (entry) => {
        expired.push(entry)
        idle.delete(entry)
      }
    })
    const add = (entry: string) => {
      idle.add(entry)
      idle.sweep()
    }
    return { idle, add, expired, sweeps: () => sweeps }
  })

describe("IdleEntries", () => {
  it.scoped("iterates from the entry that has been idle for longest", () =>
    Effect.gen(function*() {
      const { add, idle } = yield* make("1 minute")
      for (const entry of ["a", "b", "c"]) add(entry)
      idle.delete("a")
      add("a")
      assert.deepStrictEqual([...idle], ["b", "c", "a"])
    }))

  it.scoped("one fiber expires all entries, each when its own time is over, and ends", () =>
    Effect.gen(function*() {
      const { add, expired, sweeps } = yield* make("1 minute")
      add("a")
      yield* TestClock.adjust("30 seconds")
      add("b")
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([expired, sweeps()], [["a"], 1])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([expired, sweeps()], [["a", "b"], 1])
      add("c")
      assert.strictEqual(sweeps(), 2)
    }))

  it.scoped("an entry that is deleted in time does not expire", () =>
    Effect.gen(function*() {
      const { add, expired, idle } = yield* make("1 minute")
      add("a")
      yield* TestClock.adjust("59 seconds")
      idle.delete("a")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(expired, [])
    }))

  it.scoped("entries expire although the clock was set back after the first one became idle", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Duration.toMillis("1 day"))
      const { add, expired } = yield* make("1 minute")
      add("a")
      yield* TestClock.setTime(0)
      add("b")
      yield* TestClock.adjust("2 days")
      assert.deepStrictEqual(expired, ["a", "b"])
    }))

  it.scoped("after the platform has ended the fiber's timer, the next sweep more than 5 seconds later expires entries", () =>
    Effect.gen(function*() {
      const { clock, platform } = yield* makeWorkerClock
      const { add, expired, idle, sweeps } = yield* Effect.withClock(make("1 minute"), clock)
      add("a")
      platform.isOver = true
      yield* TestClock.adjust("65 seconds")
      idle.sweep()
      assert.deepStrictEqual([expired, sweeps()], [[], 1])
      yield* TestClock.adjust("1 second")
      platform.isOver = false
      idle.sweep()
      assert.deepStrictEqual([expired, sweeps()], [["a"], 2])
      add("b")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([expired, sweeps()], [["a", "b"], 3])
    }))

  it.scoped("after a suspend, the next sweep expires entries although the timer still waits", () =>
    Effect.gen(function*() {
      const { clock, platform } = yield* makeWorkerClock
      const { add, expired, idle, sweeps } = yield* Effect.withClock(make("1 minute"), clock)
      add("a")
      yield* TestClock.adjust("1 second")
      platform.ahead = Duration.toMillis("1 hour")
      idle.sweep()
      assert.deepStrictEqual([expired, sweeps()], [["a"], 2])
    }))

  it.scoped("no fiber is started if entries never expire", () =>
    Effect.gen(function*() {
      const { add, sweeps } = yield* make(Duration.infinity)
      add("a")
      assert.strictEqual(sweeps(), 0)
    }))
})

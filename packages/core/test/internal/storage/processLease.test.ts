import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as ProcessLease from "../../../src/internal/storage/processLease.ts"

/** Takes the lease, records its holder, and holds it until the fiber is interrupted. */
const hold = (lease: ReturnType<typeof ProcessLease.make>, name: string, taken: Array<string>, who: string) =>
  Effect.fork(
    Effect.scoped(Effect.zipRight(lease(name), Effect.zipRight(Effect.sync(() => taken.push(who)), Effect.never)))
  )

const settle = TestClock.adjust(0)

describe("a lease within this process", () => {
  it.effect("goes to the waiting fibers in the order of arrival, and one name does not wait for another", () =>
    Effect.gen(function*() {
      const lease = ProcessLease.make()
      const taken: Array<string> = []
      const holders = yield* Effect.forEach(["a", "b", "c"], (who) => hold(lease, "one", taken, who))
      yield* hold(lease, "two", taken, "other")
      yield* settle
      expect(taken).toEqual(["a", "other"])
      for (const holder of holders) {
        yield* Fiber.interrupt(holder)
        yield* settle
      }
      expect(taken).toEqual(["a", "other", "b", "c"])
    }))

  it.effect("goes to the next fiber after five minutes, if its holder does not give it back", () =>
    Effect.gen(function*() {
      const lease = ProcessLease.make()
      const taken: Array<string> = []
      const lost = yield* hold(lease, "one", taken, "lost")
      yield* TestClock.adjust("5 minutes")
      yield* hold(lease, "one", taken, "early")
      yield* settle
      expect(taken).toEqual(["lost"])
      yield* TestClock.adjust("1 second")
      yield* hold(lease, "one", taken, "late")
      yield* settle
      expect(taken).toEqual(["lost", "early"])
      yield* Fiber.interrupt(lost)
      yield* settle
      expect(taken).toEqual(["lost", "early"])
    }))

  it.effect("goes to the next fiber if a waiting fiber is interrupted, even as it gets the lease", () =>
    Effect.gen(function*() {
      const lease = ProcessLease.make()
      const taken: Array<string> = []
      const scope = yield* Scope.make()
      yield* Scope.extend(lease("one"), scope)
      const waiting = yield* Effect.forEach(["a", "b", "c"], (who) => hold(lease, "one", taken, who))
      yield* settle
      const [a, b] = waiting
      if (a === undefined || b === undefined) throw new Error("no fiber waits")
      yield* Fiber.interrupt(b)
      expect(taken).toEqual([])
      // The fiber is interrupted and gets the lease at the same moment.
      yield* Effect.zipRight(Fiber.interruptFork(a), Scope.close(scope, Exit.void))
      yield* settle
      expect(taken).toEqual(["c"])
    }))

  it.effect("is free again after each holder has ended", () =>
    Effect.gen(function*() {
      const lease = ProcessLease.make()
      let turns = 0
      const turn = Effect.scoped(Effect.zipRight(lease("one"), Effect.sync(() => turns++)))
      yield* Effect.repeatN(turn, 9)
      yield* Effect.replicateEffect(turn, 10, { concurrency: "unbounded" })
      expect(turns).toBe(20)
    }))
})

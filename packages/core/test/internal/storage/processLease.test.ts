import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as ProcessLease from "../../../src/internal/storage/processLease.ts"

/** Takes the lease, says so, and holds it until it is interrupted. */
const hold = (lease: ReturnType<typeof ProcessLease.make>, name: string, said: Array<string>, who: string) =>
  Effect.fork(
    Effect.scoped(Effect.zipRight(lease(name), Effect.zipRight(Effect.sync(() => said.push(who)), Effect.never)))
  )

const settle = TestClock.adjust(0)

describe("a lease within the process", () => {
  it.effect("goes on in the order of arrival, and one name does not wait for another", () =>
    Effect.gen(function*() {
      const lease = ProcessLease.make()
      const said: Array<string> = []
      const holders = yield* Effect.forEach(["a", "b", "c"], (who) => hold(lease, "one", said, who))
      yield* hold(lease, "two", said, "other")
      yield* settle
      expect(said).toEqual(["a", "other"])
      for (const holder of holders) {
        yield* Fiber.interrupt(holder)
        yield* settle
      }
      expect(said).toEqual(["a", "other", "b", "c"])
    }))

  it.effect("is not lost with who leaves the line, also in the moment in which it is handed to him", () =>
    Effect.gen(function*() {
      const lease = ProcessLease.make()
      const said: Array<string> = []
      const scope = yield* Scope.make()
      yield* Scope.extend(lease("one"), scope)
      const waiting = yield* Effect.forEach(["a", "b", "c"], (who) => hold(lease, "one", said, who))
      yield* settle
      const [a, b] = waiting
      if (a === undefined || b === undefined) throw new Error("nobody waits")
      yield* Fiber.interrupt(b)
      expect(said).toEqual([])
      // Both before either is noticed.
      yield* Effect.zipRight(Fiber.interruptFork(a), Scope.close(scope, Exit.void))
      yield* settle
      expect(said).toEqual(["c"])
    }))

  it.effect("is anybody's again when nobody holds it", () =>
    Effect.gen(function*() {
      const lease = ProcessLease.make()
      let turns = 0
      const turn = Effect.scoped(Effect.zipRight(lease("one"), Effect.sync(() => turns++)))
      yield* Effect.repeatN(turn, 9)
      yield* Effect.replicateEffect(turn, 10, { concurrency: "unbounded" })
      expect(turns).toBe(20)
    }))
})

import { assert, describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as SharedDocuments from "../../../src/internal/http/sharedDocuments.ts"
import { makeWorkerClock } from "../../support/workerClock.ts"
import { many, outcomes, settle } from "../../support/provider.ts"

const options = {
  freshFor: (lifetime = 1000) => lifetime,
  isCached: () => true,
  capacity: 10,
  maxSize: 1000,
  sizeOf: (value: unknown) => JSON.stringify(value).length
}

interface Version {
  readonly version: number
}

/** A source that returns a new document for each reading, and counts the readings. */
const makeSource = () => {
  let count = 0
  return {
    count: () => count,
    read: Effect.sync((): SharedDocuments.Read<Version> => ({
      value: { version: ++count },
      lifetime: undefined
    }))
  }
}

describe("sharedDocuments", () => {
  it.scoped("one reading serves 100 readers that wait for it, and later readers while the document is fresh", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, never>(options)
      const gate = yield* Deferred.make<SharedDocuments.Read<string>>()
      const readers = yield* Effect.fork(
        Effect.all(Array.from({ length: 100 }, () => documents.get("a", Deferred.await(gate))), {
          concurrency: "unbounded"
        })
      )
      yield* settle
      yield* Deferred.succeed(gate, { value: "document", lifetime: 2000 })
      const first = yield* Fiber.join(readers)
      expect(new Set(first).size).toBe(1)
      expect(first[0]).toEqual({ value: "document", readAt: 0, freshUntil: 2000 })
      yield* TestClock.adjust(1999)
      expect(yield* documents.get("a", Effect.die("read again"))).toBe(first[0])
    }))

  it.scoped("a document is read again when it is stale, and after the clock was set back to before it was read", () =>
    Effect.gen(function*() {
      const { count, read } = makeSource()
      yield* TestClock.setTime(10_000)
      const documents = yield* SharedDocuments.make<Version, never>(options)
      yield* documents.get("a", read)
      yield* TestClock.setTime(11_000)
      yield* documents.get("a", read)
      expect(count()).toBe(2)
      yield* TestClock.setTime(5000)
      yield* documents.get("a", read)
      expect(count()).toBe(3)
    }))

  it.scoped("a reading that ended together with the request that began it is given up, and read again once", () =>
    Effect.gen(function*() {
      const { clock, platform } = yield* makeWorkerClock
      const { count, read } = makeSource()
      const documents = yield* Effect.withClock(SharedDocuments.make<Version, never>(options), clock)
      yield* Effect.fork(documents.get("a", Effect.suspend(() => platform.isOver ? read : Effect.never)))
      yield* settle
      platform.isOver = true
      const readers = yield* many(3, documents.get("a", read))
      yield* TestClock.adjust("3 seconds")
      for (const exit of yield* outcomes(readers)) expect(exit).toMatchObject({ value: { value: { version: 1 } } })
      expect(count()).toBe(1)
    }))

  it.scoped("neither a failure nor a defect is remembered", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, string>(options)
      expect(yield* Effect.flip(documents.get("a", Effect.fail("no")))).toBe("no")
      expect(Exit.isFailure(yield* Effect.exit(documents.get("a", Effect.die("bug"))))).toBe(true)
      expect((yield* documents.get("a", Effect.succeed({ value: "yes", lifetime: 1 }))).value).toBe("yes")
    }))

  it.scoped("a document that `isCached` rejects serves the readers that wait for it, and no later one", () =>
    Effect.gen(function*() {
      const { count, read } = makeSource()
      const documents = yield* SharedDocuments.make<Version, never>({ ...options, isCached: () => false })
      const slow = Effect.zipRight(Effect.sleep(10), read)
      const both = yield* Effect.fork(
        Effect.all([documents.get("a", slow), documents.get("a", slow)], { concurrency: 2 })
      )
      yield* TestClock.adjust(10)
      const [one, other] = yield* Fiber.join(both)
      expect(one).toBe(other)
      yield* documents.get("a", read)
      expect(count()).toBe(2)
    }))

  it.scoped("the interruption of the first reader does not fail the others", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, never>(options)
      const read = Effect.as(Effect.sleep(100), { value: "document", lifetime: 1000 })
      const first = yield* Effect.fork(documents.get("a", read))
      yield* settle
      const second = yield* Effect.fork(documents.get("a", Effect.die("a second reading")))
      yield* settle
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust(100)
      expect((yield* Fiber.join(second)).value).toBe("document")
    }))

  it.scoped("an uninterruptible first reader does not make the reading uninterruptible", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, string>(options)
      const read = Effect.timeoutFail(Effect.never, { duration: 100, onTimeout: () => "too late" })
      const reader = yield* Effect.fork(Effect.uninterruptible(documents.get("a", read)))
      yield* TestClock.adjust(100)
      expect(yield* Effect.flip(Fiber.join(reader))).toBe("too late")
    }))

  describe("a reader that wants to replace the document it knows", () => {
    it.scoped("one reading replaces the document for 100 readers that know the same one", () =>
      Effect.gen(function*() {
        const { count, read } = makeSource()
        const documents = yield* SharedDocuments.make<Version, never>(options)
        const known = yield* documents.get("a", read)
        const replaced = yield* Effect.all(
          Array.from({ length: 100 }, () => documents.get("a", read, known)),
          { concurrency: "unbounded" }
        )
        expect(new Set(replaced.map(({ value }) => value.version))).toEqual(new Set([2]))
        expect(count()).toBe(2)
      }))

    it.scoped("a reader accepts another document that was read within the last minute, although its own is fresh", () =>
      Effect.gen(function*() {
        const { count, read } = makeSource()
        const documents = yield* SharedDocuments.make<Version, never>({ ...options, freshFor: () => 3_600_000 })
        const known = yield* documents.get("a", read)
        yield* documents.get("a", read, known)
        yield* TestClock.adjust(59_999)
        yield* documents.get("a", read, known)
        expect(count()).toBe(2)
        yield* TestClock.adjust(1)
        yield* documents.get("a", read, known)
        expect(count()).toBe(3)
      }))

    it.scoped("a reader whose own document is stale accepts any fresh one", () =>
      Effect.gen(function*() {
        const { count, read } = makeSource()
        const documents = yield* SharedDocuments.make<Version, never>({ ...options, freshFor: () => 3_600_000 })
        const known = yield* documents.get("a", read)
        yield* TestClock.adjust("59 minutes")
        yield* documents.get("a", read, known)
        yield* TestClock.adjust("30 minutes")
        yield* documents.get("a", read, known)
        expect(count()).toBe(2)
      }))
  })

  it.scoped("above the capacity stale documents make room first, then those that were read first", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, string>({ ...options, capacity: 2 })
      const put = (name: string, lifetime: number) => documents.get(name, Effect.succeed({ value: name, lifetime }))
      const has = (name: string) => Effect.isSuccess(documents.get(name, Effect.fail("gone")))
      yield* put("long", 10_000)
      yield* put("short", 100)
      yield* TestClock.adjust(100)
      yield* put("next", 10_000)
      assert.deepStrictEqual(yield* Effect.forEach(["long", "short", "next"], has), [true, false, true])
      yield* put("last", 10_000)
      assert.deepStrictEqual(yield* Effect.forEach(["long", "next", "last"], has), [false, true, true])
    }))

  it.scoped("above the largest size stale documents make room first, then those that were read first", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, string>({
        ...options,
        maxSize: 100,
        sizeOf: (value) => value.length
      })
      const put = (name: string, size: number, lifetime = 10_000) =>
        documents.get(name, Effect.succeed({ value: "x".repeat(size - name.length), lifetime }))
      const has = (name: string) => Effect.isSuccess(documents.get(name, Effect.fail("gone")))
      yield* put("a", 40)
      yield* put("stale", 40, 100)
      yield* TestClock.adjust(100)
      yield* put("b", 60)
      assert.deepStrictEqual(yield* Effect.forEach(["a", "stale", "b"], has), [true, false, true])
      yield* put("c", 40)
      assert.deepStrictEqual(yield* Effect.forEach(["a", "b", "c"], has), [false, true, true])
      yield* put("too large", 101)
      assert.deepStrictEqual(yield* Effect.forEach(["b", "c", "too large"], has), [true, true, false])
    }))

  it.scoped("the size of a document that was replaced no longer counts", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, string>({
        ...options,
        maxSize: 100,
        sizeOf: (value) => value.length
      })
      for (let times = 0; times < 10; times++) {
        yield* documents.get("a", Effect.succeed({ value: "x".repeat(40), lifetime: 100 }))
        yield* TestClock.adjust(100)
      }
      yield* documents.get("b", Effect.succeed({ value: "x".repeat(50), lifetime: 100 }))
      yield* documents.get("a", Effect.succeed({ value: "y".repeat(40), lifetime: 100 }))
      assert.isTrue(yield* Effect.isSuccess(documents.get("b", Effect.fail("gone"))))
    }))

  it.effect("after the scope is closed every reader reads for itself, even one that was waiting", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { count, read } = makeSource()
      const documents = yield* Scope.extend(SharedDocuments.make<Version, never>(options), scope)
      const slow = Effect.zipRight(Effect.sleep(100), read)
      const waiting = yield* Effect.fork(documents.get("a", slow))
      yield* TestClock.adjust(50)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(100)
      expect((yield* Fiber.join(waiting)).value.version).toBe(1)
      yield* documents.get("a", read)
      expect(count()).toBe(2)
    }))
})

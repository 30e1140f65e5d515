import { assert, describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as SharedDocuments from "../../../src/internal/http/sharedDocuments.ts"
import { settle } from "../../support/provider.ts"

const options = { freshFor: (lifetime = 1000) => lifetime, isKept: () => true, capacity: 10 }

interface Version {
  readonly version: number
}

/** A source that gives a new document each time, and counts. */
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
  it.scoped("one reading serves all who ask meanwhile and, while it is fresh, those who ask later", () =>
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

  it.scoped("is read again when it is stale, and when the clock went back before it was read", () =>
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

  it.scoped("neither a failure nor a defect is kept", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, string>(options)
      expect(yield* Effect.flip(documents.get("a", Effect.fail("no")))).toBe("no")
      expect(Exit.isFailure(yield* Effect.exit(documents.get("a", Effect.die("bug"))))).toBe(true)
      expect((yield* documents.get("a", Effect.succeed({ value: "yes", lifetime: 1 }))).value).toBe("yes")
    }))

  it.scoped("what is not to be kept is shared by those who wait for it, and by nobody else", () =>
    Effect.gen(function*() {
      const { count, read } = makeSource()
      const documents = yield* SharedDocuments.make<Version, never>({ ...options, isKept: () => false })
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

  it.scoped("the reader that comes first may be interrupted: the others are served", () =>
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

  it.scoped("a reader in a region that cannot be interrupted does not make the reading so", () =>
    Effect.gen(function*() {
      const documents = yield* SharedDocuments.make<string, string>(options)
      const read = Effect.timeoutFail(Effect.never, { duration: 100, onTimeout: () => "too late" })
      const reader = yield* Effect.fork(Effect.uninterruptible(documents.get("a", read)))
      yield* TestClock.adjust(100)
      expect(yield* Effect.flip(Fiber.join(reader))).toBe("too late")
    }))

  describe("a reader that wants what it knows replaced", () => {
    it.scoped("replaces it for all who know the same", () =>
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

    it.scoped("is content with what was read since, if that was just now", () =>
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

    it.scoped("or with anything fresh, if only its own is stale", () =>
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

  it.scoped("beyond the capacity the stale ones make room first, then those that were read first", () =>
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

  it.effect("once the scope is closed everybody reads for themselves, also who was waiting", () =>
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

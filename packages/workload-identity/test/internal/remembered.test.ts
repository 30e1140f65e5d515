import { OAuthError } from "@effect-mcp-auth/core"
import { assert, describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Either, Fiber, TestClock } from "effect"
import * as Assertion from "../../src/internal/assertion.ts"
import * as Remembered from "../../src/internal/remembered.ts"
import { claimsOf, good, request } from "../support.ts"

const expected: Assertion.Expected = { name: "The token", remedy: "Do something.", opaque: true, lifetime: 3_600_000 }

const counting = () => {
  let fetches = 0
  const provider = Remembered.make({
    expected,
    keyOf: ({ audience }) => audience,
    fetch: () =>
      Effect.sync(() => {
        fetches++
        return "canary-opaque"
      })
  })
  const ask = (index: number) => provider({ ...request, audience: `https://${index}.example` })
  return { ask, fetches: () => fetches }
}

describe("what is remembered", () => {
  it.effect("is so much and no more, the oldest goes first", () =>
    Effect.gen(function*() {
      const { ask, fetches } = counting()
      for (let index = 0; index <= 1000; index++) yield* ask(index)
      yield* ask(1000)
      yield* ask(1)
      expect(fetches()).toBe(1001)
      yield* ask(0)
      expect(fetches()).toBe(1002)
    }))

  it.effect("is forgotten when it has expired", () =>
    Effect.gen(function*() {
      const { ask, fetches } = counting()
      yield* ask(0)
      yield* TestClock.adjust("1 hour")
      yield* ask(1)
      yield* ask(0)
      expect(fetches()).toBe(3)
    }))

  it.effect("with a jti, goes to one of those who wait for it", () =>
    Effect.gen(function*() {
      let fetches = 0
      const gate = yield* Deferred.make<void>()
      const provider = Remembered.make({
        expected,
        keyOf: () => "",
        fetch: () => {
          fetches++
          return Effect.as(Deferred.await(gate), good({ jti: String(fetches) }))
        }
      })
      const callers = yield* Effect.forEach([1, 2], () => Effect.fork(provider(request)))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      const given = yield* Fiber.joinAll(callers)
      expect(new Set(given.map((one) => claimsOf(one)["jti"])).size).toBe(2)
      expect(fetches).toBe(2)
    }))

  it.effect("with a jti, is fetched for many at once, 16 at a time, and one failure answers for the rest", () =>
    Effect.gen(function*() {
      let fetches = 0
      let running = 0
      let most = 0
      let fails = false
      const provider = Remembered.make({
        expected,
        keyOf: () => "",
        fetch: () =>
          Effect.suspend(() => {
            fetches++
            return fails
              ? new OAuthError.AssertionError({ reason: "Refused", description: "no" })
              : Effect.succeed(good({ jti: String(fetches) }))
          }).pipe(
            Effect.delay("100 millis"),
            Effect.ensuring(Effect.sync(() => running--)),
            (fetch) => Effect.zipRight(Effect.sync(() => most = Math.max(most, ++running)), fetch)
          )
      })
      const callers = yield* Effect.replicateEffect(Effect.fork(provider(request)), 200)
      yield* TestClock.adjust("1500 millis")
      const given = yield* Fiber.joinAll(callers)
      expect(new Set(given.map((one) => claimsOf(one)["jti"])).size).toBe(200)
      expect(fetches).toBe(200)
      fails = true
      const refused = yield* Effect.replicateEffect(Effect.fork(Effect.flip(provider(request))), 200)
      yield* TestClock.adjust("1500 millis")
      yield* Fiber.joinAll(refused)
      expect(fetches).toBeLessThanOrEqual(200 + 17)
      expect(most).toBe(16)
    }))

  it.effect("a defect of the fetch reaches whoever waits, and the next one tries again", () =>
    Effect.gen(function*() {
      let broken = true
      const provider = Remembered.make({
        expected,
        keyOf: () => "",
        fetch: () => {
          if (broken) throw new Error("a bug")
          return Effect.succeed("canary-opaque")
        }
      })
      const defect = yield* Effect.catchAllDefect(provider(request), (error) => Effect.succeed(String(error)))
      expect(defect).toBe("Error: a bug")
      broken = false
      yield* provider(request)
    }))
})

describe("isFresh", () => {
  it.each([
    [3600, 3539],
    [300, 239],
    [60, 47],
    [1, 0]
  ])("a life of %d s is used for at least %d s", (life, used) => {
    const assertion = Assertion.read("canary-opaque", 0, { ...expected, lifetime: life * 1000 })
    assert(Either.isRight(assertion))
    expect(Assertion.isFresh(assertion.right, used * 1000)).toBe(true)
    expect(Assertion.isFresh(assertion.right, (used + 1) * 1000)).toBe(false)
  })
})

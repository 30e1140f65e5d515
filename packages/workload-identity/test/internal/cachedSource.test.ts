import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Either, TestClock } from "effect"
import * as Assertion from "../../src/internal/assertion.ts"
import * as CachedSource from "../../src/internal/cachedSource.ts"
import { failureOf, good, request } from "../support.ts"

const expected: Assertion.Expected = { name: "The token", remedy: "Do something.", opaque: true, lifetime: 3_600_000 }

describe("a cached source", () => {
  it.effect("caches an opaque text for its `lifetime`, by key", () =>
    Effect.gen(function*() {
      let fetches = 0
      const provider = CachedSource.make({
        expected,
        keyOf: ({ audience }) => audience,
        fetch: () =>
          Effect.sync(() => {
            fetches++
            return "canary-opaque"
          })
      })
      const ask = (index: number) => provider({ ...request, audience: `https://${index}.example` })
      yield* ask(0)
      yield* ask(0)
      yield* ask(1)
      expect(fetches).toBe(2)
      yield* TestClock.adjust("1 hour")
      yield* ask(0)
      expect(fetches).toBe(3)
    }))

  it.effect("reads the fetched text, and fails with the fault of the text", () =>
    Effect.gen(function*() {
      const provider = CachedSource.make({ expected, keyOf: () => "", fetch: () => Effect.succeed("two words") })
      expect((yield* failureOf(provider)).message).toContain("The token has characters that no assertion has")
    }))

  it.effect("per audience, fetches for `audience` in place of the requested one", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const provider = CachedSource.makePerAudience({
        name: "The token",
        audience: "api://exchange",
        fetch: (audience) =>
          Effect.sync(() => {
            asked.push(audience)
            return good({ aud: audience })
          })
      })
      yield* provider(request)
      yield* provider({ ...request, audience: "https://other.example" })
      expect(asked).toEqual(["api://exchange"])
    }))
})

describe("read", () => {
  it("an opaque text lives for `lifetime`, and a JWT until its `exp`", () => {
    const lives = (text: string) => {
      const assertion = Assertion.read(text, 1000, expected)
      assert(Either.isRight(assertion))
      return [assertion.right.obtainedAt, assertion.right.expiresAt, assertion.right.saysExpiry]
    }
    expect(lives("canary-opaque")).toEqual([1000, 3_601_000, false])
    expect(lives(good())).toEqual([1000, 3_600_000, true])
  })
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Redacted, TestClock } from "effect"
import { AccessToken, TokenStorage } from "../../../src/index.ts"
import { key, makeToken } from "../../support/storage.ts"

describe("TokenStorage.makeMemory", () => {
  it.effect("removes expired tokens of clients that no longer run, and refreshable ones 30 days later", () =>
    Effect.gen(function*() {
      const storage = yield* TokenStorage.makeMemory
      const keyOf = (client: number) => ({ ...key, clientId: `client ${client}` })
      const setMany = (from: number, token: AccessToken.AccessToken) =>
        Effect.forEach(
          Array.from({ length: 100 }, (_, index) => from + index),
          (client) => storage.set(keyOf(client), token)
        )
      const stored = (from: number) =>
        Effect.map(
          Effect.forEach(
            Array.from({ length: 100 }, (_, index) => from + index),
            (client) => storage.get(keyOf(client))
          ),
          (tokens) => tokens.filter(Option.isSome).length
        )
      const refreshable = AccessToken.copy(makeToken(0, 1000), { refreshToken: Redacted.make("refresh") })
      yield* setMany(0, makeToken(0, 1000))
      yield* setMany(100, refreshable)
      yield* TestClock.adjust("1 second")
      yield* setMany(200, makeToken(1000, 5000))
      expect(yield* stored(0)).toBe(0)
      expect(yield* stored(100)).toBe(100)
      expect(yield* stored(200)).toBe(100)
      yield* TestClock.adjust("31 days")
      yield* setMany(300, makeToken(0, Number.MAX_SAFE_INTEGER))
      yield* setMany(400, makeToken(0, Number.MAX_SAFE_INTEGER))
      expect(yield* stored(100)).toBe(0)
      expect(yield* stored(200)).toBe(0)
      expect(yield* stored(300)).toBe(100)
    }))
})

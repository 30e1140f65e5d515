import { TestServers, TokenStorageContract } from "@effect-mcp-auth/testing"
import { KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import { AccessToken, TokenKey, TokenRecord, TokenStorage } from "../src/index.ts"
import { environment, makeProvider, tags, watch } from "./support/provider.ts"
import { encryptionKey, key, makeToken, otherEncryptionKey, view } from "./support/storage.ts"

describe("TokenStorage.supersedes", () => {
  it("is true for a token that is not older, or if the stored token is not valid", () => {
    expect(TokenStorage.supersedes(makeToken(2, 9), makeToken(1, 9), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(1, 9), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(2, 9), 5)).toBe(false)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(2, 5), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(6, 9), 5)).toBe(true)
  })
})

/** The storages of core. Each is for one process, so none has a second view. */
const places = {
  layerMemory: view(TokenStorage.layerMemory),
  layerKeyValueStore: view(
    TokenStorage.layerKeyValueStore({ encryptionKey }).pipe(Layer.provide(KeyValueStore.layerMemory))
  ),
  layerKeyValueStorePlaintext: view(
    TokenStorage.layerKeyValueStorePlaintext.pipe(Layer.provide(KeyValueStore.layerMemory))
  ),
  "TokenStorage.make with three operations": Effect.sync(() => {
    const tokens = new Map<string, AccessToken.AccessToken>()
    // Asynchronous, as the operations of a real place are.
    const later = <A>(operation: () => A) => Effect.zipRight(Effect.yieldNow(), Effect.sync(operation))
    return TokenStorage.make({
      get: (key) => later(() => Option.fromNullable(tokens.get(TokenKey.encode(key)))),
      set: (key, token) => later(() => tokens.set(TokenKey.encode(key), token)),
      remove: (key) => later(() => tokens.delete(TokenKey.encode(key)))
    })
  })
}

for (const [name, place] of Object.entries(places)) {
  describe(`the storage contract on ${name}`, () => {
    for (const { check, name } of TokenStorageContract.cases) {
      it.scopedLive(name, () =>
        Effect.gen(function*() {
          yield* check(yield* place)
        }))
    }
  })
}

describe("a slow place", () => {
  const slow = <A>(f: () => A) => Effect.delay(Effect.sync(f), "1 second")

  const slowObjects = () => {
    let stored: AccessToken.AccessToken | undefined
    return {
      storage: TokenStorage.make({
        get: () => slow(() => Option.fromNullable(stored)),
        set: (_, token) => Effect.sync(() => stored = token),
        remove: () => Effect.sync(() => stored = undefined)
      }),
      others: (token: AccessToken.AccessToken) => Effect.sync(() => stored = token)
    }
  }

  const slowRecords = () => {
    let stored: string | undefined
    const get = () => slow(() => Option.fromNullable(stored))
    return {
      storage: TokenStorage.makeRecords({
        get,
        modify: (_, __, change) =>
          Effect.map(Effect.flatMap(get(), change), (made) => {
            if (made._tag === "Write") stored = made.record
          })
      }, TokenRecord.plaintext),
      others: (token: AccessToken.AccessToken) =>
        TokenKey.digest(key).pipe(
          Effect.flatMap((name) => TokenRecord.plaintext.seal(name, token)),
          Effect.map((record) => stored = record)
        )
    }
  }

  for (const [name, place] of [["make", slowObjects], ["makeRecords", slowRecords]] as const) {
    it.effect(`of TokenStorage.${name}: a token that another process stores during a set is not taken for a token from the future`, () =>
      Effect.gen(function*() {
        const { others, storage } = place()
        const setting = yield* Effect.fork(storage.set(key, makeToken(0, 100_000, "earlier")))
        yield* TestClock.adjust("900 millis")
        yield* others(makeToken(800, 100_000, "later"))
        yield* TestClock.adjust("100 millis")
        yield* Fiber.join(setting)
        const reading = yield* Effect.fork(storage.get(key))
        yield* TestClock.adjust("1 second")
        const token = Option.getOrThrow(yield* Fiber.join(reading))
        expect(Redacted.value(token.value)).toBe("later")
      }))
  }
})

describe("a provider with another encryption key than the stored token has", () => {
  it.scoped("requests a token of its own, publishes StorageFailed with the reason, and leaves the stored token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const over = (key: Redacted.Redacted<string>) =>
        Effect.flatMap(
          view(TokenStorage.layerKeyValueStore({ encryptionKey: key })),
          (storage) => Effect.provideService(makeProvider(), TokenStorage.TokenStorage, storage)
        )
      const theirs = yield* Effect.scoped(Effect.flatMap(over(otherEncryptionKey), ({ accessToken }) => accessToken))
      const ours = yield* over(encryptionKey)
      const seen = yield* watch(ours)
      const token = yield* ours.accessToken
      expect(AccessToken.isSame(token, theirs)).toBe(false)
      const events = yield* seen
      expect(tags(events)).toContain("TokenObtained")
      const reasons = events.flatMap((event) => event._tag === "StorageFailed" ? [event.error.reason] : [])
      expect(new Set(reasons)).toEqual(new Set(["UnknownKey"]))
      yield* network.clear
      const again = yield* Effect.flatMap(over(otherEncryptionKey), ({ accessToken }) => accessToken)
      expect(AccessToken.isSame(again, theirs)).toBe(true)
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(Layer.merge(environment(), KeyValueStore.layerMemory))))
})

import { pause } from "@effect-mcp-auth/leak-recorder"
import { TestServers, TokenStorageContract } from "@effect-mcp-auth/testing"
import { Error as PlatformError, KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Option, Redacted } from "effect"
import { AccessToken, KeyValueTokenStorage, TokenStorage } from "../src/index.ts"
import { environment, makeProvider, tags, watch } from "./support/provider.ts"
import { encryptionKey, key, otherEncryptionKey, storedBy, token, view } from "./support/storage.ts"

/** Each storage is for one process, so none has a second view. */
const places = {
  "KeyValueTokenStorage.layer": KeyValueTokenStorage.layer({ encryptionKey }),
  "KeyValueTokenStorage.layerPlaintext": KeyValueTokenStorage.layerPlaintext
}

for (const [name, layer] of Object.entries(places)) {
  describe(`the storage contract on ${name}`, () => {
    for (const { check, name } of TokenStorageContract.cases) {
      it.scopedLive(name, () =>
        Effect.gen(function*() {
          yield* check(yield* view(Layer.provide(layer, KeyValueStore.layerMemory)))
        }))
    }
  })
}

describe("the failure of a KeyValueStore", () => {
  it.effect("is a TokenStorageError with the reason, and without the record that the store was given", () =>
    Effect.gen(function*() {
      const store = KeyValueStore.make({
        get: () => Effect.succeedNone,
        getUint8Array: () => Effect.succeedNone,
        set: (_, record) => {
          const goOn = pause()
          const error = new PlatformError.SystemError({
            reason: "WriteZero",
            module: "KeyValueStore",
            method: "set",
            description: `disk full: INSERT INTO tokens VALUES ('${String(record)}')`
          })
          goOn()
          return Effect.fail(error)
        },
        remove: () => Effect.void,
        clear: Effect.void,
        size: Effect.succeed(0)
      })
      const storage = yield* storedBy([]).pipe(
        Effect.provideService(KeyValueStore.KeyValueStore, store)
      )
      const error = yield* Effect.flip(storage.set(key, token))
      expect(error).toMatchObject({ operation: "set", reason: "Unavailable" })
      expect(error.message).toBe("TokenStorage.set: the KeyValueStore failed: WriteZero in KeyValueStore.set.")
    }).pipe(Effect.scoped))
})

describe("a provider with another encryption key than the stored token has", () => {
  it.scoped("requests a token of its own, publishes StorageFailed with the reason, and leaves the stored token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const over = (key: Redacted.Redacted<string>) =>
        Effect.flatMap(
          view(KeyValueTokenStorage.layer({ encryptionKey: key })),
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

describe("KeyValueTokenStorage.layerConfig", () => {
  it.scoped("reads the encryption key from Config", () =>
    Effect.gen(function*() {
      const layer = KeyValueTokenStorage.layerConfig({ encryptionKey: Config.redacted("KEY") })
      const written = yield* view(layer).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KEY", Redacted.value(encryptionKey)]])))
      )
      yield* written.set(key, token)
      const read = yield* storedBy([encryptionKey])
      expect(yield* read.get(key)).toEqual(Option.some(token))
    }).pipe(Effect.provide(KeyValueStore.layerMemory)))
})

import { Error as PlatformError, KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { key, storedBy, token } from "../../support/storage.ts"
import { pause } from "@effect-mcp-auth/leak-recorder"

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

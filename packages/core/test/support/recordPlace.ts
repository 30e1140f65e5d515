/** A storage whose records a test reads and changes. */
import { KeyValueStore } from "@effect/platform"
import { Effect, Layer, Option, type Redacted } from "effect"
import { storedBy } from "./storage.ts"

/** The records by name, and the storage that keeps them: encrypted with these keys, in plaintext if there is none. */
export const makePlace = (keys: ReadonlyArray<Redacted.Redacted<string>>) =>
  Effect.gen(function*() {
    const records = new Map<string, string>()
    const layer = Layer.succeed(
      KeyValueStore.KeyValueStore,
      KeyValueStore.makeStringOnly({
        get: (name) => Effect.sync(() => Option.fromNullable(records.get(name))),
        set: (name, value) => Effect.sync(() => void records.set(name, value)),
        remove: (name) => Effect.sync(() => void records.delete(name)),
        clear: Effect.sync(() => records.clear()),
        size: Effect.sync(() => records.size)
      })
    )
    return { records, storage: yield* Effect.provide(Effect.scoped(storedBy(keys)), layer) }
  })

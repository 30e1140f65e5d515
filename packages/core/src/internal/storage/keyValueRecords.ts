import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import { TokenStorageError } from "../../OAuthError.ts"
import type * as TokenRecord from "../../TokenRecord.ts"
import * as ProcessLease from "./processLease.ts"

/** Without the message of the store, which can contain the record, as messages of databases do. */
const unavailable = (operation: TokenStorageError["operation"]) =>
  Effect.mapError((error: PlatformError) => {
    const reason = error._tag === "SystemError" ? error.reason : error._tag
    return new TokenStorageError({
      operation,
      description: `the KeyValueStore failed: ${reason} in ${error.module}.${error.method}.`
    })
  })

/**
 * Records in a store that no other process writes to: one fiber at a time is enough. A `KeyValueStore` cannot list its
 * keys, so expired records stay.
 *
 * @internal
 */
export const make: Effect.Effect<TokenRecord.Store, never, KeyValueStore.KeyValueStore> = Effect.map(
  KeyValueStore.KeyValueStore,
  (store) => {
    const turn = ProcessLease.make()
    return {
      get: (name) => unavailable("get")(store.get(name)),
      modify: (name, operation, change) =>
        Effect.gen(function*() {
          yield* turn(name)
          const made = yield* change(yield* unavailable(operation)(store.get(name)))
          if (made._tag === "Write") yield* unavailable(operation)(store.set(name, made.record))
          if (made._tag === "Remove") yield* unavailable(operation)(store.remove(name))
        }).pipe(Effect.scoped)
    }
  }
)

import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import { TokenStorageError } from "../OAuthError.ts"
import type * as TokenRecord from "../TokenRecord.ts"
import * as ProcessLease from "./processLease.ts"
import { clean } from "./text.ts"

/** Without the cause, which may hold the record, as an error of a database does. */
const unavailable = (operation: TokenStorageError["operation"], record = "") =>
  Effect.mapError(({ message }: PlatformError) =>
    new TokenStorageError({ operation, description: `the KeyValueStore failed: ${clean(message, [record])}` })
  )

/**
 * Records in a store that no other process writes to: one fiber at a time is enough. It cannot say what is in it, so that
 * nothing goes because it has expired.
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
          if (made._tag === "Write") yield* unavailable(operation, made.record)(store.set(name, made.record))
          if (made._tag === "Remove") yield* unavailable(operation)(store.remove(name))
        }).pipe(Effect.scoped)
    }
  }
)

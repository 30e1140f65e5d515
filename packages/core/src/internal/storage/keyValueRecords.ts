import type { PlatformError } from "@effect/platform/Error"
import type { KeyValueStore } from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as PlatformFailure from "../../authoring/PlatformFailure.ts"
import { TokenStorageError } from "../../OAuthError.ts"

type Operation = TokenStorageError["operation"]

/**
 * The records in a `KeyValueStore`.
 *
 * @internal
 */
export interface KeyValueRecords {
  readonly get: (operation: Operation, name: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
  readonly set: (operation: Operation, name: string, record: string) => Effect.Effect<void, TokenStorageError>
  readonly remove: (operation: Operation, name: string) => Effect.Effect<void, TokenStorageError>
}

/** The error leaves out the message of the store, which can contain the record, as messages of databases do. */
const unavailable = (operation: Operation) =>
  Effect.mapError((error: PlatformError) => {
    const reason = PlatformFailure.reasonOf(error) ?? error._tag
    return new TokenStorageError({
      operation,
      description: `the KeyValueStore failed: ${reason} in ${error.module}.${error.method}.`
    })
  })

/** @internal */
export const make = (store: KeyValueStore): KeyValueRecords => ({
  get: (operation, name) => unavailable(operation)(store.get(name)),
  set: (operation, name, record) => unavailable(operation)(store.set(name, record)),
  remove: (operation, name) => unavailable(operation)(store.remove(name))
})

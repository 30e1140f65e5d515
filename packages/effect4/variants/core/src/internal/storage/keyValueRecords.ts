import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { KeyValueStore, KeyValueStoreError } from "effect/persistence/KeyValueStore"
import { isPlatformError } from "effect/PlatformError"
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
  Effect.mapError(({ cause, method }: KeyValueStoreError) => {
    const { reason } = isPlatformError(cause) ? cause : { reason: undefined }
    return new TokenStorageError({
      operation,
      description: reason === undefined
        ? `the KeyValueStore failed in KeyValueStore.${method}.`
        : `the KeyValueStore failed: ${reason._tag} in ${reason.module}.${reason.method}.`
    })
  })

/** @internal */
export const make = (store: KeyValueStore): KeyValueRecords => ({
  get: (operation, name) => unavailable(operation)(Effect.map(store.get(name), Option.fromUndefinedOr)),
  set: (operation, name, record) => unavailable(operation)(store.set(name, record)),
  remove: (operation, name) => unavailable(operation)(store.remove(name))
})

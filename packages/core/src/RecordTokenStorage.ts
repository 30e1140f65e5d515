/**
 * A storage outside of the process, from a place for lines of text: for tables, buckets and other places of your own.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as AccessToken from "./AccessToken.ts"
import * as DiscoveryRecord from "./DiscoveryRecord.ts"
import * as ProcessLease from "./internal/storage/processLease.ts"
import { supersedes, usefulUntil } from "./internal/storage/replacement.ts"
import { TokenStorageError } from "./OAuthError.ts"
import * as TokenKey from "./TokenKey.ts"
import * as RecordEncryption from "./RecordEncryption.ts"
import type { TokenStorage } from "./TokenStorage.ts"

/**
 * A decision about a record: keep it, write a new one in its place, or remove it. `keepFor` is the lifetime of the new
 * record, in milliseconds: a place may remove the record after that.
 *
 * @since 0.1.0
 * @category models
 */
export type Change = Data.TaggedEnum<{
  Keep: {}
  Write: { readonly record: string; readonly keepFor: number }
  Remove: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Change: Data.TaggedEnum.Constructor<Change> = Data.taggedEnum<Change>()

/**
 * A place for records outside of the process, such as a table of a database. Each record is a line of text under a name
 * of 43 letters, digits, `-` and `_`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /** The current record, if there is one. */
  readonly get: (name: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
  /**
   * Applies `change` to the current record, and carries out the result, as one step (compare and swap): if another
   * process is faster, `change` runs again with the new record. A record that must not be used counts as none.
   */
  readonly modify: (
    name: string,
    operation: "set" | "remove",
    change: (current: Option.Option<string>) => Effect.Effect<Change, TokenStorageError>
  ) => Effect.Effect<void, TokenStorageError>
  /**
   * Waits until no other process holds the lease of the name, then holds the lease for the scope. The lease expires
   * some time after its holder has died. Only one fiber of this process calls it at a time for each name.
   *
   * @default a lease within this process
   */
  readonly lease?: ((name: string) => Effect.Effect<void, TokenStorageError, Scope.Scope>) | undefined
}

/**
 * A storage from a place for records and a codec that turns tokens into records. Records are named by the digest of the
 * key (`TokenKey.digest`). The results of discovery are a second record, named by `TokenKey.discoveryDigest`.
 *
 * `TokenStorageContract` of `@effect-mcp-auth/testing` has the tests that every storage should pass.
 *
 * @example
 * ```ts
 * import { RecordTokenStorage, RecordEncryption } from "@effect-mcp-auth/core"
 *
 * declare const store: RecordTokenStorage.Store // a place of your own
 *
 * export const storage = RecordTokenStorage.make(store, RecordEncryption.plaintext) // or `RecordEncryption.encrypted`
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (store: Store, codec: RecordEncryption.Codec): TokenStorage.Service => {
  const processLease = ProcessLease.make()

  const write = (name: string, token: AccessToken.AccessToken, now: number) =>
    Effect.map(
      codec.seal(name, token),
      (record) => Change.Write({ record, keepFor: Math.max(0, usefulUntil(token) - now) })
    )

  /** The decision about the current record of the name when the token is set. */
  const changeOnSet = (name: string, token: AccessToken.AccessToken) => (current: Option.Option<string>) =>
    Effect.gen(function*() {
      // The time after the record was read: a token that another process stored meanwhile is not from the future.
      const now = yield* Clock.currentTimeMillis
      if (Option.isNone(current)) return yield* write(name, token, now)
      const stored = yield* Effect.either(codec.open(name, current.value))
      if (Either.isRight(stored)) {
        return supersedes(token, stored.right, now) ? yield* write(name, token, now) : Change.Keep()
      }
      const { description, reason } = stored.left
      const left = reason === "UnknownKey" ? RecordEncryption.expiresAt(current.value) - now : 0
      return 0 < left && left <= LONGEST_LIFE
        ? yield* new TokenStorageError({ operation: "set", reason, description })
        : yield* write(name, token, now)
    })

  /**
   * The decision about the current record of the name when the token is removed. Only a record of this very token is
   * removed.
   */
  const changeOnRemove = (name: string, token: AccessToken.AccessToken) => (current: Option.Option<string>) =>
    Effect.flatMap(current, (record) => codec.open(name, record)).pipe(
      Effect.match({
        onSuccess: (stored) => AccessToken.isSame(stored, token) ? Change.Remove() : Change.Keep(),
        onFailure: () => Change.Keep()
      })
    )

  return {
    get: (key) =>
      Effect.gen(function*() {
        const name = yield* TokenKey.digest(key)
        const record = yield* store.get(name)
        return Option.isNone(record) ? Option.none() : yield* Effect.asSome(codec.open(name, record.value))
      }),
    set: (key, token) =>
      Effect.flatMap(TokenKey.digest(key), (name) => store.modify(name, "set", changeOnSet(name, token))),
    remove: (key, token) =>
      Effect.flatMap(TokenKey.digest(key), (name) => store.modify(name, "remove", changeOnRemove(name, token))),
    lease: (key) =>
      Effect.gen(function*() {
        const name = yield* TokenKey.digest(key)
        yield* processLease(name)
        if (store.lease !== undefined) yield* store.lease(name)
      }),
    discovery: codec.discovery && discoveryIn(store, codec.discovery)
  }
}

/** The last write replaces the record: all processes write the same findings, or newer ones. */
const discoveryIn = (
  store: Store,
  codec: RecordEncryption.DiscoveryCodec
): TokenStorage.DiscoveryOperations => ({
  get: (key) =>
    Effect.gen(function*() {
      const name = yield* TokenKey.discoveryDigest(key)
      const record = yield* store.get(name)
      return Option.isNone(record) ? Option.none() : yield* Effect.asSome(codec.open(name, record.value))
    }),
  set: (key, found) =>
    Effect.gen(function*() {
      const name = yield* TokenKey.discoveryDigest(key)
      const record = yield* codec.seal(name, found)
      const now = yield* Clock.currentTimeMillis
      const change = Change.Write({ record, keepFor: Math.max(0, DiscoveryRecord.usefulUntil(found) - now) })
      yield* store.modify(name, "set", () => Effect.succeed(change))
    })
})

/** The longest lifetime of a token, in milliseconds: a year. A record that claims a later expiry is overwritten. */
const LONGEST_LIFE = Duration.toMillis("366 days")

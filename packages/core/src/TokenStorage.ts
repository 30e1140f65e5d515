/**
 * The storage of tokens, which callers and providers share. Processes share tokens in the storages of
 * `@effect-mcp-auth/storage-file` (one machine) and `@effect-mcp-auth/storage-redis` (a fleet).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as AccessToken from "./AccessToken.ts"
import type * as DiscoveryRecord from "./DiscoveryRecord.ts"
import { MemoryDiscovery } from "./internal/storage/memoryDiscovery.ts"
import { MemoryTokens } from "./internal/storage/memoryTokens.ts"
import * as ProcessLease from "./internal/storage/processLease.ts"
import * as Replacement from "./internal/storage/replacement.ts"
import type { TokenStorageError } from "./OAuthError.ts"
import * as TokenKey from "./TokenKey.ts"

/**
 * @since 0.1.0
 * @category tags
 */
export class TokenStorage
  extends Context.Tag("@effect-mcp-auth/core/TokenStorage")<TokenStorage, TokenStorage.Service>()
{}

/**
 * @since 0.1.0
 */
export declare namespace TokenStorage {
  /**
   * A storage only stores: it need not check whether a token has expired. A provider treats a failing storage as an
   * empty one.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** The stored token, valid or expired. */
    readonly get: (key: TokenKey.TokenKey) => Effect.Effect<Option.Option<AccessToken.AccessToken>, TokenStorageError>
    /**
     * Stores the token, unless the stored token was issued later and is valid: a process that was paused, or that has
     * lost its lease, does not overwrite a newer token.
     */
    readonly set: (key: TokenKey.TokenKey, token: AccessToken.AccessToken) => Effect.Effect<void, TokenStorageError>
    /** Removes this token. A different token that has taken its place stays. */
    readonly remove: (key: TokenKey.TokenKey, token: AccessToken.AccessToken) => Effect.Effect<void, TokenStorageError>
    /**
     * Waits until no other caller holds the lease of the key, then holds the lease for the scope. The holder asks the
     * authorization server; the waiters find its token in the storage when their turn comes. In a storage that several
     * processes share, a lease expires some time after its holder has died.
     */
    readonly lease: (key: TokenKey.TokenKey) => Effect.Effect<void, TokenStorageError, Scope.Scope>
    /**
     * Stores the results of discovery, so that later processes can use them.
     *
     * @default discovery starts anew in each process
     */
    readonly discovery?: DiscoveryOperations | undefined
  }

  /**
   * The operations of a storage for the results of discovery. A provider reads the record when it needs a token that
   * neither its memory nor the storage has, and once more before it stores the first choice of an issuer.
   *
   * @since 0.1.0
   * @category models
   */
  export interface DiscoveryOperations {
    /** The stored record. */
    readonly get: (
      key: TokenKey.TokenKey
    ) => Effect.Effect<Option.Option<DiscoveryRecord.DiscoveryRecord>, TokenStorageError>
    /** Stores the record, and overwrites what is stored under the key. */
    readonly set: (
      key: TokenKey.TokenKey,
      record: DiscoveryRecord.DiscoveryRecord
    ) => Effect.Effect<void, TokenStorageError>
  }
}

// ---- a storage of your own
// -------------------------------------------------------------------------------------------

/**
 * The operations of a storage of your own, for `make`. They need no rules: `make` decides what may be overwritten and
 * what may be removed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operations {
  /** The stored token, valid or expired. */
  readonly get: TokenStorage.Service["get"]
  /** Stores the token, and overwrites what is stored under the key. */
  readonly set: (key: TokenKey.TokenKey, token: AccessToken.AccessToken) => Effect.Effect<unknown, TokenStorageError>
  /** Removes what is stored under the key. */
  readonly remove: (key: TokenKey.TokenKey) => Effect.Effect<unknown, TokenStorageError>
  /**
   * Waits until no other caller holds the lease of the key, then holds the lease for the scope. Several processes that
   * share the storage need such a lease.
   *
   * @default a lease within this process
   */
  readonly lease?: TokenStorage.Service["lease"] | undefined
  /**
   * Stores the results of discovery. Leave these operations out if others can write to the place: a document that they
   * wrote can name another token endpoint, and a secret is then sent there.
   *
   * @default discovery starts anew in each process
   */
  readonly discovery?: TokenStorage.DiscoveryOperations | undefined
}

/**
 * A storage from three plain operations. `make` decides, for this process, what `set` may overwrite and what `remove`
 * may remove. Use it for tokens that stay objects in memory. For tokens that leave the process, use
 * `RecordTokenStorage.make`, which encrypts them.
 *
 * `TokenStorageContract` of `@effect-mcp-auth/testing` has the tests that every storage should pass.
 *
 * @example
 * ```ts
 * import type { AccessToken } from "@effect-mcp-auth/core"
 * import { TokenKey, TokenStorage } from "@effect-mcp-auth/core"
 * import { Effect, Option } from "effect"
 *
 * const tokens = new Map<string, AccessToken.AccessToken>()
 *
 * export const storage = TokenStorage.make({
 *   get: (key) => Effect.sync(() => Option.fromNullable(tokens.get(TokenKey.encode(key)))),
 *   set: (key, token) => Effect.sync(() => tokens.set(TokenKey.encode(key), token)),
 *   remove: (key) => Effect.sync(() => tokens.delete(TokenKey.encode(key)))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Operations): TokenStorage.Service => {
  const lease = ProcessLease.make()
  const turn = ProcessLease.make()

  /** Decides by the stored token, one decision per key at a time. A token that cannot be read counts as absent. */
  const inTurn = <E>(
    key: TokenKey.TokenKey,
    decide: (stored: Option.Option<AccessToken.AccessToken>) => Effect.Effect<unknown, E>
  ): Effect.Effect<void, E> =>
    turn(TokenKey.encode(key)).pipe(
      Effect.zipRight(Effect.orElseSucceed(options.get(key), Option.none)),
      Effect.flatMap(decide),
      Effect.scoped,
      Effect.asVoid
    )

  return {
    get: options.get,
    set: (key, token) =>
      inTurn(key, (stored) =>
        Effect.gen(function*() {
          // The time after the token was read: a token that was stored meanwhile is not from the future.
          const now = yield* Clock.currentTimeMillis
          if (Option.isNone(stored) || supersedes(token, stored.value, now)) yield* options.set(key, token)
        })),
    remove: (key, token) =>
      inTurn(
        key,
        (stored) =>
          Option.exists(stored, (other) => AccessToken.isSame(other, token)) ? options.remove(key) : Effect.void
      ),
    lease: options.lease ?? ((key) => lease(TokenKey.encode(key))),
    discovery: options.discovery
  }
}

/**
 * Whether the token may take the place of the stored one: yes, unless the stored one was issued later and is valid.
 * `now`: milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category predicates
 */
export const supersedes: (token: AccessToken.AccessToken, stored: AccessToken.AccessToken, now: number) => boolean =
  Replacement.supersedes

// ---- memory
// ----------------------------------------------------------------------------------------------------------

/**
 * Stores tokens in the memory of this process.
 *
 * @example
 * ```ts
 * import { TokenStorage } from "@effect-mcp-auth/core"
 * import { Effect } from "effect"
 *
 * export const storage = Effect.runSync(TokenStorage.makeMemory)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStorage.Service> = Effect.sync(() => {
  const tokens = new MemoryTokens()
  const found = new MemoryDiscovery()
  const lease = ProcessLease.make()
  return {
    get: (key) => Effect.sync(() => Option.fromNullable(tokens.get(TokenKey.encode(key)))),
    set: (key, token) => Effect.map(Clock.currentTimeMillis, (now) => tokens.set(TokenKey.encode(key), token, now)),
    remove: (key, token) => Effect.sync(() => tokens.remove(TokenKey.encode(key), token)),
    lease: (key) => lease(TokenKey.encode(key)),
    discovery: {
      get: (key) => Effect.sync(() => Option.fromNullable(found.get(TokenKey.encode(key)))),
      set: (key, record) => Effect.map(Clock.currentTimeMillis, (now) => found.set(TokenKey.encode(key), record, now))
    }
  }
})

/**
 * Stores tokens in the memory of this process. All providers that share the Layer share the tokens.
 *
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { TokenStorage } from "@effect-mcp-auth/core"
 * import { Layer, Redacted } from "effect"
 *
 * const client = { issuer: "https://auth.example.com", clientId: "nightly-report", clientSecret: Redacted.make("...") }
 *
 * export const Auth = ClientSecret.layer({ ...client, serverUrl: "https://mcp.example.com/mcp" }).pipe(
 *   Layer.provide(TokenStorage.layerMemory)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStorage> = Layer.effect(TokenStorage, makeMemory)

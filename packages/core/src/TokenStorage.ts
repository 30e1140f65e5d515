/**
 * Where tokens are kept between callers, providers and, with other storages than `layerMemory`, processes.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type { KeyValueStore } from "@effect/platform/KeyValueStore"
import type { Path } from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import type * as Scope from "effect/Scope"
import * as AccessToken from "./AccessToken.ts"
import * as FileRecords from "./internal/fileRecords.ts"
import * as KeyValueRecords from "./internal/storage/keyValueRecords.ts"
import * as ProcessLease from "./internal/storage/processLease.ts"
import { InvalidOptions, TokenStorageError } from "./OAuthError.ts"
import * as TokenRecord from "./TokenRecord.ts"

/**
 * What a token is kept under: whatever makes two token requests the same. The order of scopes and parameters makes no
 * difference. `issuer` is `discover` where the caller left it to the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenKey {
  readonly issuer: string
  readonly clientId: string
  readonly authenticationMethod: string
  readonly grantType: string
  readonly resource: string
  /** Whom the grant speaks for, where that is not the client itself. */
  readonly subject: string
  readonly scopes: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * The key as text; equal keys, and only those, give equal texts.
 *
 * @since 0.1.0
 * @category getters
 */
export const keyToString = (key: TokenKey): string =>
  JSON.stringify([
    key.issuer,
    key.clientId,
    key.authenticationMethod,
    key.grantType,
    key.resource,
    key.subject,
    key.scopes.toSorted(),
    key.parameters.toSorted(byNameAndValue)
  ])

const byNameAndValue = Order.tuple(Order.string, Order.string)

const digests = new WeakMap<TokenKey, string>()

/**
 * What the key is called where others can read it, as in file names and keys of Redis: the SHA-256 of its text, as 43
 * characters of base64url.
 *
 * @since 0.1.0
 * @category getters
 */
export const keyDigest = (key: TokenKey): Effect.Effect<string> =>
  Effect.suspend(() => {
    const known = digests.get(key)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.promise(async () => {
      const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(keyToString(key)))
      const digest = Encoding.encodeBase64Url(new Uint8Array(hash))
      digests.set(key, digest)
      return digest
    })
  })

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
   * A storage only keeps: it need not look at expiry. A provider treats a failing storage as an empty one.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly get: (key: TokenKey) => Effect.Effect<Option.Option<AccessToken.AccessToken>, TokenStorageError>
    /**
     * Keeps the token, unless one that was issued later and is still valid is there already: who was paused, or has lost
     * its lease, does not undo what others did meanwhile.
     */
    readonly set: (key: TokenKey, token: AccessToken.AccessToken) => Effect.Effect<void, TokenStorageError>
    /** Removes the token, and no other that may have taken its place. */
    readonly remove: (key: TokenKey, token: AccessToken.AccessToken) => Effect.Effect<void, TokenStorageError>
    /**
     * Waits until no one else holds the lease of the key, and holds it for the scope. The holder is the one that asks
     * the authorization server; the others find its token in the storage when their turn comes. Across processes, a
     * lease ends some time after its holder has died.
     */
    readonly lease: (key: TokenKey) => Effect.Effect<void, TokenStorageError, Scope.Scope>
  }
}

/**
 * A storage of one's own: three operations that do as they are told, and a `lease` if it leaves the process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operations {
  readonly get: TokenStorage.Service["get"]
  readonly set: (key: TokenKey, token: AccessToken.AccessToken) => Effect.Effect<unknown, TokenStorageError>
  readonly remove: (key: TokenKey) => Effect.Effect<unknown, TokenStorageError>
  readonly lease?: TokenStorage.Service["lease"] | undefined
}

/**
 * A storage from three operations that do as they are told: what `set` may overwrite and `remove` may take away is seen
 * to here, for this process. Without a `lease` of its own it gets one that holds within this process too. It is for tokens
 * that stay objects; what leaves the process is better built by `makeRecords`.
 *
 * `TokenStorageContract` of `@effect-mcp-auth/testing` has the tests that any storage should pass.
 *
 * @example
 * ```ts
 * import { TokenStorage } from "@effect-mcp-auth/core"
 * import type { AccessToken } from "@effect-mcp-auth/core"
 * import { Effect, Option } from "effect"
 *
 * const tokens = new Map<string, AccessToken.AccessToken>()
 *
 * export const storage = TokenStorage.make({
 *   get: (key) => Effect.sync(() => Option.fromNullable(tokens.get(TokenStorage.keyToString(key)))),
 *   set: (key, token) => Effect.sync(() => tokens.set(TokenStorage.keyToString(key), token)),
 *   remove: (key) => Effect.sync(() => tokens.delete(TokenStorage.keyToString(key)))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Operations): TokenStorage.Service => {
  const lease = ProcessLease.make()
  const turn = ProcessLease.make()

  /** By what is there; what cannot be read counts as absent. */
  const inTurn = <E>(
    key: TokenKey,
    f: (kept: Option.Option<AccessToken.AccessToken>) => Effect.Effect<unknown, E>
  ): Effect.Effect<void, E> =>
    turn(keyToString(key)).pipe(
      Effect.zipRight(Effect.orElseSucceed(options.get(key), Option.none)),
      Effect.flatMap(f),
      Effect.scoped,
      Effect.asVoid
    )

  return {
    get: options.get,
    set: (key, token) =>
      inTurn(key, (kept) =>
        Effect.flatMap(
          // Now, and not before its turn: what was stored meanwhile is not from the future.
          Clock.currentTimeMillis,
          (now) =>
            Option.exists(kept, (other) => !supersedes(token, other, now)) ? Effect.void : options.set(key, token)
        )),
    remove: (key, token) =>
      inTurn(
        key,
        (kept) => Option.exists(kept, (other) => AccessToken.isSame(other, token)) ? options.remove(key) : Effect.void
      ),
    lease: options.lease ?? ((key) => lease(keyToString(key)))
  }
}

/**
 * Whether the token takes the place of the one that is kept, `now` in milliseconds since the epoch: not if that one was
 * issued later and is valid.
 *
 * @since 0.1.0
 * @category predicates
 */
export const supersedes = (token: AccessToken.AccessToken, kept: AccessToken.AccessToken, now: number): boolean =>
  token.issuedAt >= kept.issuedAt || !AccessToken.isValidAt(kept, now)

/**
 * Keeps tokens in this process's memory, and nowhere else.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStorage.Service> = Effect.sync(() => {
  const tokens = new Map<string, AccessToken.AccessToken>()
  let full = 64
  /** Of clients that have gone. Each time that there are twice as many, so that it costs no more than to set them. */
  const removeUseless = (now: number) => {
    if (tokens.size < full) return
    for (const [key, token] of tokens) {
      if (usefulUntil(token) <= now) tokens.delete(key)
    }
    full = Math.max(64, 2 * tokens.size)
  }
  const lease = ProcessLease.make()
  return {
    get: (key) => Effect.sync(() => Option.fromNullable(tokens.get(keyToString(key)))),
    set: (key, token) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        removeUseless(now)
        const name = keyToString(key)
        const kept = tokens.get(name)
        if (kept === undefined || supersedes(token, kept, now)) tokens.set(name, token)
      }),
    remove: (key, token) =>
      Effect.sync(() => {
        const name = keyToString(key)
        const kept = tokens.get(name)
        if (kept !== undefined && AccessToken.isSame(kept, token)) tokens.delete(name)
      }),
    lease: (key) => lease(keyToString(key))
  }
})

/**
 * For how long a refresh token is kept behind the expiry of its access token, in milliseconds: nobody says for how long
 * it is good.
 */
const REFRESHABLE_FOR = Duration.toMillis("30 days")

/** In milliseconds since the epoch. */
const usefulUntil = ({ expiresAt, refreshToken }: AccessToken.AccessToken): number =>
  refreshToken === undefined ? expiresAt : expiresAt + REFRESHABLE_FOR

/**
 * Keeps tokens in this process's memory, and nowhere else.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStorage> = Layer.effect(TokenStorage, makeMemory)

// ---- storages that leave the process ---------------------------------------------------------------------------------

/** No token lives longer, in milliseconds: a year. What says so is nobody's record. */
const LONGEST_LIFE = Duration.toMillis("366 days")

const keep: Effect.Effect<TokenRecord.Change> = Effect.succeed(TokenRecord.Change.Keep())

/**
 * A storage that keeps records, in the form that the codec gives them, under the digests of the keys.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRecords = (records: TokenRecord.Store, codec: TokenRecord.Codec): TokenStorage.Service => {
  const processLease = ProcessLease.make()

  const write = (
    name: string,
    token: AccessToken.AccessToken,
    now: number
  ): Effect.Effect<TokenRecord.Change, TokenStorageError> =>
    Effect.map(
      codec.seal(name, token),
      (record) => TokenRecord.Change.Write({ record, keepFor: Math.max(0, usefulUntil(token) - now) })
    )

  const replace = (
    name: string,
    record: string,
    token: AccessToken.AccessToken,
    now: number
  ): Effect.Effect<TokenRecord.Change, TokenStorageError> =>
    codec.open(name, record).pipe(
      Effect.matchEffect({
        onSuccess: (kept) => supersedes(token, kept, now) ? write(name, token, now) : keep,
        onFailure: ({ description, reason }) => {
          const left = reason === "UnknownKey" ? TokenRecord.expiresAt(record) - now : 0
          return 0 < left && left <= LONGEST_LIFE
            ? new TokenStorageError({ operation: "set", reason, description })
            : write(name, token, now)
        }
      })
    )

  return {
    get: (key) =>
      Effect.gen(function*() {
        const name = yield* keyDigest(key)
        const record = yield* records.get(name)
        return Option.isNone(record) ? Option.none() : yield* Effect.asSome(codec.open(name, record.value))
      }),
    set: (key, token) =>
      Effect.gen(function*() {
        const name = yield* keyDigest(key)
        yield* records.modify(name, "set", (record) =>
          Effect.flatMap(
            // Now, and not before it was read: what was stored meanwhile is not from the future.
            Clock.currentTimeMillis,
            (now) => Option.isNone(record) ? write(name, token, now) : replace(name, record.value, token, now)
          ))
      }),
    remove: (key, token) =>
      Effect.gen(function*() {
        const name = yield* keyDigest(key)
        yield* records.modify(name, "remove", (current) =>
          Option.isNone(current) ? keep : Effect.match(codec.open(name, current.value), {
            onSuccess: (kept): TokenRecord.Change =>
              AccessToken.isSame(kept, token) ? TokenRecord.Change.Remove() : TokenRecord.Change.Keep(),
            onFailure: () =>
              TokenRecord.Change.Keep()
          }))
      }),
    lease: (key) =>
      Effect.gen(function*() {
        const name = yield* keyDigest(key)
        yield* processLease(name)
        if (records.lease !== undefined) yield* records.lease(name)
      })
  }
}

/**
 * Keeps tokens in a `KeyValueStore`, encrypted. For one process: the lease does not reach further, and neither does the
 * order in which tokens are written. Several processes on one machine share `layerFileSystem`. A `KeyValueStore` cannot
 * say what is in it, so that the tokens of clients that are gone stay; give it a `prefix` if it holds other things.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (
  options: TokenRecord.EncryptionOptions
): Layer.Layer<TokenStorage, InvalidOptions, KeyValueStore> =>
  Layer.effect(TokenStorage, Effect.zipWith(KeyValueRecords.make, TokenRecord.encrypted(options), makeRecords))

/**
 * `layerKeyValueStore` from `Config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStoreConfig = (
  options: Config.Config.Wrap<TokenRecord.EncryptionOptions>
): Layer.Layer<TokenStorage, InvalidOptions | ConfigError, KeyValueStore> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerKeyValueStore))

/**
 * `layerKeyValueStore` without encryption: whoever can read the store can use the tokens.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStorePlaintext: Layer.Layer<TokenStorage, never, KeyValueStore> = Layer.effect(
  TokenStorage,
  Effect.map(KeyValueRecords.make, (records) => makeRecords(records, TokenRecord.plaintext))
)

/**
 * - `directory`: is made, for its owner only (0700), if it is not there. One that others can enter is not used, nor is one
 *   on a file system that keeps no permissions. That has to know hard links, as all do that are made for Unix or Windows.
 * - `leaseDuration`: how long after its holder has died a lease ends. 10 seconds by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileSystemOptions {
  readonly directory: string
  readonly leaseDuration?: Duration.DurationInput | undefined
}

const fileRecords = (
  { directory, leaseDuration = "10 seconds" }: FileSystemOptions
): Effect.Effect<TokenRecord.Store, InvalidOptions, FileSystem | Path> => {
  if (directory === "") {
    return new InvalidOptions({ option: "directory", description: "it is empty. Give one for these tokens alone." })
  }
  const duration = Duration.decodeUnknown(leaseDuration)
  if (Option.isNone(duration) || !Duration.between(duration.value, { minimum: "100 millis", maximum: "1 day" })) {
    return new InvalidOptions({
      option: "leaseDuration",
      description: "it is not between 100 milliseconds and a day. Give a few seconds."
    })
  }
  return FileRecords.make({ directory, leaseDuration: duration.value })
}

/**
 * Keeps tokens in files that only their owner can read (0600), encrypted. Any number of processes on one machine share
 * the directory: one of them renews, and the others read. What has expired is removed in time.
 *
 * Nothing is read or written before the first token is wanted; what is wrong with the directory is a `TokenStorageError`
 * then, and tokens are asked for without it. From a directory that cannot be written to, tokens are read.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFileSystem = (
  options: FileSystemOptions & TokenRecord.EncryptionOptions
): Layer.Layer<TokenStorage, InvalidOptions, FileSystem | Path> =>
  Layer.effect(TokenStorage, Effect.zipWith(fileRecords(options), TokenRecord.encrypted(options), makeRecords))

/**
 * `layerFileSystem` from `Config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFileSystemConfig = (
  options: Config.Config.Wrap<FileSystemOptions & TokenRecord.EncryptionOptions>
): Layer.Layer<TokenStorage, InvalidOptions | ConfigError, FileSystem | Path> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerFileSystem))

/**
 * `layerFileSystem` without encryption: whoever can read the files, or a copy of them, can use the tokens.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFileSystemPlaintext = (
  options: FileSystemOptions
): Layer.Layer<TokenStorage, InvalidOptions, FileSystem | Path> =>
  Layer.effect(TokenStorage, Effect.map(fileRecords(options), (records) => makeRecords(records, TokenRecord.plaintext)))

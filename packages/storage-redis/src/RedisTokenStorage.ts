/**
 * Tokens in a Redis or Valkey that several machines share: one process renews a token, and the others read it.
 *
 * @since 0.1.0
 */
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import * as ConfigOptions from "@effect-mcp-auth/core/authoring/ConfigOptions"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as RecordTokenStorage from "@effect-mcp-auth/core/RecordTokenStorage"
import * as RecordEncryption from "@effect-mcp-auth/core/RecordEncryption"
import { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import * as DurationOption from "@effect-mcp-auth/core/authoring/DurationOption"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { ClusterOptions, RedisOptions } from "ioredis"
import * as Client from "./internal/connection/client.ts"
import * as Store from "./internal/store/store.ts"

/**
 * The options of a storage in Redis without encryption: the address of the Redis, and how the processes share it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisStorageOptions {
  /**
   * The URL of a Redis: `redis://`, or `rediss://` for TLS, with the user name, the password and the db number where
   * they are needed (`rediss://user:password@redis.example.com:6379/1`).
   *
   * An array, even of one URL, is a Redis Cluster: some of its nodes, or the one address that a cloud provider gives
   * for the whole cluster. The client finds the other nodes.
   */
  readonly url: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>>
  /**
   * Further options of ioredis, such as `tls`, `sentinels`, `password` or `db`. In a cluster they apply to each node,
   * and
   * `db` can only be 0. With ioredis 6, `protocol` is 2 unless it stands here.
   *
   * @default {}
   * @see https://redis.github.io/ioredis/index.html#RedisOptions
   */
  readonly redis?: RedisOptions | undefined
  /**
   * Further options of ioredis for a cluster, such as `dnsLookup` or `natMap`. With this option, a `url` without an
   * array is a cluster, too.
   *
   * @default {} if `url` is an array
   * @see https://redis.github.io/ioredis/interfaces/ClusterOptions.html
   */
  readonly cluster?: Omit<ClusterOptions, "redisOptions" | "scaleReads"> | undefined
  /**
   * The text with which each key and each channel begins.
   *
   * @default "mcp-auth:"
   */
  readonly prefix?: string | undefined
  /**
   * How long a lease lasts after its holder has died: from 100 milliseconds to 1 day. Keep it below the `leaseTimeout`
   * of the `RefreshPolicy` (30 seconds by default). Otherwise each process makes a token request of its own after a
   * crash.
   *
   * @default 10 seconds
   */
  readonly leaseDuration?: Duration.DurationInput | undefined
  /**
   * How long Redis may take to answer a command, including the time to connect: from 1 millisecond to 1 day. After
   * that, the operation fails and the provider carries on without the storage.
   *
   * @default 3 seconds
   */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /**
   * How often a process that waits for a lease checks it: from 10 milliseconds to 1 day. The release of a lease also
   * wakes a waiting process at once.
   *
   * @default 1 second
   */
  readonly pollInterval?: Duration.DurationInput | undefined
}

/**
 * The options of a storage that encrypts its tokens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends RedisStorageOptions, RecordEncryption.EncryptionOptions {}

/** Redis counts in whole milliseconds, and remembers a fence for a day. */
const durationOption = (option: string, input: Duration.DurationInput, minimum: Duration.DurationInput) =>
  DurationOption.check(option, input, { minimum, maximum: "1 day" })

const makeStore = (given: RedisStorageOptions) =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    for (const url of [options.url].flat()) {
      const fault = TextOption.faultOfWrapping(url)
      if (fault !== undefined) return yield* new InvalidOptions({ option: "url", description: fault })
    }
    const leaseDuration = yield* durationOption("leaseDuration", options.leaseDuration ?? "10 seconds", "100 millis")
    const commandTimeout = yield* durationOption("commandTimeout", options.commandTimeout ?? "3 seconds", "1 millis")
    const pollInterval = yield* durationOption("pollInterval", options.pollInterval ?? "1 second", "10 millis")
    const client = yield* Client.make({
      ...(Redacted.isRedacted(options.url)
        ? { urls: [options.url], cluster: options.cluster }
        : { urls: options.url, cluster: options.cluster ?? {} }),
      redis: options.redis,
      commandTimeout
    })
    return Store.make(client, { prefix: options.prefix ?? "mcp-auth:", leaseDuration, pollInterval })
  })

/**
 * A storage in Redis whose tokens are encrypted. It connects on first use and disconnects when the scope closes. While
 * Redis fails, each operation fails with a `TokenStorageError`, and the provider asks the authorization server
 * directly.
 *
 * Fails with `InvalidOptions` if a URL, an encryption key or a duration is invalid.
 *
 * @example
 * ```ts
 * import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const storage = yield* RedisTokenStorage.make({
 *     url: Redacted.make("rediss://:password@redis.example.com:6379"),
 *     encryptionKey: Redacted.make("...") // openssl rand -base64 32
 *   })
 *   // storage.get, storage.set, storage.remove, storage.lease
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<TokenStorage.Service, InvalidOptions, Scope.Scope> =>
  Effect.suspend(() => {
    const own = OwnOptions.read(options)
    return Effect.zipWith(makeStore(own), RecordEncryption.encrypted(own), RecordTokenStorage.make)
  })

/**
 * `make` without encryption: everyone who can read this Redis can use the tokens.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePlaintext = (
  options: RedisStorageOptions
): Effect.Effect<TokenStorage.Service, InvalidOptions, Scope.Scope> =>
  Effect.map(makeStore(options), (store) => RecordTokenStorage.make(store, RecordEncryption.plaintext))

/**
 * `make` as a Layer.
 *
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
 * import { Layer, Redacted } from "effect"
 *
 * const Storage = RedisTokenStorage.layer({
 *   url: Redacted.make("rediss://:password@redis.example.com:6379"),
 *   encryptionKey: Redacted.make("..."), // openssl rand -base64 32
 *   leaseDuration: "5 seconds"
 * })
 *
 * const Auth = ClientSecret.layer({
 *   serverUrl: "https://mcp.example.com/mcp",
 *   issuer: "https://auth.example.com",
 *   clientId: "nightly-report",
 *   clientSecret: Redacted.make("...")
 * }).pipe(Layer.provide(Storage))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenStorage, InvalidOptions> =>
  Layer.scoped(TokenStorage, make(options))

/**
 * `makePlaintext` as a Layer.
 *
 * @example
 * ```ts
 * import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
 * import { Redacted } from "effect"
 *
 * const Storage = RedisTokenStorage.layerPlaintext({ url: Redacted.make("redis://localhost:6379") })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPlaintext = (options: RedisStorageOptions): Layer.Layer<TokenStorage, InvalidOptions> =>
  Layer.scoped(TokenStorage, makePlaintext(options))

/**
 * `make` as a Layer, with options from `Config`.
 *
 * @example
 * ```ts
 * import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
 * import { Config } from "effect"
 *
 * const Storage = RedisTokenStorage.layerConfig({
 *   url: Config.redacted("REDIS_URL"),
 *   encryptionKey: Config.redacted("TOKEN_ENCRYPTION_KEY"),
 *   commandTimeout: Config.duration("REDIS_TIMEOUT").pipe(Config.withDefault("3 seconds"))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<TokenStorage, InvalidOptions | ConfigError> =>
  Layer.scoped(TokenStorage, Effect.flatMap(ConfigOptions.read<Options>(options), make))

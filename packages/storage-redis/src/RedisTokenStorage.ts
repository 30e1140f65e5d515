/**
 * Tokens in a Redis or Valkey that a fleet of processes shares: one of them renews, and the others read.
 *
 * @since 0.1.0
 */
import { InvalidOptions, TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as TokenRecord from "@effect-mcp-auth/core/TokenRecord"
import { makeRecords, TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { ClusterOptions, RedisOptions } from "ioredis"
import * as Client from "./internal/client.ts"
import * as Leases from "./internal/lease.ts"
import * as Scripts from "./internal/scripts.ts"

/**
 * - `url`: `redis://` or `rediss://` (TLS), with user name, password and the number of a db if need be. An array, even of
 *   one, is a cluster: some of its nodes, or the one address that a cloud gives it. The other nodes are found.
 * - `redis`: what else ioredis is to know, such as `tls`, `sentinels`, `password` or `db`; of each node of a cluster, which
 *   has no db but 0.
 * - `cluster`: what else it is to know of a cluster, such as `dnsLookup` or `natMap`. Makes one `url` a cluster's, too.
 * - `prefix`: what every key and channel begins with. `mcp-auth:` by default.
 * - `leaseDuration`: how long after its holder has died a lease ends. 10 seconds by default; shorter than the `leaseTimeout`
 *   of the refresh policy, or after a crash every process asks for itself.
 * - `commandTimeout`: how long Redis may take to answer before it is done without. 3 seconds by default.
 * - `pollInterval`: how often one that waits for a lease looks, besides being woken. 1 second by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisStorageOptions {
  readonly url: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>>
  readonly redis?: RedisOptions | undefined
  readonly cluster?: Omit<ClusterOptions, "redisOptions" | "scaleReads"> | undefined
  readonly prefix?: string | undefined
  readonly leaseDuration?: Duration.DurationInput | undefined
  readonly commandTimeout?: Duration.DurationInput | undefined
  readonly pollInterval?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends RedisStorageOptions, TokenRecord.EncryptionOptions {}

/** How often the same step may lose to another process before something else must be wrong. */
const MAX_ATTEMPTS = 100

/** In whole milliseconds, as Redis counts; at least `least` of them, and no more than a fence is remembered. */
const milliseconds = (
  option: string,
  input: Duration.DurationInput,
  least: Duration.DurationInput
): Either.Either<number, InvalidOptions> => {
  const time = Option.map(Duration.decodeUnknown(input), (time) => Duration.millis(Math.round(Duration.toMillis(time))))
  return Option.filter(time, Duration.between({ minimum: least, maximum: "1 day" })).pipe(
    Option.map(Duration.toMillis),
    Either.fromOption(() =>
      new InvalidOptions({
        option,
        description: `it is not between ${Duration.format(least)} and a day. Write a time as in "2 seconds".`
      })
    )
  )
}

const makeStore = (
  options: RedisStorageOptions
): Effect.Effect<TokenRecord.Store, InvalidOptions, Scope.Scope> =>
  Effect.gen(function*() {
    const leaseDuration = yield* milliseconds("leaseDuration", options.leaseDuration ?? "10 seconds", "100 millis")
    const commandTimeout = yield* milliseconds("commandTimeout", options.commandTimeout ?? "3 seconds", "1 millis")
    const pollInterval = yield* milliseconds("pollInterval", options.pollInterval ?? "1 second", "10 millis")
    const client = yield* Client.make({
      ...(Redacted.isRedacted(options.url)
        ? { urls: [options.url], cluster: options.cluster }
        : { urls: options.url, cluster: options.cluster ?? {} }),
      redis: options.redis,
      commandTimeout: Duration.millis(commandTimeout)
    })
    const prefix = options.prefix ?? "mcp-auth:"
    const keyOf = (name: string, kind: "record" | "fence" | "lease" | "line") => `${prefix}{${name}}:${kind}`
    const channelsOf = (name: string) => `${prefix}{${name}}:released:`
    const leases = Leases.make(client, { keyOf, channelsOf, leaseDuration, pollInterval })

    return {
      get: (name) => client.get("get", keyOf(name, "record")),
      modify: (name, operation, change) =>
        Effect.gen(function*() {
          const keys = [keyOf(name, "record"), keyOf(name, "fence")]
          for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            const current = yield* client.get(operation, keyOf(name, "record"))
            const made = yield* change(current)
            if (made._tag === "Keep") return
            const [record, keepFor] = made._tag === "Write" ? [made.record, Math.ceil(made.keepFor)] : ["", 0]
            // What would expire at once is not worth a command that Redis refuses.
            const outcome = yield* client.run(operation, Scripts.replace, keys, [
              Option.getOrElse(current, () => ""),
              record,
              Math.max(1, keepFor),
              leases.fenceOf(name) ?? ""
            ])
            if (outcome === 1) return
            if (outcome === -1) {
              return yield* new TokenStorageError({
                operation,
                reason: "LeaseLost",
                description:
                  "another process has taken the lease meanwhile, so that this one's token was not stored. " +
                  "If it happens often, this process stands still for longer than `leaseDuration`."
              })
            }
          }
          return yield* new TokenStorageError({
            operation,
            description: "the record does not hold still: other processes write to it all the time."
          })
        }),
      lease: leases.take
    }
  })

/**
 * A storage in Redis, encrypted, with its connections open for the scope. They are made on first use; what is wrong with
 * them is a `TokenStorageError` each time, and tokens are asked for without the storage until Redis is back.
 *
 * Fails with `InvalidOptions` if a URL, an encryption key or a time is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<TokenStorage.Service, InvalidOptions, Scope.Scope> =>
  Effect.zipWith(makeStore(options), TokenRecord.encrypted(options), makeRecords)

/**
 * `make` without encryption: whoever can read the Redis can use the tokens.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePlaintext = (
  options: RedisStorageOptions
): Effect.Effect<TokenStorage.Service, InvalidOptions, Scope.Scope> =>
  Effect.map(makeStore(options), (store) => makeRecords(store, TokenRecord.plaintext))

/**
 * `make` as a Layer.
 *
 * @example
 * ```ts
 * import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
 * import { Redacted } from "effect"
 *
 * export const Storage = RedisTokenStorage.layer({
 *   url: Redacted.make("rediss://:password@redis.example.com:6379"),
 *   encryptionKey: Redacted.make("...")
 * })
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
 * @since 0.1.0
 * @category layers
 */
export const layerPlaintext = (options: RedisStorageOptions): Layer.Layer<TokenStorage, InvalidOptions> =>
  Layer.scoped(TokenStorage, makePlaintext(options))

/**
 * `make` as a Layer, from `Config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<TokenStorage, InvalidOptions | ConfigError> =>
  Layer.scoped(TokenStorage, Effect.flatMap(Config.unwrap(options), make))

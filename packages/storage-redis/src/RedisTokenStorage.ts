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
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { RedisOptions } from "ioredis"
import * as Client from "./internal/client.ts"
import * as Scripts from "./internal/scripts.ts"

/**
 * - `url`: `redis://` or `rediss://` (TLS), with user name and password if need be. Several are nodes of one cluster, of
 *   which ioredis finds the others.
 * - `redis`: what else ioredis is to know, such as `tls`, `sentinels`, `password` or `db`.
 * - `prefix`: what every key and channel begins with. `mcp-auth:` by default.
 * - `leaseDuration`: how long after its holder has died a lease ends. 10 seconds by default.
 * - `commandTimeout`: how long Redis may take to answer before it is done without. 3 seconds by default.
 * - `pollInterval`: how often one that waits for a lease looks, besides being woken. 1 second by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisStorageOptions {
  readonly url: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>>
  readonly redis?: RedisOptions | undefined
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

/** How long a fence is remembered after its last lease, in milliseconds: longer than any process is paused. */
const FENCE_MEMORY = Duration.toMillis("1 day")

/** How long the end of a lease may take; it ends by itself soon enough. */
const RELEASE_TIMEOUT = Duration.seconds(2)

/** How often the same step may lose to another process before something else must be wrong. */
const MAX_ATTEMPTS = 100

const makeStore = (
  options: RedisStorageOptions
): Effect.Effect<TokenRecord.Store, InvalidOptions, Scope.Scope> =>
  Effect.gen(function*() {
    const urls = Redacted.isRedacted(options.url) ? [options.url] : options.url
    const client = yield* Client.make(urls, options.redis, Duration.decode(options.commandTimeout ?? "3 seconds"))
    const prefix = options.prefix ?? "mcp-auth:"
    const leaseDuration = Duration.toMillis(options.leaseDuration ?? "10 seconds")
    const pollInterval = Duration.toMillis(options.pollInterval ?? "1 second")
    if (leaseDuration < 100) {
      return yield* new InvalidOptions({
        option: "leaseDuration",
        description: "it is too short to be kept. Give seconds."
      })
    }
    const keyOf = (name: string, kind: "record" | "fence" | "lease" | "line" | "released") =>
      `${prefix}{${name}}:${kind}`

    /** The fencing tokens of the leases that this process holds. */
    const fences = new Map<string, number>()

    const lease = (name: string) =>
      Effect.gen(function*() {
        const holder = crypto.randomUUID()
        const [leaseKey, fenceKey, lineKey] = [keyOf(name, "lease"), keyOf(name, "fence"), keyOf(name, "line")]
        const channel = keyOf(name, "released")
        const woken = yield* Queue.sliding<void>(1)
        let fence = 0
        // First, since a command that is under way when its fiber is interrupted is carried out all the same.
        yield* Effect.addFinalizer(() =>
          Effect.suspend(() => {
            if (fences.get(name) === fence) fences.delete(name)
            return client.run("lease", Scripts.release, [leaseKey, lineKey], [holder, channel])
          }).pipe(Effect.interruptible, Effect.timeout(RELEASE_TIMEOUT), Effect.ignore)
        )
        const attempt = client.run("lease", Scripts.acquire, [leaseKey, fenceKey, lineKey], [
          holder,
          leaseDuration,
          FENCE_MEMORY
        ])
        let answer = yield* attempt
        if (answer < 1) {
          const unsubscribe = client.subscribe(channel, (first) => {
            if (first === undefined || first === holder) Queue.unsafeOffer(woken, undefined)
          })
          yield* Effect.addFinalizer(() => Effect.sync(unsubscribe))
          while (answer < 1) {
            // Whoever died with the lease wakes nobody.
            const wait = Math.min(pollInterval, Math.max(10, 1 - answer))
            yield* Effect.timeoutOption(Queue.take(woken), Duration.millis(wait))
            answer = yield* attempt
          }
          unsubscribe()
        }
        fence = answer
        fences.set(name, fence)
        yield* client.run("lease", Scripts.renew, [leaseKey], [holder, leaseDuration]).pipe(
          Effect.ignore,
          Effect.schedule(Schedule.spaced(Duration.millis(leaseDuration / 4))),
          Effect.forkScoped
        )
      })

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
              fences.get(name) ?? ""
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
      lease
    }
  })

/**
 * A storage in Redis, encrypted, with its connections open for the scope. They are made on first use; what is wrong with
 * them is a `TokenStorageError` each time, and tokens are asked for without the storage until Redis is back.
 *
 * Fails with `InvalidOptions` if a URL or an encryption key is none.
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

import type { InvalidOptions, TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { Cluster, type ClusterOptions, type Redis, type RedisOptions } from "ioredis"
import * as Address from "./address.ts"
import * as ClusterProbe from "./clusterProbe.ts"
import { explain, forgetCommand, messageOf } from "./commandError.ts"
import * as Ioredis from "./ioredis.ts"

/**
 * A Redis or a cluster. The client connects on first use, and again when the connection breaks.
 *
 * @internal
 */
export interface Connection {
  readonly redis: Redis | Cluster
  /** The db that each command must select. The connection itself is in db 0. */
  readonly db: number
  /** Runs a command. Its error says what to do, and does not contain the command, which may hold a record. */
  readonly use: <A>(
    operation: TokenStorageError["operation"],
    command: () => Promise<A>
  ) => Effect.Effect<A, TokenStorageError>
  /** Takes the reason why another connection to the same Redis broke. */
  readonly noteBroken: (error: Error) => void
  readonly close: () => void
}

/**
 * @internal
 */
export interface Options {
  /** The one Redis, or some nodes of a cluster. */
  readonly urls: ReadonlyArray<Redacted.Redacted<string>>
  /** Present for a cluster. */
  readonly cluster: ClusterOptions | undefined
  readonly redis: RedisOptions | undefined
  readonly commandTimeout: Duration.Duration
}

/**
 * Makes a connection. The caller closes it.
 *
 * @internal
 */
export const make = (options: Options): Effect.Effect<Connection, InvalidOptions> =>
  Effect.gen(function*() {
    const { cluster, commandTimeout } = options
    const addresses = yield* Address.fromUrls(options.urls)
    const db = yield* Address.dbOf(addresses, options.redis?.db, cluster !== undefined)
    const runSync = Runtime.runSync(yield* Effect.runtime<never>())
    const scheme = addresses[0].tls ? "tls" : "plain"
    const secrets = Address.passwordsOf(addresses, options.redis, cluster?.redisOptions)

    /** The last reason why the connection broke. ioredis itself only says how often it tried again. */
    let broken: Error | undefined
    let reached = false
    let closed = false
    const noteBroken = (error: Error) => {
      forgetCommand(error)
      if (!messageOf(error).startsWith("Connection is closed")) broken = error
    }
    /** Reject the commands in flight. A cluster would retry them for ever, without an error. */
    const pending = new Set<(error: unknown) => void>()
    const rejectPending = () => {
      if (broken === undefined) return
      for (const reject of pending) reject(broken)
      pending.clear()
    }
    const redis = Ioredis.make({
      addresses,
      cluster,
      redis: options.redis,
      random: () => runSync(Random.next),
      onUnreached: (error) => {
        noteBroken(error)
        rejectPending()
      }
    })
    redis.on("error", noteBroken)
    redis.on("ready", () => {
      reached = true
    })
    const closeProbe = redis instanceof Cluster ? ClusterProbe.make(redis, noteBroken, rejectPending) : undefined

    const use = <A>(
      operation: TokenStorageError["operation"],
      command: () => Promise<A>
    ): Effect.Effect<A, TokenStorageError> => {
      const fail = (error: unknown) =>
        explain(operation, error, broken, reached || closed ? undefined : scheme, secrets)
      const attempt = () =>
        new Promise<A>((resolve, reject) => {
          pending.add(reject)
          void command().then(resolve, reject).finally(() => pending.delete(reject))
        })
      return Effect.tryPromise({ try: attempt, catch: fail }).pipe(
        // A hanging Redis reports no error, so the time limit supplies one.
        Effect.timeoutFail({
          duration: commandTimeout,
          onTimeout: () => {
            const why = broken !== undefined
              ? `: ${messageOf(broken, secrets)}`
              : reached
              ? ""
              : ": no connection was made"
            return fail(`no answer within ${Duration.format(commandTimeout)} (\`commandTimeout\`)${why}`)
          }
        }),
        Effect.tap(() => Effect.sync(() => broken = undefined))
      )
    }

    return {
      redis,
      db,
      use,
      noteBroken,
      close: () => {
        closed = true
        redis.disconnect()
        closeProbe?.()
      }
    }
  })

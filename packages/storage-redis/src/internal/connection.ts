import type { InvalidOptions, TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { Cluster, type ClusterOptions, type Redis, type RedisOptions } from "ioredis"
import * as Address from "./address.ts"
import { backoff } from "./backoff.ts"
import * as ClusterProbe from "./clusterProbe.ts"
import { explain, forget, messageOf } from "./explain.ts"
import * as Ioredis from "./ioredis.ts"

/**
 * A Redis, or a cluster, that is connected to when it is first used, and again when the connection breaks.
 *
 * - `db`: is meant, and is for each command to select; the connection itself is to db 0.
 * - `use` waits for the answer to a command. Its errors are said in words of ours, and without the command, which may hold
 *   a record.
 * - `noteBroken` is told of what broke another connection to the same Redis.
 *
 * @internal
 */
export interface Connection {
  readonly redis: Redis | Cluster
  readonly db: number
  readonly use: <A>(
    operation: TokenStorageError["operation"],
    command: () => Promise<A>
  ) => Effect.Effect<A, TokenStorageError>
  readonly noteBroken: (error: Error) => void
  readonly close: () => void
}

/**
 * - `urls`: of the one Redis, or of nodes of a cluster.
 * - `cluster`: makes it a cluster.
 *
 * @internal
 */
export interface Options {
  readonly urls: ReadonlyArray<Redacted.Redacted<string>>
  readonly cluster: ClusterOptions | undefined
  readonly redis: RedisOptions | undefined
  readonly commandTimeout: Duration.Duration
}

/**
 * Whoever makes it closes it.
 *
 * @internal
 */
export const make = (options: Options): Effect.Effect<Connection, InvalidOptions> =>
  Effect.gen(function*() {
    const { cluster, commandTimeout } = options
    const addresses = yield* Address.fromUrls(options.urls)
    const db = yield* Address.dbOf(addresses, options.redis?.db, cluster !== undefined)
    const retryStrategy = backoff(yield* Effect.random)

    /** What broke the connection last: the client itself says no more than how often it has tried. */
    let broken: Error | undefined
    let reached = false
    let closed = false
    const noteBroken = (error: Error) => {
      forget(error)
      if (!messageOf(error).startsWith("Connection is closed")) broken = error
    }
    /** What ends the commands under way: a cluster goes on trying for them, and says nothing. */
    const pending = new Set<(error: unknown) => void>()
    const tellPending = () => {
      if (broken === undefined) return
      for (const reject of pending) reject(broken)
      pending.clear()
    }
    const redis = Ioredis.make({
      addresses,
      cluster,
      redis: options.redis,
      retryStrategy,
      onUnreached: (error) => {
        noteBroken(error)
        tellPending()
      }
    })
    redis.on("error", noteBroken)
    redis.on("ready", () => {
      reached = true
    })
    const closeProbe = redis instanceof Cluster ? ClusterProbe.make(redis, noteBroken, tellPending) : undefined

    const use = <A>(
      operation: TokenStorageError["operation"],
      command: () => Promise<A>
    ): Effect.Effect<A, TokenStorageError> => {
      const fail = (error: unknown) => {
        forget(error)
        return explain(operation, error, broken, reached || closed ? undefined : addresses[0].tls ? "tls" : "plain")
      }
      const attempt = () =>
        new Promise<A>((resolve, reject) => {
          pending.add(reject)
          void command().then(resolve, reject).finally(() => pending.delete(reject))
        })
      return Effect.tryPromise({ try: attempt, catch: fail }).pipe(
        // Who hangs says nothing.
        Effect.timeoutFail({
          duration: commandTimeout,
          onTimeout: () => {
            const why = broken !== undefined ? `: ${messageOf(broken)}` : reached ? "" : ": it was not reached"
            return fail(`it did not answer within ${Duration.format(commandTimeout)}${why}`)
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

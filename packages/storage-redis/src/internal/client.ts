import { type InvalidOptions, TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { Cluster, type Redis } from "ioredis"
import * as Connection from "./connection.ts"
import * as Scripts from "./scripts.ts"

type Operation = TokenStorageError["operation"]

/**
 * What of Redis is used here.
 *
 * @internal
 */
export interface Client {
  readonly get: (operation: Operation, key: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
  readonly run: (
    operation: Operation,
    script: Scripts.Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string | number>
  ) => Effect.Effect<number, TokenStorageError>
  /**
   * Calls back with each message of the channel, and whenever one may have been missed: once it is subscribed, after
   * each time that the connection was broken, and when the client ends. A channel has one listener. Gives what ends it.
   */
  readonly subscribe: (channel: string, onMessage: () => void) => () => void
}

const unexpected = (operation: Operation) =>
  new TokenStorageError({
    operation,
    description: "Redis answered something else than was asked. Is it a Redis, or a proxy that changes answers?"
  })

/**
 * Two connections at most, for the scope: one for commands, to each node of a cluster, and one for messages once anybody
 * waits.
 *
 * @internal
 */
export const make = (options: Connection.Options): Effect.Effect<Client, InvalidOptions, Scope.Scope> =>
  Effect.gen(function*() {
    const { close, db, noteBroken, redis, use } = yield* Connection.make(options)
    const listeners = new Map<string, () => void>()
    const wakeAll = () => {
      for (const listener of listeners.values()) listener()
    }
    let subscriber: Redis | Cluster | undefined
    let closed = false
    const unsafeSubscriber = (): Redis | Cluster => {
      if (subscriber !== undefined) return subscriber
      // A cluster has a connection of its own for messages.
      const connection = redis instanceof Cluster ? redis : redis.duplicate({ maxRetriesPerRequest: null })
      if (connection !== redis) connection.on("error", noteBroken)
      connection.on("message", (channel: string) => listeners.get(channel)?.())
      connection.on("ready", wakeAll)
      subscriber = connection
      return connection
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        close()
        subscriber?.disconnect()
        // Whoever still waits finds no connection, and is not left asleep.
        wakeAll()
      })
    )

    return {
      get: (operation, key) =>
        Effect.flatMap(
          use(
            operation,
            (): Promise<unknown> => db === 0 ? redis.get(key) : redis.eval(Scripts.inDb(db, Scripts.get), 1, key)
          ),
          (value) =>
            value === null
              ? Effect.succeedNone
              : typeof value === "string"
              ? Effect.succeedSome(value)
              : unexpected(operation)
        ),
      run: (operation, script, keys, args) =>
        Effect.flatMap(
          use(operation, () => redis.eval(Scripts.inDb(db, script), script.numberOfKeys, ...keys, ...args)),
          // Numbers are text where the client is told so.
          (value) => /^-?\d+$/.test(String(value)) ? Effect.succeed(Number(value)) : unexpected(operation)
        ),
      subscribe: (channel, onMessage) => {
        // A connection made now would be closed by nobody.
        if (closed) return ignore
        const connection = unsafeSubscriber()
        listeners.set(channel, onMessage)
        connection.subscribe(channel).then(onMessage, ignore)
        return () => {
          listeners.delete(channel)
          connection.unsubscribe(channel).catch(ignore)
        }
      }
    }
  })

/** Without messages there is still the poll. */
const ignore = () => {}

import { type InvalidOptions, TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { Cluster, type Redis } from "ioredis"
import * as Scripts from "../scripts.ts"
import * as Connection from "./connection.ts"

type Operation = TokenStorageError["operation"]

/**
 * The part of Redis that this package uses.
 *
 * @internal
 */
export interface Client {
  /** The record; `Scripts.TOO_LONG` in place of a value that is longer than any record. */
  readonly get: (operation: Operation, key: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
  readonly run: (
    operation: Operation,
    script: Scripts.Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string | number>
  ) => Effect.Effect<number, TokenStorageError>
  /**
   * Calls `onMessage` for each message of the channel, and whenever a message may have been missed: after the
   * subscription begins, after each reconnection, and when the client closes. A channel has one listener.
   *
   * Returns the function that ends the subscription.
   */
  readonly subscribe: (channel: string, onMessage: () => void) => () => void
}

const unexpectedReply = (operation: Operation) =>
  new TokenStorageError({
    operation,
    description: "Redis sent a reply of the wrong type. " +
      "Check that `url` is a Redis or Valkey, and that no proxy changes its replies."
  })

/** A character has three bytes of UTF-8 at most for each UTF-16 code unit, so that most records need no measuring. */
const isTooLong = (value: string): boolean =>
  value.length * 3 > Scripts.MAX_SIZE && new TextEncoder().encode(value).length > Scripts.MAX_SIZE

const ignore = () => {}

/**
 * A client that lives as long as the scope. It has at most two connections: one for commands (in a cluster, one to each
 * node), and one for messages as soon as a caller waits for a lease.
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
      // A cluster client itself opens another connection for messages.
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
        // Each waiter then finds the connection closed and fails. Otherwise the waiters would sleep on.
        wakeAll()
      })
    )

    return {
      get: (operation, key) =>
        use(
          operation,
          (): Promise<unknown> =>
            db === 0
              ? redis.getrange(key, 0, Scripts.MAX_SIZE)
              : redis.eval(Scripts.inDb(db, Scripts.get), 1, key)
        ).pipe(Effect.flatMap((value) =>
          value === "" || value === null
            ? Effect.succeedNone
            : typeof value === "string"
            ? Effect.succeedSome(isTooLong(value) ? Scripts.TOO_LONG : value)
            : unexpectedReply(operation)
        )),
      run: (operation, script, keys, args) =>
        use(operation, () => redis.eval(Scripts.inDb(db, script), script.numberOfKeys, ...keys, ...args)).pipe(
          // ioredis returns numbers as text if its option `stringNumbers` is set.
          Effect.flatMap((value) =>
            /^-?\d+$/.test(String(value)) ? Effect.succeed(Number(value)) : unexpectedReply(operation)
          )
        ),
      subscribe: (channel, onMessage) => {
        // No finalizer would close a connection that is opened after the client has closed.
        if (closed) return ignore
        const connection = unsafeSubscriber()
        listeners.set(channel, onMessage)
        // If Redis refuses the subscription, waiters still poll.
        connection.subscribe(channel).then(onMessage, ignore)
        return () => {
          listeners.delete(channel)
          connection.unsubscribe(channel).catch(ignore)
        }
      }
    }
  })

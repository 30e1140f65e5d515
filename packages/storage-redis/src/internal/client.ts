import { InvalidOptions, TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis"
import { explain, forget, messageOf } from "./explain.ts"
import type { Script } from "./scripts.ts"

type Operation = TokenStorageError["operation"]

/**
 * What of Redis is used here. Its errors are said in words of ours, and without the command, which may hold a record.
 *
 * @internal
 */
export interface Client {
  readonly get: (operation: Operation, key: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
  readonly run: (
    operation: Operation,
    script: Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string | number>
  ) => Effect.Effect<number, TokenStorageError>
  /**
   * Calls back with each message of the channel, and whenever one may have been missed: once it is subscribed, after
   * each time that the connection was broken, and when the client ends. A channel has one listener. Gives what ends it.
   */
  readonly subscribe: (channel: string, onMessage: () => void) => () => void
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
 * How long to wait before the connection is made again, in milliseconds: longer each time, and each client by chance, so
 * that not all of them come back to a restarted Redis in the same moment.
 *
 * @internal
 */
export const backoff = (random: Random.Random) => (times: number): number =>
  Effect.runSync(random.nextIntBetween(1, Math.min(times * 50, 1000) + 1))

interface Address {
  readonly href: string
  readonly node: { readonly host: string; readonly port: number }
  readonly tls: boolean
  readonly credentials: { readonly username?: string; readonly password?: string }
}

const parse = (text: string): Address | undefined => {
  try {
    const { hostname, href, password, port, protocol, username } = new URL(text)
    if ((protocol !== "redis:" && protocol !== "rediss:") || hostname === "") return undefined
    return {
      href,
      // An IPv6 address is in brackets.
      node: { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 6379) },
      tls: protocol === "rediss:",
      credentials: {
        ...(username === "" ? {} : { username: decodeURIComponent(username) }),
        ...(password === "" ? {} : { password: decodeURIComponent(password) })
      }
    }
  } catch {
    return undefined
  }
}

const connect = (
  addresses: ReadonlyArray<Address>,
  first: Address,
  { cluster, redis }: Options,
  retryStrategy: (times: number) => number,
  onError: (error: Error) => void
): Redis | Cluster => {
  const all: RedisOptions = {
    lazyConnect: true,
    connectTimeout: 5000,
    // A peer that has gone without a word is noticed by what it does not answer.
    socketTimeout: 10_000,
    // A storage that is down is done without: better an error soon than a token late.
    maxRetriesPerRequest: 1,
    retryStrategy,
    sentinelRetryStrategy: retryStrategy,
    // After a failover: the address now stands for another.
    reconnectOnError: ({ message }) => message.includes("READONLY"),
    ...redis
  }
  if (cluster === undefined) return new Redis(first.href, all)
  return new Cluster(addresses.map(({ node }) => ({ ...node })), {
    lazyConnect: true,
    clusterRetryStrategy: (times, reason) => {
      // Such as a name that is not found.
      if (reason !== undefined) onError(reason)
      return retryStrategy(times)
    },
    slotsRefreshTimeout: 5000,
    ...cluster,
    // Who reads from a replica finds a token that was replaced.
    scaleReads: "master",
    // The nodes that a cluster names are reached as the first one is.
    redisOptions: { ...all, ...first.credentials, ...(first.tls ? { tls: all.tls ?? {} } : {}) }
  })
}

const unexpected = (operation: Operation) =>
  new TokenStorageError({
    operation,
    description: "Redis answered something else than was asked. Is it a Redis, or a proxy that changes answers?"
  })

/**
 * Two connections at most, for the scope: one for commands, to each node of a cluster, and one for messages once anybody
 * waits. They are made when they are first needed, and made again when they break.
 *
 * @internal
 */
export const make = (options: Options): Effect.Effect<Client, InvalidOptions, Scope.Scope> =>
  Effect.gen(function*() {
    const { commandTimeout } = options
    const parsed = options.urls.map((url) => parse(Redacted.value(url)))
    const addresses = parsed.filter((address) => address !== undefined)
    const [first] = addresses
    if (first === undefined || addresses.length < parsed.length) {
      return yield* new InvalidOptions({
        option: "url",
        description: "it is no URL of Redis. Write redis://host:6379, or rediss://host:6379 for TLS, " +
          "and what is special in a password percent-encoded."
      })
    }
    const retryStrategy = backoff(yield* Effect.random)

    /** What broke the connection last: the client itself says no more than how often it has tried. */
    let broken: Error | undefined
    let reached = false
    let closed = false
    const noteBroken = (error: Error) => {
      forget(error)
      if (!messageOf(error).startsWith("Connection is closed")) broken = error
    }
    const redis = connect(addresses, first, options, retryStrategy, noteBroken)
    redis.on("error", noteBroken)
    redis.on("ready", () => {
      reached = true
    })
    let probe: Redis | undefined
    if (redis instanceof Cluster) {
      redis.on("node error", noteBroken)
      // A cluster says that it reaches no node, and not why; who connects to a node is told.
      redis.on("error", () => {
        const [node] = redis.nodes()
        if (closed || probe !== undefined || node === undefined) return
        probe = node.duplicate({ retryStrategy: null })
        probe.on("error", noteBroken)
        probe.on("end", () => {
          probe = undefined
        })
        probe.connect().then(() => probe?.disconnect(), ignore)
      })
    }

    const use = <A>(operation: Operation, command: () => Promise<A>): Effect.Effect<A, TokenStorageError> => {
      const fail = (error: unknown) => {
        forget(error)
        return explain(operation, error, broken, reached || closed ? undefined : first.tls ? "tls" : "plain")
      }
      return Effect.tryPromise({ try: command, catch: fail }).pipe(
        // A cluster that cannot be reached is tried for ever, and who hangs says nothing.
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

    // ---- messages ------------------------------------------------------------------------------------------------------

    const listeners = new Map<string, () => void>()
    const wakeAll = () => {
      for (const listener of listeners.values()) listener()
    }
    let subscriber: Redis | Cluster | undefined
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
        redis.disconnect()
        subscriber?.disconnect()
        probe?.disconnect()
        // Whoever still waits finds no connection, and is not left asleep.
        wakeAll()
      })
    )

    return {
      get: (operation, key) =>
        Effect.flatMap(
          use(operation, (): Promise<unknown> => redis.get(key)),
          (value) =>
            value === null
              ? Effect.succeedNone
              : typeof value === "string"
              ? Effect.succeedSome(value)
              : unexpected(operation)
        ),
      run: (operation, script, keys, args) =>
        Effect.flatMap(
          use(operation, () => redis.eval(script.lua, script.numberOfKeys, ...keys, ...args)),
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

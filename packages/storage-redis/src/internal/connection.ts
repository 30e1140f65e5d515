import { InvalidOptions, type TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis"
import { explain, forget, messageOf } from "./explain.ts"

/**
 * A Redis, or a cluster, that is connected to when it is first used, and again when the connection breaks.
 *
 * - `use` waits for the answer to a command. Its errors are said in words of ours, and without the command, which may hold
 *   a record.
 * - `noteBroken` is told of what broke another connection to the same Redis.
 *
 * @internal
 */
export interface Connection {
  readonly redis: Redis | Cluster
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

/**
 * Whoever makes it closes it.
 *
 * @internal
 */
export const make = (options: Options): Effect.Effect<Connection, InvalidOptions> =>
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
    /** What ends the commands under way: a cluster goes on trying for them, and says nothing. */
    const pending = new Set<(error: unknown) => void>()
    const tellPending = () => {
      if (broken === undefined) return
      for (const reject of pending) reject(broken)
      pending.clear()
    }
    const redis = connect(addresses, first, options, retryStrategy, (error) => {
      noteBroken(error)
      tellPending()
    })
    redis.on("error", noteBroken)
    redis.on("ready", () => {
      reached = true
    })
    let probe: Redis | undefined
    if (redis instanceof Cluster) {
      redis.on("node error", noteBroken)
      // It says that it reaches no node, but not why. Who connects to a node is told.
      redis.on("error", () => {
        const [node] = redis.nodes()
        if (closed || probe !== undefined || node === undefined) return
        probe = node.duplicate({ retryStrategy: null })
        probe.on("error", noteBroken)
        probe.on("end", () => {
          probe = undefined
          tellPending()
        })
        probe.connect().then(() => probe?.disconnect(), ignore)
      })
    }

    const use = <A>(
      operation: TokenStorageError["operation"],
      command: () => Promise<A>
    ): Effect.Effect<A, TokenStorageError> => {
      const fail = (error: unknown) => {
        forget(error)
        return explain(operation, error, broken, reached || closed ? undefined : first.tls ? "tls" : "plain")
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
      use,
      noteBroken,
      close: () => {
        closed = true
        redis.disconnect()
        probe?.disconnect()
      }
    }
  })

const ignore = () => {}

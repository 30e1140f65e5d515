import { InvalidOptions, TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { Cluster, Redis, type RedisOptions } from "ioredis"
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
   * Calls back with each message of the channel, and with `undefined` when messages may have been missed: once it is
   * subscribed, and after each time that the connection was broken. Gives what ends it.
   */
  readonly subscribe: (channel: string, onMessage: (message: string | undefined) => void) => () => void
}

const defaults: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 5000,
  // A peer that has gone without a word is noticed by what it does not answer.
  socketTimeout: 10_000,
  // A storage that is down is done without: better an error soon than a token late.
  maxRetriesPerRequest: 1,
  retryStrategy: (times) => Math.min(times * 50, 1000)
}

const invalid = (description: string) => new InvalidOptions({ option: "url", description })

const parse = (text: string): URL | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && (url.protocol === "redis:" || url.protocol === "rediss:") && url.hostname !== ""
    ? url
    : undefined
}

const connect = (urls: ReadonlyArray<string>, first: URL, options: RedisOptions | undefined): Redis | Cluster => {
  const all = { ...defaults, ...options }
  if (urls.length === 1) return new Redis(first.href, all)
  // The nodes that a cluster names are reached as the first one is.
  const credentials: RedisOptions = {
    ...(first.username === "" ? {} : { username: decodeURIComponent(first.username) }),
    ...(first.password === "" ? {} : { password: decodeURIComponent(first.password) }),
    ...(first.protocol === "rediss:" ? { tls: {} } : {})
  }
  return new Cluster([...urls], {
    lazyConnect: true,
    clusterRetryStrategy: (times) => Math.min(times * 50, 1000),
    slotsRefreshTimeout: 5000,
    redisOptions: { ...credentials, ...all }
  })
}

/**
 * Two connections at most, for the scope: one for commands, and one for messages once anybody waits. Both are made when
 * they are first needed, and made again when they break.
 *
 * @internal
 */
export const make = (
  redactedUrls: ReadonlyArray<Redacted.Redacted<string>>,
  options: RedisOptions | undefined,
  commandTimeout: Duration.Duration
): Effect.Effect<Client, InvalidOptions, Scope.Scope> =>
  Effect.gen(function*() {
    const urls = redactedUrls.map((url) => Redacted.value(url))
    const parsed = urls.map(parse)
    const [first] = parsed
    if (first === undefined || parsed.includes(undefined)) {
      return yield* invalid("it is no URL of Redis. Write redis://host:6379, or rediss://host:6379 for TLS.")
    }

    /** What broke the connection last: the client itself says no more than how often it has tried. */
    let broken: Error | undefined
    const open = (make: () => Redis | Cluster) => {
      const connection = make()
      connection.on("error", (error: Error) => {
        forget(error)
        broken = error
      })
      return connection
    }
    const redis = yield* Effect.acquireRelease(
      Effect.sync(() => open(() => connect(urls, first, options))),
      (redis) => Effect.sync(() => redis.disconnect())
    )

    const use = <A>(operation: Operation, command: () => Promise<A>): Effect.Effect<A, TokenStorageError> =>
      Effect.tryPromise({ try: command, catch: (error) => explain(operation, error, broken) }).pipe(
        // A cluster that cannot be reached is tried for ever, and who hangs says nothing.
        Effect.timeoutFail({
          duration: commandTimeout,
          onTimeout: () => {
            const why = redis.status === "ready" || broken === undefined ? "" : `: ${messageOf(broken)}`
            const description = `Redis did not answer within ${Duration.format(commandTimeout)}${why}`
            return new TokenStorageError({ operation, description })
          }
        })
      )

    // ---- messages ------------------------------------------------------------------------------------------------------

    const listeners = new Map<string, Set<(message: string | undefined) => void>>()
    let subscriber: Redis | Cluster | undefined
    const unsafeSubscriber = (): Redis | Cluster => {
      if (subscriber !== undefined) return subscriber
      const connection = open(() =>
        redis instanceof Cluster ? redis.duplicate() : redis.duplicate({ maxRetriesPerRequest: null })
      )
      connection.on("message", (channel: string, message: string) => tell(channel, message))
      connection.on("ready", () => {
        for (const channel of listeners.keys()) tell(channel, undefined)
      })
      subscriber = connection
      return connection
    }
    yield* Effect.addFinalizer(() => Effect.sync(() => subscriber?.disconnect()))

    const tell = (channel: string, message: string | undefined): void => {
      for (const listener of listeners.get(channel) ?? []) listener(message)
    }

    return {
      get: (operation, key) => Effect.map(use(operation, () => redis.get(key)), Option.fromNullable),
      run: (operation, script, keys, args) =>
        use(operation, async () => Number(await redis.eval(script.lua, script.numberOfKeys, ...keys, ...args))),
      subscribe: (channel, onMessage) => {
        const connection = unsafeSubscriber()
        const others = listeners.get(channel)
        const here = others ?? new Set()
        listeners.set(channel, here.add(onMessage))
        if (others === undefined) connection.subscribe(channel).then(() => tell(channel, undefined), ignore)
        else onMessage(undefined)
        return () => {
          if (!here.delete(onMessage) || here.size > 0) return
          listeners.delete(channel)
          connection.unsubscribe(channel).catch(ignore)
        }
      }
    }
  })

/** Without messages there is still the poll. */
const ignore = () => {}

/** The client's errors hold the command, and so a password or a record. */
const forget = (error: unknown): void => {
  if (error instanceof Error) Reflect.deleteProperty(error, "command")
}

/** Without the error as a cause, which is nothing but its message once the command is gone. */
const explain = (operation: Operation, error: unknown, broken: Error | undefined): TokenStorageError => {
  forget(error)
  const said = messageOf(error)
  // The client's own words about a broken connection; why it broke is what helps.
  const text = broken !== undefined &&
      /^(Reached the max retries|Connection is closed|Failed to refresh slots|None of startup)/.test(said)
    ? messageOf(broken)
    : said
  const refused = /\b(NOAUTH|WRONGPASS|NOPERM)\b|invalid (username-)?password/i.exec(text)?.[0]
  if (refused === undefined) return new TokenStorageError({ operation, description: `Redis failed: ${text}` })
  const description = refused === "NOAUTH"
    ? "Redis wants a password (NOAUTH). Write it in the URL, redis://:password@host:6379, or in `redis.password`."
    : refused === "NOPERM"
    ? `Redis does not let this user do it (NOPERM): ${text}`
    : "Redis does not take the password (WRONGPASS). Correct it in the URL, or in `redis.password`."
  return new TokenStorageError({ operation, reason: "Refused", description })
}

const messageOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const line = text.split("\n", 1)[0] ?? ""
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

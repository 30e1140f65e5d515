/**
 * A fake internet: hosts in memory, an `HttpClient` and a `fetch` that reach them, a record of every request, and
 * scripted faults. Nothing leaves the process, and every delay goes through the `Clock`.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Answer } from "./Answer.ts"
import { ConnectionDropped, delayed, proceed, respond } from "./Answer.ts"
import * as Wire from "./internal/wire.ts"

/**
 * What a request was for. The host that serves it says so. Where no host does, a well-known name in the path decides
 * (a client that looks for metadata in the wrong place is looking for metadata), and anything else is `"other"`.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint =
  | "protected-resource-metadata"
  | "authorization-server-metadata"
  | "token"
  | "resource"
  | "other"

/**
 * A request as it arrives at a host.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetworkRequest {
  /** When it was sent, in epoch milliseconds of the `Clock`. */
  readonly at: number
  readonly method: string
  /** The whole URL with its query, without a fragment. */
  readonly url: string
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as text; empty when there is none. */
  readonly body: string
}

/**
 * How a request ended. `at` is in epoch milliseconds of the `Clock`.
 *
 * - `Pending`: no answer yet
 * - `Answered`: the client has the status and the headers
 * - `Dropped`: the connection broke
 * - `Interrupted`: the client gave up first, by a time limit or an interruption
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | { readonly _tag: "Pending" }
  | { readonly _tag: "Answered"; readonly at: number; readonly status: number }
  | { readonly _tag: "Dropped"; readonly at: number }
  | { readonly _tag: "Interrupted"; readonly at: number }

/**
 * A request as the network remembers it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedRequest extends NetworkRequest {
  readonly endpoint: Endpoint
  readonly outcome: Outcome
  /** How many requests were under way when this one was sent, itself included. */
  readonly inFlight: number
  /** How many bytes of the answer's body the client has read so far. */
  readonly bytesRead: number
}

/**
 * Which requests are meant: all of an endpoint, or those that a predicate picks.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = Endpoint | ((request: RecordedRequest) => boolean)

/**
 * What a host does with one request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Route {
  readonly endpoint: Endpoint
  readonly respond: Effect.Effect<Response>
}

/**
 * A fake internet, see {@link layer}.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestNetwork extends Context.Tag("@effect-mcp-auth/testing/TestNetwork")<
  TestNetwork,
  TestNetwork.Service
>() {}

/**
 * @since 0.1.0
 */
export declare namespace TestNetwork {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Reaches the hosts of this network and nothing else. Like `FetchHttpClient` it follows redirects, unless
     * `FetchHttpClient.RequestInit` says `redirect: "manual"` or `"error"`.
     */
    readonly httpClient: HttpClient.HttpClient
    /** The same network for what takes a `fetch`. It runs on the `Clock` that was in place when the network was made. */
    readonly fetch: typeof globalThis.fetch
    /**
     * Puts a host on the network. `origin` is scheme, host and port, as in `https://mcp.example.com`; anything after
     * that is ignored. Several hosts may share an origin: the first that has a route for a request serves it, and a
     * request for which none has one is answered `404`.
     */
    readonly register: (
      origin: string,
      host: (request: NetworkRequest) => Route | undefined
    ) => Effect.Effect<void>
    /** Puts a host on the network that answers every request in the same way. */
    readonly serve: (
      origin: string,
      handler: (request: NetworkRequest) => Effect.Effect<Response>,
      endpoint?: Endpoint
    ) => Effect.Effect<void>
    /** Everything that was sent, in order. */
    readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
    readonly requestsTo: (target: Target) => Effect.Effect<ReadonlyArray<RecordedRequest>>
    readonly count: (target: Target) => Effect.Effect<number>
    /** The largest number of such requests that were under way at the same time. */
    readonly maxInFlight: (target: Target) => Effect.Effect<number>
    /** Waits until `count` such requests (one, if left out) have been sent, those of the past included. */
    readonly awaitRequests: (target: Target, count?: number) => Effect.Effect<void>
    /** Forgets the record. Hosts and scripts stay. */
    readonly clear: Effect.Effect<void>
    /** The next such requests get these answers in turn; after the last one the behaviour is normal again. */
    readonly script: (target: Target, ...answers: ReadonlyArray<Answer>) => Effect.Effect<void>
    /** Every such request gets this answer until {@link restore}. A script goes first, and a later call wins. */
    readonly always: (target: Target, answer: Answer) => Effect.Effect<void>
    /** Back to normal behaviour: drops whatever `script` and `always` have set up. */
    readonly restore: Effect.Effect<void>
    /** From now on each answer takes this long on its way back. Zero at first. */
    readonly setLatency: (latency: Duration.DurationInput) => Effect.Effect<void>
  }

  /**
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /** How long each answer takes on its way back. Zero by default. */
    readonly latency?: Duration.DurationInput | undefined
  }
}

interface Entry extends NetworkRequest {
  readonly endpoint: Endpoint
  readonly inFlight: number
  readonly started: number
  ended: number
  outcome: Outcome
  bytesRead: number
}

interface Waiter {
  readonly target: Target
  readonly count: number
  readonly done: Deferred.Deferred<void>
}

/**
 * An empty network. The `Clock` at hand is the one that its `fetch` will use.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: TestNetwork.Options): Effect.Effect<TestNetwork.Service> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const hosts = new Map<string, Array<(request: NetworkRequest) => Route | undefined>>()
    const scripts: Array<{ readonly target: Target; readonly answers: Array<Answer> }> = []
    const standing: Array<{ readonly target: Target; readonly answer: Answer }> = []
    let waiting: ReadonlyArray<Waiter> = []
    let entries: Array<Entry> = []
    let latency = Duration.decode(options?.latency ?? Duration.zero)
    let inFlight = 0
    let steps = 0

    const matching = (target: Target): ReadonlyArray<Entry> => entries.filter((entry) => isMeant(target, entry))

    const routeOf = (request: NetworkRequest): Route | undefined => {
      const known = hosts.get(new URL(request.url).origin)
      if (known === undefined) {
        return undefined
      }
      for (const host of known) {
        const route = host(request)
        if (route !== undefined) {
          return route
        }
      }
      return { endpoint: guessed(request.url), respond: notFound }
    }

    const record = (request: NetworkRequest, endpoint: Endpoint): Entry => {
      inFlight++
      const entry: Entry = {
        ...request,
        endpoint,
        inFlight,
        started: steps++,
        ended: Number.POSITIVE_INFINITY,
        outcome: { _tag: "Pending" },
        bytesRead: 0
      }
      entries.push(entry)
      waiting = waiting.filter((waiter) => {
        const more = matching(waiter.target).length < waiter.count
        if (!more) {
          Deferred.unsafeDone(waiter.done, Exit.void)
        }
        return more
      })
      return entry
    }

    const finish = (entry: Entry, exit: Exit.Exit<Response, ConnectionDropped>): Effect.Effect<void> =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        inFlight--
        entry.ended = steps++
        entry.outcome = Exit.match(exit, {
          onSuccess: (response): Outcome => ({ _tag: "Answered", at, status: response.status }),
          onFailure: (cause) => ({ _tag: Cause.isInterruptedOnly(cause) ? "Interrupted" : "Dropped", at })
        })
      })

    const nextAnswer = (entry: Entry): Answer =>
      scripts.find((script) => script.answers.length > 0 && isMeant(script.target, entry))?.answers.shift()
        ?? standing.findLast((rule) => isMeant(rule.target, entry))?.answer
        ?? proceed

    const send = (outgoing: Wire.Outgoing): Effect.Effect<Response, ConnectionDropped> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Clock.currentTimeMillis, (at) => {
          const { body, headers, method, signal, url } = outgoing
          const request = { at, method, url, headers, body }
          const route = routeOf(request)
          const entry = record(request, route?.endpoint ?? guessed(url))
          const answer = nextAnswer(entry)
          return respond(
            Duration.equals(latency, Duration.zero) ? answer : delayed(latency, answer),
            route?.respond ?? unknownHost(url)
          ).pipe(
            Effect.map((response) =>
              Wire.metered(response, signal, (bytes) => {
                entry.bytesRead += bytes
              })
            ),
            restore,
            Effect.onExit((exit) => finish(entry, exit))
          )
        })
      )

    const register: TestNetwork.Service["register"] = (origin, host) =>
      Effect.sync(() => {
        const key = new URL(origin).origin
        hosts.set(key, [...hosts.get(key) ?? [], host])
      })

    return {
      httpClient: Wire.makeHttpClient(send),
      fetch: Wire.makeFetch(send, runtime),
      register,
      serve: (origin, handler, endpoint = "other") =>
        register(origin, (request) => ({ endpoint, respond: handler(request) })),
      requests: Effect.sync(() => entries.map(snapshot)),
      requestsTo: (target) => Effect.sync(() => matching(target).map(snapshot)),
      count: (target) => Effect.sync(() => matching(target).length),
      maxInFlight: (target) =>
        Effect.sync(() => {
          const all = matching(target)
          return all.reduce(
            (most, one) => Math.max(most, all.filter((_) => _.started <= one.started && _.ended > one.started).length),
            0
          )
        }),
      awaitRequests: (target, count = 1) =>
        Effect.suspend(() => {
          if (matching(target).length >= count) {
            return Effect.void
          }
          return Effect.flatMap(Deferred.make<void>(), (done) => {
            waiting = [...waiting, { target, count, done }]
            return Deferred.await(done)
          })
        }),
      clear: Effect.sync(() => {
        entries = []
      }),
      script: (target, ...answers) =>
        Effect.sync(() => {
          scripts.push({ target, answers: [...answers] })
        }),
      always: (target, answer) =>
        Effect.sync(() => {
          standing.push({ target, answer })
        }),
      restore: Effect.sync(() => {
        scripts.length = 0
        standing.length = 0
      }),
      setLatency: (duration) =>
        Effect.sync(() => {
          latency = Duration.decode(duration)
        })
    }
  })

/**
 * An empty network with these options, and what reaches it: an `HttpClient`, and a `fetch` for whatever reads
 * `FetchHttpClient.Fetch`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  options: TestNetwork.Options
): Layer.Layer<TestNetwork | HttpClient.HttpClient | FetchHttpClient.Fetch> =>
  Layer.effectContext(Effect.map(make(options), (network) =>
    Context.make(TestNetwork, network).pipe(
      Context.add(HttpClient.HttpClient, network.httpClient),
      Context.add(FetchHttpClient.Fetch, network.fetch)
    )))

/**
 * An empty network, and what reaches it. Build it inside the test, so that it runs on the test's `TestClock`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<TestNetwork | HttpClient.HttpClient | FetchHttpClient.Fetch> = layerWith({})

const isMeant = (target: Target, entry: Entry): boolean =>
  typeof target === "string" ? entry.endpoint === target : target(snapshot(entry))

const snapshot = ({ ended: _ended, started: _started, ...request }: Entry): RecordedRequest => request

const notFound = Effect.sync(() => new Response("not found", { status: 404 }))

const guessed = (url: string): Endpoint =>
  /\/\.well-known\/oauth-protected-resource/.test(url)
    ? "protected-resource-metadata"
    : /\/\.well-known\/(oauth-authorization-server|openid-configuration)/.test(url)
    ? "authorization-server-metadata"
    : "other"

const unknownHost = (url: string): Effect.Effect<never, ConnectionDropped> =>
  Effect.fail(new ConnectionDropped({ message: `getaddrinfo ENOTFOUND ${new URL(url).hostname}: no such test host` }))

/**
 * A fake internet: hosts in memory, an `HttpClient` and a `fetch` that reach them, a record of every request, and
 * scripted faults. No request leaves the process, and every delay goes through the `Clock`. `TestHttpServers` makes the
 * hosts reachable over real sockets.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Answer } from "./Answer.ts"
import { ConnectionDropped, delayed, respond } from "./Answer.ts"
import { RequestLog } from "./internal/network/requestLog.ts"
import { Script } from "./internal/network/script.ts"
import * as Wire from "./internal/network/wire.ts"
import type {
  Endpoint,
  Host,
  IncomingRequest,
  NetworkRequest,
  RecordedRequest,
  Route,
  Target
} from "./NetworkRequest.ts"

export type {
  Endpoint,
  Host,
  IncomingRequest,
  NetworkRequest,
  Outcome,
  RecordedRequest,
  Route,
  Target
} from "./NetworkRequest.ts"

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
     * Reaches the hosts of this network and nothing else. Follows redirects as `FetchHttpClient` does, unless
     * `FetchHttpClient.RequestInit` says `redirect: "manual"` or `"error"`.
     */
    readonly httpClient: HttpClient.HttpClient
    /**
     * The same network for code that takes a `fetch`. Runs on the `Clock` that was in place when the network was made.
     */
    readonly fetch: typeof globalThis.fetch
    /**
     * Answers one request that reached the process in another way than by {@link httpClient} and {@link fetch}, such as
     * over a socket. The request is recorded and gets scripted answers like any other. Fails with `ConnectionDropped`
     * where the connection is to be broken. Redirects are returned, not followed.
     */
    readonly handle: (request: IncomingRequest) => Effect.Effect<Response, ConnectionDropped>
    /**
     * Puts a host on the network. `origin` is scheme, host and port, as in `https://mcp.example.com`; the rest of a URL
     * is ignored. Several hosts may share an origin: the first host that has a route for a request serves it. A request
     * for which no host has a route is answered with `404`.
     */
    readonly register: (origin: string, host: Host) => Effect.Effect<void>
    /** Puts a host on the network that answers every request with `handler`. */
    readonly serve: (
      origin: string,
      handler: (request: NetworkRequest) => Effect.Effect<Response>,
      endpoint?: Endpoint
    ) => Effect.Effect<void>
    /** All requests, in the order in which they were sent. */
    readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
    readonly requestsTo: (target: Target) => Effect.Effect<ReadonlyArray<RecordedRequest>>
    readonly count: (target: Target) => Effect.Effect<number>
    /** The largest number of such requests that were in flight at the same time. */
    readonly maxInFlight: (target: Target) => Effect.Effect<number>
    /** Waits until `count` such requests (1 by default) have been sent. Earlier requests count. */
    readonly awaitRequests: (target: Target, count?: number) => Effect.Effect<void>
    /** Clears the record of requests. Hosts and scripts stay. */
    readonly clear: Effect.Effect<void>
    /** The next such requests get these answers in turn. After the last answer the behaviour is normal again. */
    readonly script: (target: Target, ...answers: ReadonlyArray<Answer>) => Effect.Effect<void>
    /**
     * Every such request gets this answer until {@link restore}. A script goes before, and of two calls the later one
     * counts.
     */
    readonly always: (target: Target, answer: Answer) => Effect.Effect<void>
    /** Back to normal behaviour: removes all answers of `script` and `always`. */
    readonly restore: Effect.Effect<void>
    /** From now on each answer takes this long on its way back to the client. */
    readonly setLatency: (latency: Duration.DurationInput) => Effect.Effect<void>
  }

  /**
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * How long each answer takes on its way back to the client.
     *
     * @default 0
     */
    readonly latency?: Duration.DurationInput | undefined
  }
}

/**
 * An empty network. Its `fetch` runs on the `Clock` that is in place when the network is made.
 *
 * @example
 * ```ts
 * import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ latency: "20 millis" })
 *   yield* network.serve("https://api.example.com", () => Effect.sync(() => new Response("hello")))
 *   yield* network.script("other", Answer.status(503))
 *   return yield* network.httpClient.get("https://api.example.com/greeting")
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: TestNetwork.Options): Effect.Effect<TestNetwork.Service> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const hosts = new Map<string, ReadonlyArray<Host>>()
    const log = new RequestLog()
    const script = new Script()
    let latency = Duration.decode(options?.latency ?? Duration.zero)

    const register: TestNetwork.Service["register"] = (origin, host) =>
      Effect.sync(() => {
        const key = new URL(origin).origin
        hosts.set(key, [...hosts.get(key) ?? [], host])
      })

    const handle = (
      request: IncomingRequest,
      signal: AbortSignal = neverAborted
    ): Effect.Effect<Response, ConnectionDropped> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Clock.currentTimeMillis, (at) => {
          const { body, headers, method, url } = request
          const arrived = { at, method, url, headers, body }
          const route = routeOf(hosts.get(new URL(url).origin), arrived)
          const entry = log.begin(arrived, route?.endpoint ?? guessed(url))
          const answer = script.next(entry)
          log.announce()
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
            Effect.onExit((exit) => log.end(entry, exit))
          )
        })
      )

    const send = (outgoing: Wire.Outgoing) => handle(outgoing, outgoing.signal)

    return {
      httpClient: Wire.makeHttpClient(send),
      fetch: Wire.makeFetch(send, runtime),
      handle: (request) => handle(request),
      register,
      serve: (origin, handler, endpoint = "other") =>
        register(origin, (request) => ({ endpoint, respond: handler(request) })),
      requests: Effect.sync(() => log.all()),
      requestsTo: (target) => Effect.sync(() => log.to(target)),
      count: (target) => Effect.sync(() => log.count(target)),
      maxInFlight: (target) => Effect.sync(() => log.maxInFlight(target)),
      awaitRequests: (target, count = 1) => log.awaitCount(target, count),
      clear: Effect.sync(() => log.clear()),
      script: (target, ...answers) => Effect.sync(() => script.add(target, answers)),
      always: (target, answer) => Effect.sync(() => script.addStanding(target, answer)),
      restore: Effect.sync(() => script.clear()),
      setLatency: (duration) =>
        Effect.sync(() => {
          latency = Duration.decode(duration)
        })
    }
  })

/**
 * An empty network with these options, the `HttpClient` that reaches it, and a `fetch` for code that reads
 * `FetchHttpClient.Fetch`.
 *
 * @example
 * ```ts
 * import { TestNetwork } from "@effect-mcp-auth/testing"
 *
 * const SlowNetwork = TestNetwork.layerWith({ latency: "200 millis" })
 * ```
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
 * An empty network, and the `HttpClient` and the `fetch` that reach it. Build the layer inside the test, so that the
 * network runs on the test's `TestClock`.
 *
 * @example
 * ```ts
 * import { TestNetwork } from "@effect-mcp-auth/testing"
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const network = yield* TestNetwork.TestNetwork
 *   yield* network.serve("https://api.example.com", () => Effect.sync(() => new Response("hello")))
 *   yield* HttpClient.get("https://api.example.com/greeting")
 *   return yield* network.requests
 * }).pipe(Effect.provide(TestNetwork.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<TestNetwork | HttpClient.HttpClient | FetchHttpClient.Fetch> = layerWith({})

const neverAborted = new AbortController().signal

/** The route of the first host that has one. `undefined` for an origin without hosts. */
const routeOf = (hosts: ReadonlyArray<Host> | undefined, request: NetworkRequest): Route | undefined => {
  if (hosts === undefined) return undefined
  for (const host of hosts) {
    const route = host(request)
    if (route !== undefined) return route
  }
  return { endpoint: guessed(request.url), respond: notFound }
}

const notFound = Effect.sync(() => new Response("not found", { status: 404 }))

const guessed = (url: string): Endpoint =>
  /\/\.well-known\/oauth-protected-resource/.test(url)
    ? "protected-resource-metadata"
    : /\/\.well-known\/(oauth-authorization-server|openid-configuration)/.test(url)
    ? "authorization-server-metadata"
    : "other"

const unknownHost = (url: string): Effect.Effect<never, ConnectionDropped> =>
  Effect.fail(new ConnectionDropped({ message: `getaddrinfo ENOTFOUND ${new URL(url).hostname}: no such test host` }))

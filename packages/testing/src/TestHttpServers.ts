/**
 * The servers of `TestServers` on real sockets, for what cannot use a client in memory: a program in another process, a
 * library with an HTTP client of its own, a test of time limits and broken connections.
 *
 * The state, the record of requests and the scripted answers are those of the `TestNetwork`. No module of Node is
 * imported: the HTTP server is a value of Effect's `HttpServer`, such as `NodeHttpServer.make` of
 * `@effect/platform-node`, or that of another platform.
 *
 * @since 0.1.0
 */
import type { HttpServer } from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Profile } from "./IdentityProviderProfile.ts"
import { expose } from "./internal/network/listener.ts"
import { withoutSlash } from "./internal/web.ts"
import * as TestNetwork from "./TestNetwork.ts"
import * as TestServers from "./TestServers.ts"

/**
 * Where the servers listen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Urls {
  /** The issuer identifier of the authorization server, as in `http://127.0.0.1:40123`. */
  readonly issuer: string
  /** The MCP endpoint, as in `http://127.0.0.1:40124/mcp`. */
  readonly serverUrl: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<E, R> extends Omit<TestServers.TestServers.Options, "issuer" | "profile" | "serverUrl"> {
  /**
   * Opens a port. Runs once for each of the two servers, so let the system choose the port: for Node
   * `NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" })`.
   */
  readonly listen: Effect.Effect<HttpServer, E, R>
  /**
   * The path of the MCP endpoint.
   *
   * @default "/mcp"
   */
  readonly path?: string | undefined
  /**
   * The path of the issuer.
   *
   * @default "" (the issuer is the bare origin)
   */
  readonly issuerPath?: string | undefined
  /**
   * An authorization server in the manner of a product. Gets the addresses of both servers: the profile's issuer has to
   * be on the origin of `issuer`. See `TestServers`.
   *
   * @default none
   */
  readonly profile?: ((urls: Urls) => Profile) | undefined
}

/**
 * Makes the hosts of the network reachable over a socket, and gives the origin, as in `http://127.0.0.1:40123`. Hosts
 * that are registered at this origin answer what arrives at the socket, for as long as the scope lasts.
 *
 * - A dropped connection is reset on Node. Where the server gives no access to its sockets (Bun), the client gets an
 *   answer whose body breaks at its beginning.
 * - Several field lines of the same name arrive as one, with commas between their values (RFC 9110 §5.3).
 *
 * @example
 * ```ts
 * import { TestHttpServers, TestNetwork } from "@effect-mcp-auth/testing"
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { createServer } from "node:http"
 *
 * const test = Effect.gen(function*() {
 *   const network = yield* TestNetwork.TestNetwork
 *   const server = yield* NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" })
 *   const origin = yield* TestHttpServers.listen(server)
 *   yield* network.serve(origin, () => Effect.sync(() => new Response("hello")))
 *   yield* Effect.promise(() => fetch(origin))
 *   return yield* network.requests
 * }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const listen = (server: HttpServer): Effect.Effect<string, never, TestNetwork.TestNetwork | Scope.Scope> =>
  Effect.flatMap(TestNetwork.TestNetwork, ({ handle }) => expose(server, handle))

/**
 * Puts both servers on a network that is already there, each on a port of its own, for as long as the scope lasts.
 *
 * @example
 * ```ts
 * import { TestHttpServers } from "@effect-mcp-auth/testing"
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { createServer } from "node:http"
 *
 * const test = Effect.gen(function*() {
 *   const { serverUrl } = yield* TestHttpServers.make({
 *     listen: NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" })
 *   })
 *   return yield* Effect.promise(() => fetch(serverUrl)) // 401 with a challenge
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(
  options: Options<E, R>
): Effect.Effect<TestServers.TestServers.Service, E, R | TestNetwork.TestNetwork | Scope.Scope> =>
  Effect.gen(function*() {
    const { issuerPath = "", listen: open, path = "/mcp", profile, ...others } = options
    const [authorizationServer, mcpServer] = yield* Effect.all([open, open])
    const urls: Urls = {
      issuer: `${yield* listen(authorizationServer)}${withoutSlash(issuerPath)}`,
      serverUrl: `${yield* listen(mcpServer)}${path}`
    }
    return yield* TestServers.make({ ...others, ...urls, profile: profile?.(urls) })
  })

/**
 * An authorization server and a protected MCP server, each on a port of its own, and the network that records their
 * requests. `TestServers.layer` has the same servers in memory. Requires no `HttpClient` and provides none: use a real
 * one.
 *
 * The servers run on the `Clock` that is in place when the layer is built. Real clients wait in real time, so build the
 * layer on the real clock (`it.live`, `it.scopedLive`).
 *
 * @example
 * ```ts
 * import { Answer, TestHttpServers, TestServers } from "@effect-mcp-auth/testing"
 * import { NodeHttpServer } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { createServer } from "node:http"
 *
 * const Servers = TestHttpServers.layer({
 *   listen: NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" }),
 *   tokenLifetime: "10 minutes"
 * })
 *
 * const test = Effect.gen(function*() {
 *   const { network, serverUrl } = yield* TestServers.TestServers
 *   yield* network.script("resource", Answer.dropped)
 *   yield* Effect.promise(() => fetch(serverUrl)) // TypeError: fetch failed
 * }).pipe(Effect.provide(Servers))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  options: Options<E, R>
): Layer.Layer<
  TestServers.TestServers | TestNetwork.TestNetwork,
  E,
  Exclude<Exclude<R, Scope.Scope>, TestNetwork.TestNetwork>
> =>
  Layer.scoped(TestServers.TestServers, make(options)).pipe(
    Layer.provideMerge(Layer.effect(TestNetwork.TestNetwork, TestNetwork.make({ latency: options.latency })))
  )

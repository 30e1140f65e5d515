/**
 * One authorization server and one protected MCP server in memory, ready for use. Most tests need no more.
 * `TestHttpServers` has the same servers on real sockets.
 *
 * @since 0.1.0
 */
import type * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Profile } from "./IdentityProviderProfile.ts"
import * as TestAuthorizationServer from "./TestAuthorizationServer.ts"
import * as TestMcpServer from "./TestMcpServer.ts"
import * as TestNetwork from "./TestNetwork.ts"

/**
 * The servers of {@link layer}, and what a client needs to know about them.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestServers extends Context.Tag("@effect-mcp-auth/testing/TestServers")<
  TestServers,
  TestServers.Service
>() {}

/**
 * @since 0.1.0
 */
export declare namespace TestServers {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly network: TestNetwork.TestNetwork.Service
    readonly authorizationServer: TestAuthorizationServer.TestAuthorizationServer
    readonly mcpServer: TestMcpServer.TestMcpServer
    readonly serverUrl: string
    readonly issuer: string
    readonly clientId: string
    readonly clientSecret: Redacted.Redacted
  }

  /**
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * The URL of the MCP server.
     *
     * @default "https://mcp.example.com/mcp"
     */
    readonly serverUrl?: string | undefined
    /**
     * The issuer identifier of the authorization server. A `profile` has its own.
     *
     * @default "https://auth.example.com"
     */
    readonly issuer?: string | undefined
    /**
     * The id of the client.
     *
     * @default "test-client"
     */
    readonly clientId?: string | undefined
    /**
     * The secret of the client. The default has the characters that must be encoded (RFC 6749 §2.3.1).
     *
     * @default "s3cr:et+%/ü"
     */
    readonly clientSecret?: Redacted.Redacted | undefined
    /**
     * The scopes that the client may ask for. The client gets the first one if it asks for none, and the MCP server
     * needs the first one for every request.
     *
     * @default ["mcp", "admin"], or [] with a `profile`
     */
    readonly scopes?: ReadonlyArray<string> | undefined
    /**
     * How long tokens live.
     *
     * @default 1 hour
     */
    readonly tokenLifetime?: Duration.DurationInput | undefined
    /**
     * How long each answer takes on its way back to the client.
     *
     * @default 0
     */
    readonly latency?: Duration.DurationInput | undefined
    /**
     * Further options of the authorization server. Its `clients` are added to the client above.
     *
     * @default {}
     */
    readonly authorizationServer?: Partial<Omit<TestAuthorizationServer.Options, "issuer">> | undefined
    /**
     * An authorization server in the manner of a product, in place of the one that the options above describe. Give the
     * profile the `serverUrl` as its `resource`, and the clients. Only `scopes`, `serverUrl`, `latency` and `mcpServer`
     * of the other options then count.
     *
     * @default none
     */
    readonly profile?: Profile | undefined
    /**
     * Further options of the MCP server.
     *
     * @default {}
     */
    readonly mcpServer?: Partial<Omit<TestMcpServer.Options, "url">> | undefined
  }
}

/**
 * Puts both servers on a network that is already there.
 *
 * @example
 * ```ts
 * import { TestNetwork, TestServers } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const reports = yield* TestServers.make({ serverUrl: "https://reports.example.com/mcp", scopes: ["reports:read"] })
 *   const files = yield* TestServers.make({
 *     serverUrl: "https://files.example.com/mcp",
 *     issuer: "https://login.example.com"
 *   })
 *   return [reports.serverUrl, files.serverUrl]
 * }).pipe(Effect.provide(TestNetwork.layer))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: TestServers.Options = {}
): Effect.Effect<TestServers.Service, never, TestNetwork.TestNetwork> =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    const serverUrl = options.serverUrl ?? "https://mcp.example.com/mcp"
    const clientId = options.clientId ?? "test-client"
    const clientSecret = options.clientSecret ?? Redacted.make("s3cr:et+%/ü")
    const scopes = options.scopes ?? (options.profile === undefined ? ["mcp", "admin"] : [])
    const authorizationServer = yield* options.profile ?? TestAuthorizationServer.make({
      issuer: options.issuer ?? "https://auth.example.com",
      scopesSupported: scopes,
      tokenLifetime: options.tokenLifetime,
      ...options.authorizationServer,
      clients: [
        { clientId, clientSecret, scopes, defaultScopes: scopes.slice(0, 1) },
        ...options.authorizationServer?.clients ?? []
      ]
    })
    const { issuer } = authorizationServer
    const mcpServer = yield* TestMcpServer.make({
      url: serverUrl,
      authorizationServers: [authorizationServer],
      requiredScopes: scopes.slice(0, 1),
      ...options.mcpServer
    })
    return { network, authorizationServer, mcpServer, serverUrl, issuer, clientId, clientSecret }
  })

/**
 * A network with an authorization server at `https://auth.example.com` and a protected MCP server at
 * `https://mcp.example.com/mcp`, and the `HttpClient` that reaches them. Every request needs the scope `mcp`, which
 * the client gets if it asks for none, and the tool `admin` needs the scope `admin`.
 *
 * Each call makes servers of its own: keep the layer in a constant if you provide it in several places. Build the layer
 * inside the test, so that its servers run on the test's `TestClock`.
 *
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
 * import { Answer, TestServers } from "@effect-mcp-auth/testing"
 * import { Effect, Layer } from "effect"
 *
 * const Auth = Layer.unwrapEffect(Effect.map(TestServers.TestServers, ClientSecret.layer))
 *
 * const test = Effect.gen(function*() {
 *   const { network } = yield* TestServers.TestServers
 *   yield* network.script("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
 *   const error = yield* Effect.flip(OAuthProvider.accessToken)
 *   return [error._tag, yield* network.count("token")]
 * }).pipe(
 *   Effect.provide(Auth.pipe(
 *     Layer.provideMerge(TestServers.layer({ tokenLifetime: "10 minutes" })),
 *     Layer.provide(TokenStorage.layerMemory)
 *   ))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: TestServers.Options = {}
): Layer.Layer<TestServers | TestNetwork.TestNetwork | HttpClient.HttpClient | FetchHttpClient.Fetch> =>
  Layer.effect(TestServers, make(options)).pipe(
    Layer.provideMerge(TestNetwork.layerWith({ latency: options.latency }))
  )

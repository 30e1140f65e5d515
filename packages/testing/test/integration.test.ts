import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"

/** The client under test: the real provider, which gets its token from the servers at hand. */
const Client = Layer.unwrapEffect(Effect.map(
  TestServers.TestServers,
  ({ clientId, clientSecret, issuer, serverUrl }) =>
    OAuthHttpClient.layer.pipe(
      Layer.provide(ClientSecret.layer({ serverUrl, issuer, clientId, clientSecret })),
      Layer.provide(TokenStorage.layerMemory)
    )
))

const withClient = <A, E>(
  test: (servers: TestServers.TestServers.Service) => Effect.Effect<A, E, HttpClient.HttpClient>
) =>
  Effect.flatMap(TestServers.TestServers, (servers) => Effect.provide(test(servers), Client)).pipe(
    Effect.provide(TestServers.layer())
  )

const callTool = (url: string, name: string) =>
  HttpClient.execute(HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(url), {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name }
  }))

describe("a real client on the test servers", () => {
  it.effect("finds its way, steps up, and replaces a revoked token", () =>
    withClient(({ authorizationServer, mcpServer, network, serverUrl }) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* callTool(serverUrl, "echo")).status, 200)
        assert.strictEqual((yield* callTool(serverUrl, "admin")).status, 200)
        yield* authorizationServer.revokeAll
        assert.strictEqual((yield* callTool(serverUrl, "echo")).status, 200)
        assert.strictEqual(yield* network.count("token"), 3)
        const scopes = (yield* mcpServer.toolCalls).map((call) => [call.tool, call.token.scopes.toSorted()])
        assert.deepStrictEqual(scopes, [["echo", ["mcp"]], ["admin", ["admin", "mcp"]], ["echo", ["admin", "mcp"]]])
      })
    ))

  it.effect("looks for both kinds of metadata at once, and waits for its token by the TestClock", () =>
    withClient(({ network, serverUrl }) =>
      Effect.gen(function*() {
        yield* network.setLatency("100 millis")
        yield* network.script("token", Answer.delayed("2 seconds", Answer.proceed))
        const fiber = yield* Effect.fork(callTool(serverUrl, "echo"))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
        assert.strictEqual(yield* network.maxInFlight((request) => request.endpoint.endsWith("-metadata")), 2)
      })
    ))
})

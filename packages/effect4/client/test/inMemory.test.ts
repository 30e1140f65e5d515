/**
 * A program with `McpClient` on the servers in memory of `@effect-mcp-auth/testing`: no socket, and the time is that of
 * the `TestClock`.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthError, OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option } from "effect"
import { McpClient, McpProtocol } from "effect/ai"
import { TestClock } from "effect/testing"
import { callTool } from "../src/callTool.ts"

/** The Layers of production. Only the servers, and the `HttpClient` that reaches them, are the test's. */
const inMemory = (protocol: McpProtocol.ProtocolAdapter<McpClient.ProtocolVersion>, timeout?: "4 seconds") =>
  Layer.unwrap(
    Effect.map(
      TestServers.TestServers,
      (servers) =>
        McpClient.layerHttp({ name: "test", version: "1.0.0", protocol, url: servers.serverUrl, timeout }).pipe(
          Layer.provide(OAuthHttpClient.layer),
          Layer.provideMerge(ClientSecret.layer(servers))
        )
    )
  ).pipe(
    Layer.provideMerge(TestServers.layer({ tokenLifetime: "1 hour" })),
    Layer.provide(TokenStorage.layerMemory)
  )

const echo = Effect.map(callTool("echo", { message: "hello" }), ([first]) => first?.type === "text" ? first.text : "")

/** The `OAuthError` that a failed call wraps. */
const refusalOf = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.flip(call), (error) => Effect.fromOption(OAuthError.fromUnknown(error)))

for (const protocol of [McpProtocol.v2025_11_25, McpProtocol.v2026_07_28]) {
  describe(`McpClient ${protocol.protocolVersion} on servers in memory`, () => {
    it.effect("lists and calls tools with one token", () =>
      Effect.gen(function*() {
        const { mcpServer, network } = yield* TestServers.TestServers
        assert.strictEqual(yield* echo, "hello")
        assert.strictEqual(yield* network.count("token"), 1)
        assert.deepStrictEqual((yield* mcpServer.toolCalls).map(({ tool }) => tool), ["echo"])
      }).pipe(Effect.provide(inMemory(protocol))))

    it.effect("after an expiry, calls with a token that was renewed before it", () =>
      Effect.gen(function*() {
        const { mcpServer, network } = yield* TestServers.TestServers
        yield* echo
        yield* Effect.repeat(TestClock.adjust("30 minutes"), { times: 3 })
        yield* echo
        const [first, second] = yield* mcpServer.toolCalls
        assert.notStrictEqual(first?.token.value, second?.token.value)
        const refused = (yield* network.requests).filter(({ outcome }) =>
          outcome._tag === "Answered" && outcome.status === 401
        )
        assert.deepStrictEqual(refused, [])
      }).pipe(Effect.provide(inMemory(protocol))))

    it.effect("after a revocation, and for a tool that needs another scope, calls again with a new token", () =>
      Effect.gen(function*() {
        const { authorizationServer, network } = yield* TestServers.TestServers
        yield* authorizationServer.revokeAll
        assert.strictEqual(yield* echo, "hello")
        assert.deepStrictEqual(yield* callTool("admin", {}), [{ type: "text", text: "done" }])
        assert.strictEqual(yield* network.count("token"), 3)
      }).pipe(Effect.provide(inMemory(protocol))))

    it.effect("a refused renewal fails the call with an McpClientError that wraps the TokenEndpointError", () =>
      Effect.gen(function*() {
        const { authorizationServer, network } = yield* TestServers.TestServers
        yield* authorizationServer.revokeAll
        yield* network.script("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
        const refusal = yield* refusalOf(echo)
        assert.strictEqual(refusal._tag, "TokenEndpointError")
        assert.include(refusal, { code: "invalid_client", transient: false })
      }).pipe(Effect.provide(inMemory(protocol))))

    it.effect("while the authorization server is away, calls go on until the token expires, and again when it is back", () =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        yield* network.always("token", Answer.dropped)
        for (const _ of Array.from({ length: 5 })) {
          yield* echo
          yield* TestClock.adjust("10 minutes")
        }
        assert.strictEqual(yield* echo, "hello")
        yield* TestClock.adjust("10 minutes")
        const waiting = yield* Effect.forkChild(refusalOf(echo), { startImmediately: true })
        yield* TestClock.adjust("25 seconds")
        assert.isTrue(OAuthError.isTransient(yield* Fiber.join(waiting)))
        yield* network.restore
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(yield* echo, "hello")
      }).pipe(Effect.provide(inMemory(protocol))))

    it.effect("McpClient's own time limit fails the call with a TimeoutError, and the token request goes on", () =>
      Effect.gen(function*() {
        const { authorizationServer, network } = yield* TestServers.TestServers
        yield* authorizationServer.revokeAll
        yield* network.script("token", Answer.delayed("8 seconds", Answer.proceed))
        const call = yield* Effect.forkChild(Effect.flip(echo))
        yield* network.awaitRequests("token", 2)
        yield* TestClock.adjust("4 seconds")
        // In 2025-11-25, a call that ends early sends the server a cancellation, which waits for a token too.
        if (protocol.protocolVersion === "2025-11-25") assert.isUndefined(call.pollUnsafe())
        yield* TestClock.adjust("4 seconds")
        const error = yield* Fiber.join(call)
        assert.strictEqual(error._tag === "McpClientError" ? error.reason._tag : error._tag, "TimeoutError")
        assert.isTrue(Option.isNone(OAuthError.fromUnknown(error)))
        assert.strictEqual(yield* echo, "hello")
        assert.strictEqual(yield* network.count("token"), 2)
      }).pipe(Effect.provide(inMemory(protocol, "4 seconds"))))
  })
}

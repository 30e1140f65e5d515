/**
 * How a program with `McpClient` is tested without an authorization server and without a network: a server of Effect in
 * memory, and `TestOAuthProvider` in place of the provider.
 */
import { OAuthError, OAuthHttpClient } from "@effect-mcp-auth/core"
import { TestOAuthProvider } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { McpClient, McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"
import { FetchHttpClient, HttpRouter } from "effect/http"
import { callTool } from "../src/callTool.ts"

const url = "https://mcp.example.com/mcp"

const Tools = Toolkit.make(
  Tool.make("report", {
    parameters: Schema.Struct({ day: Schema.String }),
    success: Schema.Struct({ orders: Schema.Int })
  })
)

const Registrations = McpServer.toolkit(Tools).pipe(
  Layer.provide(Tools.toLayer({ report: ({ day }) => Effect.succeed({ orders: day.length }) }))
)

const refused = new OAuthError.TokenEndpointError({
  reason: "Refused",
  url: "https://auth.example.com/token",
  description: "The client is not known",
  code: "invalid_client"
})

/** The `fetch` of the test reaches an MCP server in memory, which accepts this token alone. */
const serverThatAccepts = Effect.fnUntraced(function*(token: string) {
  const { dispose, handler } = HttpRouter.toWebHandler(
    McpServer.layerHttp({
      name: "reports",
      version: "1.0.0",
      path: "/mcp",
      protocols: [McpProtocol.v2026_07_28, McpProtocol.v2025_11_25],
      registrations: Registrations
    }),
    { disableLogger: true }
  )
  yield* Effect.addFinalizer(() => Effect.promise(dispose))
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    return request.headers.get("authorization") === `Bearer ${token}`
      ? handler(request)
      : new Response(null, { status: 401, headers: { "www-authenticate": "Bearer error=\"invalid_token\"" } })
  }
  return fetch
})

for (const protocol of [McpProtocol.v2025_11_25, McpProtocol.v2026_07_28]) {
  const testOn = (token: string) =>
    McpClient.layerHttp({ name: "test", version: "1.0.0", protocol, url }).pipe(
      Layer.provide(OAuthHttpClient.layer),
      Layer.provideMerge(TestOAuthProvider.layer({ resource: url })),
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(Layer.effect(FetchHttpClient.Fetch, serverThatAccepts(token)))
    )

  describe(`a program with McpClient ${protocol.protocolVersion} and TestOAuthProvider`, () => {
    it.effect("sends the provider's token", () =>
      Effect.gen(function*() {
        const { renewals } = yield* TestOAuthProvider.TestOAuthProvider
        assert.deepStrictEqual(yield* callTool("report", { day: "today" }), [{ type: "text", text: "{\"orders\":5}" }])
        assert.deepStrictEqual(yield* renewals, [])
      }).pipe(Effect.provide(testOn("test-token"))))

    it.effect("when the server refuses the first token, is served with the renewed one", () =>
      Effect.gen(function*() {
        const { renewals } = yield* TestOAuthProvider.TestOAuthProvider
        assert.deepStrictEqual(yield* callTool("report", { day: "today" }), [{ type: "text", text: "{\"orders\":5}" }])
        assert.lengthOf(yield* renewals, 1)
      }).pipe(Effect.provide(testOn("test-token-1"))))

    it.effect("when no token can be obtained, fails with an McpClientError that wraps the OAuthError", () =>
      Effect.gen(function*() {
        const { fail, recover } = yield* TestOAuthProvider.TestOAuthProvider
        yield* fail(refused)
        const error = yield* Effect.flip(callTool("report", { day: "today" }))
        assert.strictEqual(error._tag, "McpClientError")
        assert.strictEqual(Option.getOrThrow(OAuthError.fromUnknown(error)), refused)
        yield* recover
        assert.lengthOf(yield* callTool("report", { day: "today" }), 1)
      }).pipe(Effect.provide(testOn("test-token"))))

    it.effect("when no token can be obtained, a tool of McpClient.toolkit fails with the same error", () =>
      Effect.gen(function*() {
        const { fail } = yield* TestOAuthProvider.TestOAuthProvider
        const { handle } = yield* McpClient.toolkit(yield* McpClient.McpClient)
        yield* fail(refused)
        const error = yield* Effect.flip(Effect.flatMap(handle("report", { day: "today" }), Stream.runDrain))
        assert.strictEqual(Option.getOrThrow(OAuthError.fromUnknown(error)), refused)
      }).pipe(Effect.provide(testOn("test-token"))))
  })
}

/**
 * `ClientSecret` against servers written by others, which find mistakes that our own servers would share.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthFetch, OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import { assert, describe, it } from "@effect/vitest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as AuthorizationServer from "../../src/servers/AuthorizationServer.ts"
import * as McpServer from "../../src/servers/McpServer.ts"
import * as Report from "../../src/servers/Report.ts"

const start = Effect.fnUntraced(function*(options: AuthorizationServer.Options = {}) {
  const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime: 60, ...options })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  const [client] = authorizationServer.clients
  const live = (changes: Partial<ClientSecret.Options> = {}) =>
    OAuthHttpClient.layer.pipe(
      Layer.provideMerge(ClientSecret.layer({
        serverUrl: mcpServer.url,
        issuer: authorizationServer.issuer,
        clientId: client.clientId,
        clientSecret: client.clientSecret,
        scopes: ["reports:read"],
        ...changes
      })),
      Layer.provide([FetchHttpClient.layer, TokenStorage.layerMemory])
    )
  return { authorizationServer, mcpServer, live }
})

/** Characters that RFC 6749 appendix A allows. With an encoding mistake, oidc-provider would refuse the client. */
const difficult = (
  tokenEndpointAuthMethod: AuthorizationServer.Client["tokenEndpointAuthMethod"]
): AuthorizationServer.Client => ({
  clientId: "nightly report:1+1",
  clientSecret: Redacted.make("100% +1:1 &=\"\\/?~"),
  tokenEndpointAuthMethod
})

describe("ClientSecret against oidc-provider and @modelcontextprotocol/server", () => {
  for (const tokenEndpointAuthMethod of ["client_secret_basic", "client_secret_post"] as const) {
    it.scopedLive(`a secret of special characters is accepted by ${tokenEndpointAuthMethod}`, () =>
      Effect.gen(function*() {
        const { live, mcpServer } = yield* start({ clients: [difficult(tokenEndpointAuthMethod)] })
        const report = yield* Report.read(mcpServer.reportUrl).pipe(
          Effect.provide(live({ tokenEndpointAuthMethod }))
        )
        assert.strictEqual(report.day, "today")
      }))
  }

  it.scopedLive("issuer, authentication method and scopes can be discovered", () =>
    Effect.gen(function*() {
      const { live, mcpServer } = yield* start()
      const scopes = yield* Report.read(mcpServer.reportUrl).pipe(
        Effect.zipRight(OAuthProvider.accessToken),
        Effect.map((token) => token.scopes),
        Effect.provide(live({ issuer: "discover", tokenEndpointAuthMethod: "discover", scopes: undefined }))
      )
      assert.deepStrictEqual([...scopes], ["reports:read", "reports:write"])
    }))

  it.scopedLive("a hundred callers make one token request", () =>
    Effect.gen(function*() {
      const { authorizationServer, live, mcpServer } = yield* start()
      const reports = yield* Effect.all(
        Array.from({ length: 100 }, () => Report.read(mcpServer.reportUrl)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(live()))
      assert.lengthOf(reports, 100)
      assert.strictEqual(authorizationServer.requests("POST /token"), 1)
    }))

  it.scopedLive("a wrong secret causes one token request, and an invalid_client error without the secret", () =>
    Effect.gen(function*() {
      const { authorizationServer, live, mcpServer } = yield* start()
      const error = yield* Report.read(mcpServer.reportUrl).pipe(
        Effect.provide(live({ clientSecret: Redacted.make("guessed-and-wrong") })),
        Effect.flip
      )
      assert.include(String(error), "invalid_client")
      assert.notInclude(JSON.stringify(error), "guessed-and-wrong")
      assert.strictEqual(authorizationServer.requests("POST /token"), 1)
    }))

  it.scopedLive("a client of the 2025 revision of MCP is served, and stepped up", () =>
    Effect.gen(function*() {
      const { live, mcpServer } = yield* start()
      const fetch = yield* OAuthFetch.make.pipe(
        Effect.provide(yield* Layer.build(live({ stepUp: { allow: ["reports:write"] } })))
      )
      const client = new Client({ name: "legacy", version: "1.0.0" })
      yield* Effect.acquireRelease(
        Effect.promise(() => client.connect(new StreamableHTTPClientTransport(new URL(mcpServer.url), { fetch }))),
        () => Effect.promise(() => client.close())
      )
      const published = yield* Effect.promise(() => client.callTool({ name: "publish", arguments: { day: "today" } }))
      assert.deepStrictEqual(published.content, [{ type: "text", text: "The report of today is published" }])
      assert.strictEqual(mcpServer.refused(403), 1)
      assert.strictEqual(mcpServer.refused(401), 0)
    }))
})

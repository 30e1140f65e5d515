/**
 * `OAuthFetch` in the transports of both lines of the official SDK, for answers in JSON and in event streams.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthFetch, TokenStorage } from "@effect-mcp-auth/core"
import { assert, describe, it } from "@effect/vitest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as V2 from "@modelcontextprotocol/client"
import { Client as V1Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport as V1Transport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { McpServer as V1Server } from "@modelcontextprotocol/sdk/server/mcp.js"
import { StreamableHTTPServerTransport as V1ServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AuthorizationServer from "../../src/servers/AuthorizationServer.ts"
import * as LoopbackServer from "../../src/servers/LoopbackServer.ts"
import * as McpServer from "../../src/servers/McpServer.ts"

/** An authenticated fetch for a server, and the content types of the answers that came through it. */
const makeFetch = Effect.fnUntraced(function*(
  authorizationServer: AuthorizationServer.AuthorizationServer,
  serverUrl: string
) {
  yield* authorizationServer.register({ identifier: serverUrl, scopes: McpServer.scopes })
  const [{ clientId, clientSecret }] = authorizationServer.clients
  const contentTypes = new Set<string>()
  const context = yield* Layer.build(
    ClientSecret.layer({
      serverUrl,
      issuer: authorizationServer.issuer,
      clientId,
      clientSecret,
      scopes: ["reports:read"],
      stepUp: { allow: ["reports:write"] }
    })
      .pipe(Layer.provide([FetchHttpClient.layer, TokenStorage.layerMemory]))
  )
  const watched: typeof globalThis.fetch = async (input, init) => {
    const response = await globalThis.fetch(input, init)
    const contentType = response.headers.get("content-type")?.split(";", 1)[0]
    if (response.ok && contentType !== undefined) contentTypes.add(contentType)
    return response
  }
  const fetch = yield* OAuthFetch.make.pipe(
    Effect.provideService(FetchHttpClient.Fetch, watched),
    Effect.provide(context)
  )
  return { fetch, contentTypes }
})

const start = AuthorizationServer.make({ accessTokenLifetime: 60 })

const contentTypeOf = { json: "application/json", sse: "text/event-stream" }

describe("@modelcontextprotocol/client 2", () => {
  for (const responseMode of ["json", "sse"] as const) {
    it.scopedLive(`lists and calls tools across a revocation and a step-up, with answers in ${responseMode}`, () =>
      Effect.gen(function*() {
        const authorizationServer = yield* start
        const mcpServer = yield* McpServer.make({ ...authorizationServer, responseMode })
        const { contentTypes, fetch } = yield* makeFetch(authorizationServer, mcpServer.url)
        const client = yield* Effect.acquireRelease(
          Effect.sync(() =>
            new V2.Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } })
          ),
          (client) => Effect.promise(() => client.close())
        )
        yield* Effect.promise(() =>
          client.connect(new V2.StreamableHTTPClientTransport(new URL(mcpServer.url), { fetch }))
        )
        const { tools } = yield* Effect.promise(() => client.listTools())
        assert.deepStrictEqual(tools.map(({ name }) => name), ["report", "publish"])
        yield* mcpServer.revokeAll
        const { content } = yield* Effect.promise(() =>
          client.callTool({ name: "publish", arguments: { day: "today" } })
        )
        assert.deepStrictEqual(content, [{ type: "text", text: "The report of today is published" }])
        assert.deepStrictEqual([mcpServer.refused(401), mcpServer.refused(403)], [1, 1])
        assert.isTrue(contentTypes.has(contentTypeOf[responseMode]))
      }))
  }
})

/**
 * A server of the 1.x line that needs a token, and reports to the test when a call arrives and when its client
 * disconnects.
 */
const startV1 = Effect.fnUntraced(function*(enableJsonResponse: boolean) {
  const authorizationServer = yield* start
  const called = yield* Deferred.make<void>()
  const left = yield* Deferred.make<void>()
  const server = yield* LoopbackServer.make({
    name: "The 1.x MCP server",
    listener: (origin) => (request, response) => {
      if (request.url === "/.well-known/oauth-protected-resource/mcp") {
        response.setHeader("content-type", "application/json")
        response.end(JSON.stringify({ resource: `${origin}/mcp`, authorization_servers: [authorizationServer.issuer] }))
        return
      }
      if (request.headers.authorization?.startsWith("Bearer ey") !== true) {
        response.writeHead(401, { "www-authenticate": "Bearer" }).end()
        return
      }
      const mcp = new V1Server({ name: "v1", version: "1.0.0" })
      mcp.registerTool("ping", {}, () => ({ content: [{ type: "text", text: "pong" }] }))
      mcp.registerTool("hang", {}, () => {
        Effect.runSync(Deferred.succeed(called, undefined))
        return new Promise(() => undefined)
      })
      response.once("close", () => {
        if (!response.writableFinished) Effect.runSync(Deferred.succeed(left, undefined))
      })
      const transport = new V1ServerTransport({ enableJsonResponse })
      void mcp.connect(transport).then(() => transport.handleRequest(request, response))
    }
  })
  const url = `${server.origin}/mcp`
  const { contentTypes, fetch } = yield* makeFetch(authorizationServer, url)
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => new V1Client({ name: "test", version: "1.0.0" })),
    (client) => Effect.promise(() => client.close())
  )
  yield* Effect.promise(() => client.connect(new V1Transport(new URL(url), { fetch })))
  return { called, client, contentTypes, left }
})

describe("@modelcontextprotocol/sdk 1", () => {
  for (const mode of ["json", "sse"] as const) {
    it.scopedLive(`lists and calls tools, with answers in ${mode}`, () =>
      Effect.gen(function*() {
        const { client, contentTypes } = yield* startV1(mode === "json")
        const { tools } = yield* Effect.promise(() => client.listTools())
        assert.deepStrictEqual(tools.map(({ name }) => name), ["ping", "hang"])
        const { content } = yield* Effect.promise(() => client.callTool({ name: "ping" }))
        assert.deepStrictEqual(content, [{ type: "text", text: "pong" }])
        assert.isTrue(contentTypes.has(contentTypeOf[mode]))
      }))

    it.scopedLive(`closing the client aborts the connection of a call in flight, with answers in ${mode}`, () =>
      Effect.gen(function*() {
        const { called, client, left } = yield* startV1(mode === "json")
        const call = client.callTool({ name: "hang" }).catch((error: unknown) => error)
        yield* Deferred.await(called)
        yield* Effect.promise(() => client.close())
        yield* Deferred.await(left)
        assert.instanceOf(yield* Effect.promise(() => call), Error)
      }))
  }
})

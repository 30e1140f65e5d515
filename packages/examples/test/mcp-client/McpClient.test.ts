/**
 * `McpClient` with a client secret: first against the servers in memory of `@effect-mcp-auth/testing`, where the test
 * decides about time and faults, then against real servers.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { AccessToken, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, TestClock } from "effect"
import * as McpClient from "../../src/mcp-client/McpClient.ts"
import * as AuthorizationServer from "../../src/servers/AuthorizationServer.ts"
import * as McpServer from "../../src/servers/McpServer.ts"
import { runProgram, settingsOf } from "../runProgram.ts"

const names = (tools: ReadonlyArray<{ readonly name: string }>) => tools.map(({ name }) => name)

describe("McpClient on servers in memory", () => {
  /** The Layers of production. Only the servers, and the `fetch` and `HttpClient` that reach them, are the test's. */
  const InMemory = Layer.unwrapEffect(
    Effect.map(
      TestServers.TestServers,
      (servers) => McpClient.layer(servers).pipe(Layer.provideMerge(ClientSecret.layer(servers)))
    )
  ).pipe(
    Layer.provideMerge(TestServers.layer({ tokenLifetime: "1 hour" })),
    Layer.provide(TokenStorage.layerMemory)
  )

  it.effect("lists and calls tools with one token", () =>
    Effect.gen(function*() {
      const { callTool, listTools } = yield* McpClient.McpClient
      const { network } = yield* TestServers.TestServers
      assert.deepStrictEqual(names(yield* listTools), ["echo", "admin"])
      assert.deepStrictEqual(yield* callTool("echo", { message: "hello" }), [{ type: "text", text: "hello" }])
      assert.strictEqual(yield* network.count("token"), 1)
    }).pipe(Effect.provide(InMemory)))

  it.effect("declares the extension for client credentials to the server", () =>
    Effect.gen(function*() {
      yield* McpClient.McpClient
      const { network } = yield* TestServers.TestServers
      const declared = (yield* network.requests).filter(({ body }) =>
        body.includes("\"extensions\":{\"io.modelcontextprotocol/oauth-client-credentials\":{}}")
      )
      assert.isNotEmpty(declared)
    }).pipe(Effect.provide(InMemory)))

  it.effect("after an expiry, calls with a token that was renewed before it", () =>
    Effect.gen(function*() {
      const { callTool } = yield* McpClient.McpClient
      const { mcpServer, network } = yield* TestServers.TestServers
      yield* callTool("echo", { message: "first" })
      yield* Effect.repeatN(TestClock.adjust("30 minutes"), 3)
      yield* callTool("echo", { message: "second" })
      const [first, second] = yield* mcpServer.toolCalls
      assert.notStrictEqual(first?.token, second?.token)
      assert.isAtLeast(yield* network.count("token"), 2)
      const refused = (yield* network.requests).filter(({ outcome }) =>
        outcome._tag === "Answered" && outcome.status === 401
      )
      assert.deepStrictEqual(refused, [])
    }).pipe(Effect.provide(InMemory)))

  it.effect("after a revocation, and for a tool that needs another scope, calls again with a new token", () =>
    Effect.gen(function*() {
      const { callTool } = yield* McpClient.McpClient
      const { authorizationServer, network } = yield* TestServers.TestServers
      yield* authorizationServer.revokeAll
      assert.strictEqual(McpClient.textOf(yield* callTool("echo", { message: "again" })), "again")
      assert.strictEqual(McpClient.textOf(yield* callTool("admin")), "done")
      assert.strictEqual(yield* network.count("token"), 3)
    }).pipe(Effect.provide(InMemory)))

  it.effect("when the authorization server refuses the client, fails with a TokenEndpointError", () =>
    Effect.gen(function*() {
      const { callTool } = yield* McpClient.McpClient
      const { authorizationServer, network } = yield* TestServers.TestServers
      yield* authorizationServer.revokeAll
      yield* network.script("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      const error = yield* Effect.flip(callTool("echo", { message: "hello" }))
      assert.strictEqual(error._tag, "TokenEndpointError")
      assert.include(error.message, "invalid_client")
    }).pipe(Effect.provide(InMemory)))

  it.effect("when the MCP server fails, fails with an McpError that names the operation", () =>
    Effect.gen(function*() {
      const { listTools } = yield* McpClient.McpClient
      const { network } = yield* TestServers.TestServers
      yield* network.script("resource", Answer.status(500))
      const error = yield* Effect.flip(listTools)
      assert.strictEqual(error._tag, "McpError")
      assert.match(error.message, /^listTools failed: /)
    }).pipe(Effect.provide(InMemory)))

  it.effect("when its caller is interrupted, closes the connection of the call, which cancels the call", () =>
    Effect.gen(function*() {
      const { callTool } = yield* McpClient.McpClient
      const { network } = yield* TestServers.TestServers
      const closed = yield* Deferred.make<void>()
      const hanging = Effect.onInterrupt(Effect.never, () => Deferred.succeed(closed, undefined))
      yield* network.script("resource", Answer.after(hanging, Answer.proceed))
      const call = yield* Effect.fork(callTool("echo", { message: "hello" }))
      yield* network.awaitRequests(({ body }) => body.includes("tools/call"))
      yield* Fiber.interrupt(call)
      yield* Deferred.await(closed)
    }).pipe(Effect.provide(InMemory)))
})

describe("McpClient on real servers", () => {
  const start = Effect.fnUntraced(function*(accessTokenLifetime: number) {
    const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime })
    const mcpServer = yield* McpServer.make(authorizationServer)
    yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
    const { clients: [{ clientId, clientSecret }], issuer } = authorizationServer
    const live = (changes: Partial<ClientSecret.Options> = {}) =>
      McpClient.layer({ serverUrl: mcpServer.url }).pipe(
        Layer.provideMerge(
          ClientSecret.layer({
            serverUrl: mcpServer.url,
            issuer,
            clientId,
            clientSecret,
            scopes: ["reports:read"],
            stepUp: { allow: ["reports:write"] },
            ...changes
          })
        ),
        Layer.provide([FetchHttpClient.layer, TokenStorage.layerMemory])
      )
    return { authorizationServer, live, mcpServer, settings: settingsOf(authorizationServer, mcpServer) }
  })

  const report = JSON.stringify({ day: "today", orders: 1204, returns: 17 })

  it.scopedLive("lists and calls tools, across an expiry, a revocation and a step-up, in one session", () =>
    Effect.gen(function*() {
      const lifetime = 4
      const { authorizationServer, live, mcpServer } = yield* start(lifetime)
      yield* Effect.gen(function*() {
        const { callTool, listTools } = yield* McpClient.McpClient
        const { accessToken } = yield* OAuthProvider.OAuthProvider
        const readReport = Effect.map(callTool("report", { day: "today" }), McpClient.textOf)
        assert.deepStrictEqual(names(yield* listTools), ["report", "publish"])
        assert.strictEqual(yield* readReport, report)
        const first = yield* accessToken

        // An expiry: the calls go on until the first token has expired.
        yield* readReport.pipe(
          Effect.delay("100 millis"),
          Effect.repeat({ until: () => first.expiresAt <= Date.now() })
        )
        assert.strictEqual(yield* readReport, report)
        assert.isFalse(AccessToken.isSame(yield* accessToken, first))
        assert.strictEqual(mcpServer.refused(401), 0)

        // A revocation, of a token that is not about to be renewed. The server refuses a token of the same second only
        // if it has seen that token.
        yield* accessToken.pipe(
          Effect.delay("100 millis"),
          Effect.repeat({ until: ({ expiresAt }) => expiresAt - Date.now() > 0.6 * lifetime * 1000 })
        )
        yield* readReport
        yield* mcpServer.revokeAll
        assert.strictEqual(yield* readReport, report)
        assert.strictEqual(mcpServer.refused(401), 1)

        // A step-up.
        const [published] = yield* callTool("publish", { day: "today" })
        assert.deepInclude(published, { text: "The report of today is published" })
        assert.strictEqual(mcpServer.refused(403), 1)
        assert.isAtLeast(authorizationServer.requests("POST /token"), 3)
      }).pipe(Effect.provide(live()))
    }))

  it.scopedLive("with a wrong secret, fails while it connects, with a TokenEndpointError", () =>
    Effect.gen(function*() {
      const { live } = yield* start(60)
      const wrong = live({ clientSecret: Redacted.make("guessed-and-wrong") })
      const outcome = yield* McpClient.McpClient.pipe(
        Effect.provide(wrong),
        Effect.as("connected"),
        Effect.catchTag("TokenEndpointError", ({ code }) => Effect.succeed(code))
      )
      assert.strictEqual(outcome, "invalid_client")
    }))

  it.scopedLive("with a tool that does not exist, fails with an McpError", () =>
    Effect.gen(function*() {
      const { live } = yield* start(60)
      const error = yield* McpClient.McpClient.pipe(
        Effect.flatMap(({ callTool }) => callTool("forecast")),
        Effect.provide(live()),
        Effect.flip
      )
      assert.include(["McpError", "ToolError"], error._tag)
      assert.include(error.message, "forecast")
    }))

  it.scopedLive("closes its connection with its scope: a later call fails with an McpError", () =>
    Effect.gen(function*() {
      const { live } = yield* start(60)
      const { callTool } = yield* Effect.provide(McpClient.McpClient, live())
      const error = yield* Effect.flip(callTool("report", { day: "today" }))
      assert.strictEqual(error._tag, "McpError")
    }))

  it.scopedLive("main.ts prints what the tools answered", () =>
    Effect.gen(function*() {
      const { settings } = yield* start(60)
      const { exitCode, stdout } = yield* runProgram("mcp-client/main.ts", settings)
      assert.strictEqual(exitCode, 0)
      assert.include(stdout, `${report}\nThe report of today is published\n`)
    }))

  it.scopedLive("main.ts with a wrong secret exits 1 and says why without the secret", () =>
    Effect.gen(function*() {
      const { settings } = yield* start(60)
      const ended = yield* runProgram("mcp-client/main.ts", { ...settings, MCP_CLIENT_SECRET: "guessed-and-wrong" })
      assert.strictEqual(ended.exitCode, 1)
      assert.match(ended.stderr, /^The client got no token: .*invalid_client/)
      assert.notInclude(ended.stdout + ended.stderr, "guessed-and-wrong")
    }))
})

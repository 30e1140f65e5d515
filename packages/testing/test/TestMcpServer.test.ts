import { TestAuthorizationServer, TestMcpServer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import { callTool, obtainToken, rpc } from "./support.ts"

const url = "https://mcp.example.com/mcp"

const withServers = <A, E>(
  test: (
    servers: TestServers.TestServers.Service
  ) => Effect.Effect<A, E, HttpClient.HttpClient | TestServers.TestServers | TestNetwork.TestNetwork>,
  mcpServer?: Partial<TestMcpServer.Options>
) => Effect.flatMap(TestServers.TestServers, test).pipe(Effect.provide(TestServers.layer({ mcpServer })))

const get = (url: string, authorization?: string) =>
  HttpClient.execute(
    authorization === undefined
      ? HttpClientRequest.get(url)
      : HttpClientRequest.setHeader(HttpClientRequest.get(url), "authorization", authorization)
  )

const challengeOf = (authorization?: string) =>
  Effect.map(get(url, authorization), (response) => [response.status, response.headers["www-authenticate"]])

const wellKnown = "https://mcp.example.com/.well-known/oauth-protected-resource"

const invalid = (description: string) => [
  401,
  `Bearer error="invalid_token", error_description="${description}", `
  + `resource_metadata="${wellKnown}/mcp", scope="mcp"`
]

const initialized = (protocolVersion: string) => [200, {
  jsonrpc: "2.0",
  id: "a",
  result: {
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "test-mcp-server", version: "0.1.0" }
  }
}]

const error = (code: number, message: string, id: number | null = 3) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message }
})

describe("TestMcpServer metadata", () => {
  it.effect("is at the well-known address with the path", () =>
    withServers(({ mcpServer }) =>
      Effect.gen(function*() {
        assert.strictEqual(mcpServer.metadataUrl, `${wellKnown}/mcp`)
        assert.deepStrictEqual(yield* Effect.flatMap(get(`${wellKnown}/mcp`), (response) => response.json), {
          resource: url,
          authorization_servers: ["https://auth.example.com"],
          bearer_methods_supported: ["header"],
          scopes_supported: ["mcp"]
        })
        assert.strictEqual((yield* get(wellKnown)).status, 404)
        assert.strictEqual((yield* HttpClient.post(`${wellKnown}/mcp`)).status, 404)
      })
    ))

  it.effect("can be at the root, elsewhere or nowhere", () =>
    Effect.gen(function*() {
      yield* withServers(({ mcpServer }) =>
        Effect.gen(function*() {
          assert.strictEqual(mcpServer.metadataUrl, wellKnown)
          assert.strictEqual((yield* get(wellKnown)).status, 200)
        }), { serveMetadataAt: "root" })
      const elsewhere = "https://cdn.example.com/meta?v=1"
      yield* withServers(() =>
        Effect.gen(function*() {
          assert.strictEqual((yield* get(elsewhere)).status, 200)
          const [, challenge] = yield* challengeOf()
          assert.include(challenge, `resource_metadata="${elsewhere}"`)
        }), { serveMetadataAt: new URL(elsewhere) })
      yield* withServers(({ mcpServer, network }) =>
        Effect.gen(function*() {
          assert.isUndefined(mcpServer.metadataUrl)
          assert.strictEqual((yield* get(`${wellKnown}/mcp`)).status, 404)
          assert.strictEqual(yield* network.count("protected-resource-metadata"), 1)
          assert.deepStrictEqual(yield* challengeOf(), [401, "Bearer scope=\"mcp\""])
        }), { serveMetadataAt: "nowhere" })
    }))

  it.effect("members can be added, replaced and removed by the option `metadata`", () =>
    withServers(() =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* Effect.flatMap(get(`${wellKnown}/mcp`), (response) => response.json), {
          resource: "https://mcp.example.com",
          authorization_servers: ["https://auth.example.com"],
          resource_name: "Test"
        })
      }), {
      resource: "https://mcp.example.com",
      scopesSupported: [],
      metadata: { resource_name: "Test", bearer_methods_supported: undefined }
    }))

  it.effect.each([
    ["https://mcp.example.com", "https://mcp.example.com"],
    ["https://mcp.example.com/", "https://mcp.example.com/"],
    ["HTTPS://MCP.example.com:443/Mcp#part", "https://mcp.example.com/Mcp"],
    ["https://mcp.example.com?tenant=a", "https://mcp.example.com/?tenant=a"]
  ])("the resource identifier of %s is %s", ([url, resource]) =>
    Effect.gen(function*() {
      const server = yield* TestMcpServer.make({ url: url ?? "", authorizationServers: [] })
      assert.strictEqual(server.resource, resource)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("TestMcpServer challenges", () => {
  it.effect("the challenge to a request without a token names the metadata and the scopes, and no error", () =>
    withServers(() =>
      Effect.gen(function*() {
        const expected = [401, `Bearer resource_metadata="${wellKnown}/mcp", scope="mcp"`]
        assert.deepStrictEqual(yield* challengeOf(), expected)
        assert.deepStrictEqual(yield* challengeOf("Basic YTpi"), expected)
        assert.strictEqual((yield* get(`${url}?access_token=x`)).status, 401)
      })
    ))

  it.effect("a token that is unknown, expired, revoked or meant for another resource is invalid_token", () =>
    withServers(({ authorizationServer }) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* challengeOf("Bearer made-up"), invalid("the token is unknown"))
        const elsewhere = yield* obtainToken({ resource: "https://other.example" })
        assert.deepStrictEqual(
          yield* challengeOf(`Bearer ${elsewhere}`),
          invalid("the token is meant for another resource")
        )
        const revoked = yield* obtainToken({})
        yield* authorizationServer.revoke(revoked)
        assert.deepStrictEqual(yield* challengeOf(`Bearer ${revoked}`), invalid("the token was revoked"))
        const expired = yield* obtainToken({})
        yield* TestClock.adjust("3599 seconds")
        assert.strictEqual((yield* get(`${url}/x`, `bearer ${expired}`)).status, 200)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* challengeOf(`Bearer ${expired}`), invalid("the token has expired"))
      })
    ))

  it.effect("too little scope is 403 insufficient_scope", () =>
    withServers(({ mcpServer }) =>
      Effect.gen(function*() {
        const token = yield* obtainToken({ scope: "admin" })
        const response = yield* callTool(token, "echo")
        assert.strictEqual(response.status, 403)
        assert.strictEqual(
          response.headers["www-authenticate"],
          "Bearer error=\"insufficient_scope\", error_description=\"every request needs this scope\", "
            + `resource_metadata="${wellKnown}/mcp", scope="mcp"`
        )
        yield* mcpServer.setRequiredScopes([])
        assert.strictEqual((yield* callTool(token, "admin")).status, 200)
        assert.deepStrictEqual(yield* challengeOf(), [401, `Bearer resource_metadata="${wellKnown}/mcp"`])
      })
    ))

  it.effect("a tool call without the scope of the tool is 403", () =>
    withServers(({ mcpServer }) =>
      Effect.gen(function*() {
        const token = yield* obtainToken({ scope: "mcp" })
        assert.strictEqual((yield* callTool(token, "admin")).status, 200)
        assert.strictEqual((yield* callTool(token, "echo")).status, 403)
        assert.deepStrictEqual((yield* mcpServer.toolCalls).map((call) => call.tool), ["admin"])
      }), { toolScopes: { echo: ["admin"] } }))

  it.effect("the option `challenge` replaces the challenge, and an empty list sends none", () =>
    Effect.gen(function*() {
      yield* withServers(() =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* challengeOf(), [401, "Negotiate YQ==, Bearer scope=\"mcp\""])
        }), {
        challenge: ({ scopes }) => ["Negotiate YQ==", `Bearer scope="${scopes.join(" ")}"`]
      })
      yield* withServers(() =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* challengeOf(), [401, undefined])
        }), { challenge: () => [] })
    }))

  it("bearerChallenge without details is the scheme alone", () => {
    assert.deepStrictEqual(
      TestMcpServer.bearerChallenge({
        status: 401,
        error: undefined,
        errorDescription: undefined,
        resourceMetadata: undefined,
        scopes: []
      }),
      ["Bearer"]
    )
  })

  it.effect("after setAuthorizationServers the new server is named and tokens of the old one are refused", () =>
    withServers(({ mcpServer }) =>
      Effect.gen(function*() {
        const token = yield* obtainToken({})
        const next = yield* TestAuthorizationServer.make({ issuer: "https://next.example.com", clients: [] })
        yield* mcpServer.setAuthorizationServers([next])
        assert.strictEqual((yield* callTool(token, "echo")).status, 401)
        const metadata = yield* Effect.flatMap(get(`${wellKnown}/mcp`), (response) => response.text)
        assert.include(metadata, "https://next.example.com")
      })
    ))
})

describe("TestMcpServer requests", () => {
  it.effect("initialize, ping, tools/list and tools/call are answered as MCP says", () =>
    withServers(() =>
      Effect.gen(function*() {
        const token = yield* obtainToken({})
        const call = (message: string | object) =>
          Effect.flatMap(
            rpc(token, message),
            (response) => Effect.map(response.json, (body) => [response.status, body])
          )
        const version = (protocolVersion: string) =>
          call({ jsonrpc: "2.0", id: "a", method: "initialize", params: { protocolVersion } })
        assert.deepStrictEqual(yield* version("2025-06-18"), initialized("2025-06-18"))
        assert.deepStrictEqual(yield* version("1999-01-01"), initialized("2025-11-25"))
        assert.deepStrictEqual(yield* version("2026-07-28"), initialized("2025-11-25"))
        assert.deepStrictEqual(yield* call({ jsonrpc: "2.0", id: 1, method: "ping" }), [
          200,
          { jsonrpc: "2.0", id: 1, result: {} }
        ])
        const listed = yield* Effect.flatMap(
          rpc(token, { jsonrpc: "2.0", id: 2, method: "tools/list" }),
          (response) => response.text
        )
        assert.include(listed, "\"name\":\"echo\"")
        assert.include(listed, "\"name\":\"admin\"")
        assert.deepStrictEqual(yield* call({ jsonrpc: "2.0", id: 3, method: "resources/list" }), [
          200,
          error(-32601, "Method not found: resources/list")
        ])
        for (const params of [{ name: "toString" }, {}]) {
          assert.deepStrictEqual(yield* call({ jsonrpc: "2.0", id: 3, method: "tools/call", params }), [
            200,
            error(-32602, "Unknown tool")
          ])
        }
        assert.deepStrictEqual(yield* call("{"), [400, error(-32700, "Parse error", null)])
        assert.deepStrictEqual(yield* call([]), [400, error(-32600, "Invalid Request", null)])
        const notification = yield* rpc(token, { jsonrpc: "2.0", method: "notifications/initialized" })
        assert.strictEqual(notification.status, 202)
      })
    ))

  it.effect("requests of 2026-07-28 are answered as that protocol says, without initialize", () =>
    withServers(() =>
      Effect.gen(function*() {
        const token = yield* obtainToken({})
        const call = (method: string, params: object = {}, version = "2026-07-28") =>
          Effect.flatMap(
            rpc(token, {
              jsonrpc: "2.0",
              id: 3,
              method,
              params: { ...params, _meta: { "io.modelcontextprotocol/protocolVersion": version } }
            }),
            (response) => Effect.map(response.json, (body) => [response.status, body])
          )
        const complete = {
          resultType: "complete",
          _meta: { "io.modelcontextprotocol/serverInfo": { name: "test-mcp-server", version: "0.1.0" } }
        }
        const result = (result: object) => [200, { jsonrpc: "2.0", id: 3, result: { ...result, ...complete } }]
        assert.deepStrictEqual(
          yield* call("server/discover"),
          result({
            supportedVersions: ["2026-07-28"],
            capabilities: { tools: {} },
            ttlMs: 0,
            cacheScope: "private"
          })
        )
        const inputSchema = { type: "object", properties: { message: { type: "string" } } }
        assert.deepStrictEqual(
          yield* call("tools/list"),
          result({
            tools: [
              { name: "echo", description: "Answers with the message it was given", inputSchema },
              { name: "admin", description: "Stands for a tool that needs more than an ordinary scope", inputSchema }
            ],
            ttlMs: 0,
            cacheScope: "private"
          })
        )
        assert.deepStrictEqual(
          yield* call("tools/call", { name: "echo", arguments: { message: "hi" } }),
          result({ content: [{ type: "text", text: "hi" }] })
        )
        assert.deepStrictEqual(yield* call("tools/call", { name: "none" }), [200, error(-32602, "Unknown tool")])
        for (const method of ["initialize", "ping"]) {
          assert.deepStrictEqual(yield* call(method), [404, error(-32601, `Method not found: ${method}`)])
        }
        assert.deepStrictEqual(yield* call("server/discover", {}, "2099-01-01"), [400, {
          jsonrpc: "2.0",
          id: 3,
          error: {
            code: -32022,
            message: "Unsupported protocol version: 2099-01-01",
            data: { supported: ["2026-07-28"], requested: "2099-01-01" }
          }
        }])
      })
    ))

  it.effect("the tool echo returns its message as text", () =>
    withServers(() =>
      Effect.gen(function*() {
        const token = yield* obtainToken({})
        const texts = (args: object) => Effect.flatMap(callTool(token, "echo", args), (response) => response.text)
        assert.include(yield* texts({ message: "hi" }), "\"text\":\"hi\"")
        assert.include(yield* texts({ message: { a: 1 } }), "\"text\":\"{\\\"a\\\":1}\"")
        assert.include(yield* texts({}), "\"text\":\"null\"")
      })
    ))

  it.effect("a path below the endpoint is protected and echoes the request; a path beside it is 404", () =>
    withServers(() =>
      Effect.gen(function*() {
        const token = yield* obtainToken({})
        assert.strictEqual((yield* get(`${url}/files`)).status, 401)
        const response = yield* HttpClientRequest.patch(`${url}/files/1?x=y`).pipe(
          HttpClientRequest.bearerToken(token),
          HttpClientRequest.bodyText("body"),
          HttpClient.execute
        )
        assert.deepStrictEqual(yield* response.json, { ok: true, path: "/mcp/files/1", method: "PATCH", body: "body" })
        assert.strictEqual((yield* get("https://mcp.example.com/mcp2", `Bearer ${token}`)).status, 404)
        assert.strictEqual(
          (yield* HttpClientRequest.del(url).pipe(
            HttpClientRequest.bearerToken(token),
            HttpClient.execute
          )).status,
          405
        )
      })
    ))

  it.effect("a server without a path serves its whole origin except well-known addresses", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* TestMcpServer.make({ url: "https://mcp.example.com", authorizationServers: [] })
      assert.strictEqual((yield* get("https://mcp.example.com/")).status, 401)
      assert.strictEqual((yield* get("https://mcp.example.com/x")).status, 401)
      assert.strictEqual((yield* get(wellKnown)).status, 200)
      assert.strictEqual((yield* get("https://mcp.example.com/.well-known/oauth-authorization-server")).status, 404)
      assert.strictEqual(yield* network.count("authorization-server-metadata"), 1)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("GET opens a stream that stays open", () =>
    withServers(({ mcpServer }) =>
      Effect.gen(function*() {
        const token = yield* obtainToken({})
        const response = yield* get(url, `Bearer ${token}`)
        assert.strictEqual(response.headers["content-type"], "text/event-stream")
        const fiber = yield* response.stream.pipe(Stream.decodeText(), Stream.mkString, Effect.fork)
        yield* TestClock.adjust("1 hour")
        assert.isNull(fiber.unsafePoll())
        assert.strictEqual(yield* mcpServer.openStreams, 1)
        yield* mcpServer.notify("notifications/message", { level: "info" })
        yield* mcpServer.closeStreams
        assert.strictEqual(yield* mcpServer.openStreams, 0)
        assert.strictEqual(
          yield* Fiber.join(fiber),
          ": open\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\"}}\n\n"
        )
      })
    ))

  it.effect("a stream is closed when its client disconnects", () =>
    withServers(({ mcpServer }) =>
      Effect.gen(function*() {
        const response = yield* get(url, `Bearer ${yield* obtainToken({})}`)
        const fiber = yield* Effect.fork(Stream.runDrain(response.stream))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* mcpServer.openStreams, 1)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* mcpServer.openStreams, 0)
      })
    ))

  it.effect("GET is 405 on a server without a stream", () =>
    withServers(() =>
      Effect.gen(function*() {
        const response = yield* get(url, `Bearer ${yield* obtainToken({})}`)
        assert.strictEqual(response.status, 405)
        assert.strictEqual(response.headers["allow"], "POST")
      }), { stream: false }))
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { vi } from "vitest"
import * as AuthorizationServer from "../../src/servers/AuthorizationServer.ts"
import * as McpServer from "../../src/servers/McpServer.ts"
import { type Answer, callTool, obtain, read, send, start } from "./plainClient.ts"

const assertInvalidToken = (answer: Answer, mcpServer: McpServer.McpServer, description = /./): void => {
  assert.strictEqual(answer.status, 401)
  assert.match(answer.challenge, /^Bearer error="invalid_token", error_description="/)
  assert.match(answer.challenge, description)
  assert.include(answer.challenge, `resource_metadata="${mcpServer.resourceMetadataUrl}"`)
}

const assertInsufficientScope = (answer: Answer, mcpServer: McpServer.McpServer, scope: string): void => {
  assert.strictEqual(answer.status, 403)
  assert.match(answer.challenge, /^Bearer error="insufficient_scope"/)
  assert.include(answer.challenge, `scope="${scope}"`)
  assert.include(answer.challenge, `resource_metadata="${mcpServer.resourceMetadataUrl}"`)
}

describe("McpServer", () => {
  it.scopedLive("publishes its protected resource metadata without authentication", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start()
      const answer = yield* send(mcpServer.resourceMetadataUrl)
      assert.strictEqual(answer.status, 200)
      assert.deepInclude(answer.body, {
        resource: mcpServer.url,
        authorization_servers: [authorizationServer.issuer],
        scopes_supported: ["reports:read", "reports:write"]
      })
    }))

  it.scopedLive("answers requests with a valid token", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start()
      const token = yield* obtain(authorizationServer, mcpServer.url)
      const answer = yield* read(mcpServer, token)
      assert.strictEqual(answer.status, 200)
      assert.include(answer.body, { day: "today" })
      const called = yield* callTool(mcpServer, token, "report")
      assert.strictEqual(called.status, 200)
      assert.include(String(called.body), "1204")
      assert.strictEqual(mcpServer.requests("POST /mcp"), 1)
      assert.strictEqual(mcpServer.refused(401), 0)
    }))

  it.scopedLive("serve answers the requests to the MCP endpoint whose token is valid, and no others", () =>
    Effect.gen(function*() {
      const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime: 60 })
      const mcpServer = yield* McpServer.make({
        ...authorizationServer,
        serve: (_, options) => Promise.resolve(Response.json({ client: options?.authInfo?.clientId }))
      })
      yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
      const token = yield* obtain(authorizationServer, mcpServer.url)
      const answer = yield* callTool(mcpServer, token, "report")
      assert.deepStrictEqual(answer.body, { client: authorizationServer.clients[0].clientId })
      assertInvalidToken(yield* callTool(mcpServer, "none", "report"), mcpServer)
    }))

  it.scopedLive("answers 401 without a token and with an invalid one, with a challenge that names the metadata", () =>
    Effect.gen(function*() {
      const { mcpServer } = yield* start()
      for (const answer of [yield* read(mcpServer), yield* read(mcpServer, "none"), yield* send(mcpServer.url)]) {
        assertInvalidToken(answer, mcpServer)
      }
      assert.strictEqual(mcpServer.refused(401), 3)
    }))

  it.scopedLive("refuses the token of another audience", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start()
      yield* authorizationServer.register({ identifier: "https://other.example/mcp", scopes: McpServer.scopes })
      const token = yield* obtain(authorizationServer, "https://other.example/mcp")
      assertInvalidToken(yield* read(mcpServer, token), mcpServer, /aud.* claim value/)
    }))

  it.scopedLive("refuses the token of another issuer", () =>
    Effect.gen(function*() {
      const { mcpServer } = yield* start()
      const other = yield* AuthorizationServer.make()
      yield* other.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
      assertInvalidToken(yield* read(mcpServer, yield* obtain(other, mcpServer.url)), mcpServer)
    }))

  it.scopedLive("refuses a token that has expired", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start({ accessTokenLifetime: 1 })
      const token = yield* obtain(authorizationServer, mcpServer.url)
      assert.strictEqual((yield* read(mcpServer, token)).status, 200)
      const refused = yield* read(mcpServer, token).pipe(
        Effect.delay("50 millis"),
        Effect.repeat({ until: ({ status }) => status !== 200 }),
        Effect.timeout("5 seconds")
      )
      assertInvalidToken(refused, mcpServer, /exp.* claim timestamp/)
    }))

  it.scopedLive("refuses tokens issued before a revocation, and accepts tokens issued after it", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start()
      const before = yield* obtain(authorizationServer, mcpServer.url)
      assert.strictEqual((yield* read(mcpServer, before)).status, 200)
      yield* mcpServer.revokeAll
      assertInvalidToken(yield* read(mcpServer, before), mcpServer, /revoked/)
      const after = yield* obtain(authorizationServer, mcpServer.url)
      assert.strictEqual((yield* read(mcpServer, after)).status, 200)
      assertInvalidToken(yield* read(mcpServer, before), mcpServer, /revoked/)
    }))

  it.scopedLive("answers 403 to a call that needs another scope, and names the scope", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start()
      const reader = yield* obtain(authorizationServer, mcpServer.url, "reports:read")
      assertInsufficientScope(yield* callTool(mcpServer, reader, "publish"), mcpServer, "reports:write")

      const writer = yield* obtain(authorizationServer, mcpServer.url, "reports:write")
      assertInsufficientScope(yield* callTool(mcpServer, writer, "publish"), mcpServer, "reports:read")
      assertInsufficientScope(yield* read(mcpServer, writer), mcpServer, "reports:read")

      const both = yield* obtain(authorizationServer, mcpServer.url, "reports:read reports:write")
      assert.strictEqual((yield* callTool(mcpServer, both, "publish")).status, 200)
      assert.strictEqual(mcpServer.refused(403), 3)
    }))

  it.scopedLive("answers 500, and not 401, when the keys of the issuer cannot be read", () =>
    Effect.gen(function*() {
      const elsewhere = yield* Scope.make()
      const issuer = yield* AuthorizationServer.make().pipe(Scope.extend(elsewhere))
      const mcpServer = yield* McpServer.make(issuer)
      yield* issuer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
      const token = yield* obtain(issuer, mcpServer.url)
      yield* Scope.close(elsewhere, Exit.void)
      const logged = vi.spyOn(console, "log").mockReturnValue(undefined)
      yield* Effect.addFinalizer(() => Effect.sync(() => logged.mockRestore()))
      assert.strictEqual((yield* read(mcpServer, token)).status, 500)
      assert.include(logged.mock.calls.flat().join("\n"), "The MCP server failed")
    }))
})

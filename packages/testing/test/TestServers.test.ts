import { IdentityProviderProfile, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { basic, callTool, obtainToken, postForm } from "./support.ts"

describe("TestServers", () => {
  it.effect("a client with the given credentials gets a token that the MCP server accepts", () =>
    Effect.gen(function*() {
      const servers = yield* TestServers.TestServers
      const token = yield* obtainToken({ scope: "mcp" })
      const response = yield* callTool(token, "echo", { message: "hello" })
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* response.json, {
        jsonrpc: "2.0",
        id: 1,
        result: { content: [{ type: "text", text: "hello" }] }
      })
      const [call] = yield* servers.mcpServer.toolCalls
      assert.strictEqual(call?.tool, "echo")
      assert.strictEqual(call?.token.value, token)
    }).pipe(Effect.provide(TestServers.layer())))

  it.effect("a token request without a scope gets the first one, and the admin tool needs more", () =>
    Effect.gen(function*() {
      const token = yield* obtainToken({})
      assert.strictEqual((yield* callTool(token, "echo")).status, 200)
      const refused = yield* callTool(token, "admin")
      assert.strictEqual(refused.status, 403)
      assert.include(refused.headers["www-authenticate"], "scope=\"admin\"")
      const more = yield* obtainToken({ scope: "mcp admin" })
      assert.strictEqual((yield* callTool(more, "admin")).status, 200)
    }).pipe(Effect.provide(TestServers.layer())))

  it.effect("a profile replaces the authorization server", () =>
    Effect.gen(function*() {
      const servers = yield* TestServers.TestServers
      assert.strictEqual(servers.issuer, "https://sso.example.com/realms/acme")
      const proof = { authorization: basic("nightly", "secret") }
      const response = yield* postForm(
        servers.authorizationServer.tokenEndpoint,
        { grant_type: "client_credentials", scope: "reports:read" },
        proof
      )
      assert.strictEqual(response.status, 200)
      const [issued] = yield* servers.authorizationServer.issued
      assert.strictEqual(issued?.clientId, "nightly")
      assert.strictEqual((yield* callTool(issued?.value ?? "", "echo")).status, 200)
      const refused = yield* callTool("another", "echo")
      assert.strictEqual(refused.status, 401)
      assert.include(refused.headers["www-authenticate"], "reports:read")
    }).pipe(Effect.provide(TestServers.layer({
      scopes: ["reports:read"],
      mcpServer: { toolScopes: {} },
      profile: IdentityProviderProfile.keycloak({
        baseUrl: "https://sso.example.com",
        realm: "acme",
        resource: "https://mcp.example.com/mcp",
        scopes: ["reports:read"],
        clients: [{ clientId: "nightly", clientSecret: Redacted.make("secret") }]
      })
    }))))

  it.effect("options choose the URLs, the client, its scopes and the lifetime of tokens", () =>
    Effect.gen(function*() {
      const servers = yield* TestServers.TestServers
      const network = yield* TestNetwork.TestNetwork
      assert.strictEqual(servers.network, network)
      assert.strictEqual(servers.mcpServer.resource, "https://tools.example.org")
      assert.strictEqual(servers.authorizationServer.tokenEndpoint, "https://id.example.org/tenant/token")
      assert.strictEqual(servers.clientId, "nightly")
      assert.strictEqual(Redacted.value(servers.clientSecret), "secret")
      const token = yield* obtainToken({ scope: "read" })
      const [issued] = yield* servers.authorizationServer.issued
      assert.strictEqual(issued?.value, token)
      assert.strictEqual((issued?.expiresAt ?? 0) - (issued?.issuedAt ?? 0), Duration.toMillis("5 minutes"))
      assert.deepStrictEqual(issued?.scopes, ["read"])
      const other = yield* postForm(
        servers.authorizationServer.tokenEndpoint,
        { grant_type: "client_credentials" },
        { authorization: basic("other", "other") }
      )
      assert.strictEqual(other.status, 200)
      const response = yield* HttpClient.execute(
        HttpClientRequest.bearerToken(HttpClientRequest.put("https://tools.example.org/files/1"), token)
      )
      assert.deepStrictEqual(yield* response.json, { ok: true, path: "/files/1", method: "PUT", body: "" })
    }).pipe(Effect.provide(TestServers.layer({
      serverUrl: "https://tools.example.org",
      issuer: "https://id.example.org/tenant",
      clientId: "nightly",
      clientSecret: Redacted.make("secret"),
      scopes: ["read"],
      tokenLifetime: "5 minutes",
      authorizationServer: { clients: [{ clientId: "other", clientSecret: Redacted.make("other") }] },
      mcpServer: { toolScopes: {} }
    }))))
})

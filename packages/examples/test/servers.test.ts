/**
 * What the servers of the demo claim, proved with plain fetch: no client library has a say here.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { decodeJwt, decodeProtectedHeader } from "jose"
import { vi } from "vitest"
import { z } from "zod"
import * as AuthorizationServer from "../src/AuthorizationServer.ts"
import * as LoopbackServer from "../src/LoopbackServer.ts"
import * as McpServer from "../src/McpServer.ts"

const start = Effect.fnUntraced(function*(options: AuthorizationServer.Options = {}) {
  const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime: 60, ...options })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  return { authorizationServer, mcpServer, client: authorizationServer.clients[0] }
})

interface Answer {
  readonly status: number
  readonly challenge: string
  readonly body: unknown
}

const send = (url: string, init?: RequestInit): Effect.Effect<Answer> =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    const text = await response.text()
    return {
      status: response.status,
      challenge: response.headers.get("www-authenticate") ?? "",
      body: response.headers.get("content-type")?.startsWith("application/json") === true ? JSON.parse(text) : text
    }
  })

const formEncode = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1)

const basic = (clientId: string, clientSecret: string): string =>
  `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`

/** A token request as RFC 6749 §2.3.1 and §4.4.2 write it. */
const tokenRequest = (
  { tokenEndpoint }: AuthorizationServer.AuthorizationServer,
  client: AuthorizationServer.Client,
  parameters: Readonly<Record<string, string>>
): Effect.Effect<Answer> => {
  const secret = Redacted.value(client.clientSecret)
  return send(tokenEndpoint, {
    method: "POST",
    ...(client.tokenEndpointAuthMethod === "client_secret_basic" ?
      {
        headers: { authorization: basic(formEncode(client.clientId), formEncode(secret)) },
        body: new URLSearchParams({ grant_type: "client_credentials", ...parameters })
      } :
      {
        body: new URLSearchParams({
          grant_type: "client_credentials",
          client_id: client.clientId,
          client_secret: secret,
          ...parameters
        })
      })
  })
}

const tokenResponse = z.object({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.number(),
  scope: z.string()
})

const obtain = Effect.fnUntraced(function*(
  authorizationServer: AuthorizationServer.AuthorizationServer,
  resource: string,
  scope = "reports:read"
) {
  const answer = yield* tokenRequest(authorizationServer, authorizationServer.clients[0], { resource, scope })
  return tokenResponse.parse(answer.body).access_token
})

const read = (mcpServer: McpServer.McpServer, token?: string): Effect.Effect<Answer> =>
  send(mcpServer.reportUrl, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })

const callTool = (mcpServer: McpServer.McpServer, token: string, name: string): Effect.Effect<Answer> =>
  send(mcpServer.url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream"
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name, arguments: { day: "today" } }
    })
  })

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

describe("AuthorizationServer", () => {
  it.scopedLive("publishes its metadata at the addresses of OAuth and of OpenID", () =>
    Effect.gen(function*() {
      const { authorizationServer: { issuer, jwksUri, tokenEndpoint } } = yield* start()
      const oauth = yield* send(`${issuer}/.well-known/oauth-authorization-server`)
      const openid = yield* send(`${issuer}/.well-known/openid-configuration`)
      assert.deepInclude(oauth.body, {
        issuer,
        token_endpoint: tokenEndpoint,
        jwks_uri: jwksUri,
        grant_types_supported: ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        token_endpoint_auth_signing_alg_values_supported: ["ES256", "PS256", "EdDSA"]
      })
      assert.deepStrictEqual(openid, oauth)
    }))

  it.scopedLive("issues a JWT access token for the resource, whichever way the client sends its secret", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start({ accessTokenLifetime: 5 })
      assert.deepStrictEqual(
        authorizationServer.clients.map((client) => client.tokenEndpointAuthMethod),
        ["client_secret_basic", "client_secret_post"]
      )
      for (const client of authorizationServer.clients) {
        const answer = yield* tokenRequest(authorizationServer, client, {
          resource: mcpServer.url,
          scope: "reports:read"
        })
        assert.strictEqual(answer.status, 200)
        const { access_token, ...others } = tokenResponse.parse(answer.body)
        assert.deepStrictEqual(others, { token_type: "Bearer", expires_in: 5, scope: "reports:read" })
        assert.include(decodeProtectedHeader(access_token), { typ: "at+jwt", alg: "ES256" })
        const { aud, client_id, iss } = decodeJwt(access_token)
        assert.deepStrictEqual({ aud, client_id, iss }, {
          aud: mcpServer.url,
          client_id: client.clientId,
          iss: authorizationServer.issuer
        })
      }
      assert.strictEqual(authorizationServer.requests("POST /token"), 2)
    }))

  it.scopedLive("issues no token without a resource that it knows", () =>
    Effect.gen(function*() {
      const { authorizationServer, client, mcpServer } = yield* start()
      for (const parameters of [{}, { resource: `${mcpServer.url}/` }]) {
        const answer = yield* tokenRequest(authorizationServer, client, parameters)
        assert.strictEqual(answer.status, 400)
        assert.include(answer.body, { error: "invalid_target" })
      }
    }))

  it.scopedLive("refuses a wrong secret and an unknown client alike", () =>
    Effect.gen(function*() {
      const { authorizationServer, client, mcpServer } = yield* start()
      for (const wrong of [{ clientSecret: Redacted.make("guessed") }, { clientId: "nobody" }]) {
        const answer = yield* tokenRequest(authorizationServer, { ...client, ...wrong }, { resource: mcpServer.url })
        assert.strictEqual(answer.status, 401)
        assert.include(answer.body, { error: "invalid_client" })
        assert.match(answer.challenge, /^Basic /)
      }
    }))

  // oidc-provider, strict as RFC 6749 appendix A.2, accepts printable ASCII and nothing beyond it in a secret.
  it.scopedLive("takes a secret of special characters in client_secret_basic, form-encoded and only so", () =>
    Effect.gen(function*() {
      const secret = "100% +1:1 &=\"\\/?~"
      const { authorizationServer, client, mcpServer } = yield* start({
        clients: [{
          clientId: "nightly report:1+1",
          clientSecret: Redacted.make(secret),
          tokenEndpointAuthMethod: "client_secret_basic"
        }]
      })
      const encoded = yield* tokenRequest(authorizationServer, client, { resource: mcpServer.url })
      assert.strictEqual(encoded.status, 200)

      const raw = yield* send(authorizationServer.tokenEndpoint, {
        method: "POST",
        headers: { authorization: basic(client.clientId, secret) },
        body: new URLSearchParams({ grant_type: "client_credentials", resource: mcpServer.url })
      })
      assert.strictEqual(raw.status, 400)
    }))

  it.scopedLive("has nothing to say on the console", () =>
    Effect.gen(function*() {
      const spies = (["log", "info", "warn", "error"] as const).map((level) => vi.spyOn(console, level))
      yield* Effect.addFinalizer(() => Effect.sync(() => spies.forEach((spy) => spy.mockRestore())))
      const { authorizationServer, client, mcpServer } = yield* start()
      yield* read(mcpServer, yield* obtain(authorizationServer, mcpServer.url))
      yield* tokenRequest(authorizationServer, client, {})
      yield* send(`${authorizationServer.issuer}/auth`)
      assert.deepStrictEqual(spies.flatMap((spy) => spy.mock.calls), [])
    }))
})

describe("McpServer", () => {
  it.scopedLive("publishes its protected resource metadata to everybody", () =>
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

  it.scopedLive("answers a valid token", () =>
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

  it.scopedLive("answers 401 without a token and with what is none, and says where to go", () =>
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

  it.scopedLive("refuses what was issued before a revocation and accepts what comes after it", () =>
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

  it.scopedLive("answers 403 to a tool that needs another scope, and names it", () =>
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

  it.scopedLive("does not blame the token when the keys of the issuer are out of reach", () =>
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

const echo: LoopbackServer.Options = {
  name: "The echo",
  listener: () => (request, response) => response.end(request.url)
}

describe("LoopbackServer", () => {
  it.scopedLive("says which port is taken", () =>
    Effect.gen(function*() {
      const { origin } = yield* LoopbackServer.make(echo)
      const port = Number(new URL(origin).port)
      const error = yield* Effect.flip(LoopbackServer.make({ ...echo, port }))
      assert.strictEqual(error.message, `The echo cannot listen on 127.0.0.1:${port}: another program listens there`)
    }))

  it.scopedLive("closes with its scope, whatever connections are open", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { origin } = yield* LoopbackServer.make({
        name: "The stream",
        listener: () => (_request, response) => void response.write("never the end")
      }).pipe(Scope.extend(scope))
      const response = yield* Effect.promise(() => fetch(origin))
      yield* Scope.close(scope, Exit.void)
      const rest = yield* Effect.exit(Effect.tryPromise(() => response.text()))
      assert.strictEqual(Exit.isFailure(rest), true)
      const again = yield* Effect.exit(Effect.tryPromise(() => fetch(origin)))
      assert.strictEqual(Exit.isFailure(again), true)
    }))

  it.scopedLive("makes every request wait for its latency and counts it", () =>
    Effect.gen(function*() {
      const { origin, requests } = yield* LoopbackServer.make({ ...echo, latency: 100 })
      const started = performance.now()
      yield* send(`${origin}/path?query`)
      assert.isAtLeast(performance.now() - started, 99)
      assert.strictEqual(requests("GET /path"), 1)
      assert.strictEqual(requests("GET /other"), 0)
    }))

  it.scopedLive("does not answer who is gone by the time that a request is looked at", () =>
    Effect.gen(function*() {
      const answered: Array<string | undefined> = []
      const { origin, requests } = yield* LoopbackServer.make({
        name: "The doorkeeper",
        onRequest: async ({ socket, url }) => {
          if (url === "/gone") socket.destroy()
        },
        listener: () => (request, response) => {
          answered.push(request.url)
          response.end()
        }
      })
      const gone = yield* Effect.exit(Effect.tryPromise(() => fetch(`${origin}/gone`)))
      assert.strictEqual(Exit.isFailure(gone), true)
      yield* Effect.promise(() => fetch(`${origin}/here`))
      assert.deepStrictEqual(answered, ["/here"])
      assert.strictEqual(requests("GET /gone"), 1)
    }))
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { decodeJwt, decodeProtectedHeader } from "jose"
import { vi } from "vitest"
import { basic, obtain, read, send, start, tokenRequest, tokenResponse } from "./plainClient.ts"

describe("AuthorizationServer", () => {
  it.scopedLive("publishes the same metadata at the well-known paths of OAuth and of OpenID", () =>
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

  it.scopedLive("issues a JWT access token for the resource, by client_secret_basic and by client_secret_post", () =>
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

  it.scopedLive("refuses a token request without a known resource", () =>
    Effect.gen(function*() {
      const { authorizationServer, client, mcpServer } = yield* start()
      for (const parameters of [{}, { resource: `${mcpServer.url}/` }]) {
        const answer = yield* tokenRequest(authorizationServer, client, parameters)
        assert.strictEqual(answer.status, 400)
        assert.include(answer.body, { error: "invalid_target" })
      }
    }))

  it.scopedLive("refuses a wrong secret and an unknown client in the same way", () =>
    Effect.gen(function*() {
      const { authorizationServer, client, mcpServer } = yield* start()
      for (const wrong of [{ clientSecret: Redacted.make("guessed") }, { clientId: "nobody" }]) {
        const answer = yield* tokenRequest(authorizationServer, { ...client, ...wrong }, { resource: mcpServer.url })
        assert.strictEqual(answer.status, 401)
        assert.include(answer.body, { error: "invalid_client" })
        assert.match(answer.challenge, /^Basic /)
      }
    }))

  it.scopedLive("refuses a removed client with invalid_client, and issues tokens to the others", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* start()
      const [removed, other] = authorizationServer.clients
      const ask = (client: typeof removed) =>
        Effect.map(tokenRequest(authorizationServer, client, { resource: mcpServer.url }), ({ status }) => status)
      assert.strictEqual(yield* ask(removed), 200)
      yield* authorizationServer.remove(removed.clientId)
      assert.strictEqual(yield* ask(removed), 401)
      assert.isDefined(other)
      assert.strictEqual(yield* ask(other ?? removed), 200)
    }))

  // oidc-provider, strict as RFC 6749 appendix A.2, accepts printable ASCII and nothing beyond it in a secret.
  it.scopedLive("accepts a secret of special characters in client_secret_basic only if it is form-encoded", () =>
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

  it.scopedLive("prints nothing on the console", () =>
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

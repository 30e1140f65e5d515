/**
 * `PrivateKeyJwt` and `JwtBearer` against a real authorization server, which accepts each assertion once.
 */
import {
  AssertionProvider,
  ClientAuthentication,
  OAuthHttpClient,
  OAuthProvider,
  SignedAssertion,
  TokenStorage
} from "@effect-mcp-auth/core"
import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import { assert, describe, it } from "@effect/vitest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { decodeJwt, importJWK, SignJWT } from "jose"
import * as AuthorizationServer from "../../src/servers/AuthorizationServer.ts"
import * as KeyPair from "../../src/servers/KeyPair.ts"
import * as McpServer from "../../src/servers/McpServer.ts"
import * as Report from "../../src/servers/Report.ts"

const start = Effect.fnUntraced(function*(options: AuthorizationServer.Options) {
  const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime: 60, ...options })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  return {
    authorizationServer,
    mcpServer,
    read: Report.read(mcpServer.reportUrl),
    tokenRequests: () => authorizationServer.requests("POST /token")
  }
})

const live = <E, E2>(
  auth: Layer.Layer<
    OAuthProvider.OAuthProvider,
    E,
    AssertionProvider.AssertionProvider | HttpClient | TokenStorage.TokenStorage
  >,
  assertions: Layer.Layer<AssertionProvider.AssertionProvider, E2>
) =>
  OAuthHttpClient.layer.pipe(
    Layer.provideMerge(auth),
    Layer.provide([assertions, FetchHttpClient.layer, TokenStorage.layerMemory])
  )

const claimsOfToken = Effect.map(
  OAuthProvider.accessToken,
  (token) => decodeJwt(Redacted.value(token.value))
)

describe("PrivateKeyJwt against oidc-provider", () => {
  const clientId = "nightly-report"
  const signed = (
    { privateKey, signingAlgorithm }: KeyPair.KeyPair,
    changes: Partial<SignedAssertion.Options> = {}
  ) => AssertionProvider.layerSigned({ issuer: clientId, signingKey: privateKey, signingAlgorithm, ...changes })

  for (const signingAlgorithm of ["ES256", "PS256", "EdDSA"] as const) {
    for (const audience of ["issuer", "token_endpoint"] as const) {
      it.scopedLive(`with ${signingAlgorithm} and the ${audience} as audience, every token request has an assertion of its own`, () =>
        Effect.gen(function*() {
          const key = yield* KeyPair.generate(signingAlgorithm)
          const { mcpServer, read, tokenRequests } = yield* start({ keyClients: [{ clientId, ...key }] })
          const Auth = PrivateKeyJwt.layer({ serverUrl: mcpServer.url, clientId, audience })
          yield* Effect.gen(function*() {
            assert.strictEqual((yield* read).reader, clientId)
            assert.strictEqual(tokenRequests(), 1)
            yield* mcpServer.revokeAll
            yield* read
            assert.strictEqual(tokenRequests(), 2)
          }).pipe(Effect.provide(live(Auth, signed(key))))
        }))
    }
  }

  it.scopedLive("a wrong key causes one token request for ten callers, and no error contains the assertion", () =>
    Effect.gen(function*() {
      const { mcpServer, read, tokenRequests } = yield* start({
        keyClients: [{ clientId, ...(yield* KeyPair.generate("ES256")) }]
      })
      const wrong = yield* KeyPair.generate("ES256")
      const errors = yield* Effect.all(Array.from({ length: 10 }, () => Effect.flip(read)), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(live(PrivateKeyJwt.layer({ serverUrl: mcpServer.url, clientId }), signed(wrong))))
      for (const error of errors) {
        assert.include(String(error), "invalid_client")
        assert.notInclude(JSON.stringify(error), "eyJ")
      }
      assert.strictEqual(tokenRequests(), 1)
    }))

  it.scopedLive("an algorithm for which the client is not registered is refused", () =>
    Effect.gen(function*() {
      const registered = yield* KeyPair.generate("PS256")
      const { mcpServer, read, tokenRequests } = yield* start({ keyClients: [{ clientId, ...registered }] })
      const error = yield* Effect.flip(read).pipe(
        Effect.provide(live(
          PrivateKeyJwt.layer({ serverUrl: mcpServer.url, clientId }),
          signed(registered, { signingAlgorithm: "RS256" })
        ))
      )
      assert.include(String(error), "invalid_client")
      assert.strictEqual(tokenRequests(), 1)
    }))

  it.scopedLive("after a refusal, a rotated key is read again, and no caller sees a failure", () =>
    Effect.gen(function*() {
      const [before, after] = yield* Effect.all([KeyPair.generate("EdDSA"), KeyPair.generate("EdDSA")])
      const { mcpServer, read, tokenRequests } = yield* start({ keyClients: [{ clientId, ...after }] })
      const Auth = PrivateKeyJwt.layer({ serverUrl: mcpServer.url, clientId })
      let current = before
      const rotating = signed(before, { signingKey: Effect.sync(() => current.privateKey) })
      yield* Effect.gen(function*() {
        current = after
        const report = yield* read
        assert.strictEqual(report.reader, clientId)
        assert.strictEqual(tokenRequests(), 2)
      }).pipe(Effect.provide(live(Auth, rotating)))
    }))
})

describe("JwtBearer against oidc-provider", () => {
  const user = "alice@example.com"
  const employer = "https://idp.example.com"
  const vouched = ({ privateKey, signingAlgorithm }: KeyPair.KeyPair, issuer = employer) =>
    AssertionProvider.layerSigned({ issuer, subject: user, signingKey: privateKey, signingAlgorithm })

  const startWith = Effect.fnUntraced(function*(options: AuthorizationServer.Options = {}) {
    const key = yield* KeyPair.generate("ES256")
    return { key, ...(yield* start({ trustedIssuers: [{ issuer: employer, ...key }], ...options })) }
  })

  it.scopedLive("a client with a secret gets a token whose subject is the user", () =>
    Effect.gen(function*() {
      const { authorizationServer, key, mcpServer, read, tokenRequests } = yield* startWith()
      const [client] = authorizationServer.clients
      const Auth = JwtBearer.layer({
        serverUrl: mcpServer.url,
        issuer: authorizationServer.issuer,
        scopes: ["reports:read"],
        clientAuthentication: ClientAuthentication.clientSecretBasic(client)
      })
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* read).reader, user)
        assert.deepInclude(yield* claimsOfToken, {
          sub: user,
          client_id: client.clientId,
          aud: mcpServer.url,
          scope: "reports:read"
        })
        assert.strictEqual(tokenRequests(), 1)
      }).pipe(Effect.provide(live(Auth, vouched(key))))
    }))

  it.scopedLive("a client with a key sends two assertions in a token request, and two new ones in the next", () =>
    Effect.gen(function*() {
      const clientKey = yield* KeyPair.generate("EdDSA")
      const { key, mcpServer, read, tokenRequests } = yield* startWith({
        keyClients: [{ clientId: "agent", ...clientKey }]
      })
      const Auth = JwtBearer.layer({
        serverUrl: mcpServer.url,
        clientAuthentication: PrivateKeyJwt.clientAuthentication({
          clientId: "agent",
          assertionProvider: yield* SignedAssertion.make({
            issuer: "agent",
            signingKey: clientKey.privateKey,
            signingAlgorithm: clientKey.signingAlgorithm
          })
        })
      })
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* read).reader, user)
        assert.deepInclude(yield* claimsOfToken, { sub: user, client_id: "agent" })
        yield* mcpServer.revokeAll
        assert.strictEqual((yield* read).reader, user)
        assert.strictEqual(tokenRequests(), 2)
      }).pipe(Effect.provide(live(Auth, vouched(key))))
    }))

  it.scopedLive("a client that does not authenticate sends its client id", () =>
    Effect.gen(function*() {
      const { key, mcpServer, read, tokenRequests } = yield* startWith({ publicClients: ["agent"] })
      const Auth = JwtBearer.layer({ serverUrl: mcpServer.url, clientId: "agent", audience: "token_endpoint" })
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* read).reader, user)
        assert.deepInclude(yield* claimsOfToken, { sub: user, client_id: "agent" })
        assert.strictEqual(tokenRequests(), 1)
      }).pipe(Effect.provide(live(Auth, vouched(key))))
    }))

  it.scopedLive("an assertion of an untrusted issuer, or with a wrong key, is refused after one token request", () =>
    Effect.gen(function*() {
      const { key, mcpServer, read, tokenRequests } = yield* startWith({ publicClients: ["agent"] })
      const Auth = JwtBearer.layer({ serverUrl: mcpServer.url, clientId: "agent" })
      const forgeries = [vouched(key, "https://elsewhere.example"), vouched(yield* KeyPair.generate("ES256"))]
      for (const forgery of forgeries) {
        const before = tokenRequests()
        const error = yield* Effect.flip(read).pipe(Effect.provide(live(Auth, forgery)))
        assert.include(String(error), "invalid_grant")
        assert.notInclude(JSON.stringify(error), "eyJ")
        assert.strictEqual(tokenRequests(), before + 1)
      }
    }))

  it.scopedLive("a static assertion is accepted for one token request, and refused for the second", () =>
    Effect.gen(function*() {
      const { authorizationServer, key, mcpServer, read, tokenRequests } = yield* startWith({
        publicClients: ["agent"]
      })
      const privateKey = yield* Effect.promise(() => importJWK(Redacted.value(key.privateKey), "ES256"))
      const assertion = yield* Effect.promise(() =>
        new SignJWT({ iss: employer, sub: user, aud: authorizationServer.issuer, jti: "once" })
          .setProtectedHeader({ alg: "ES256" }).setExpirationTime("5 min").sign(privateKey)
      )
      const Auth = JwtBearer.layer({ serverUrl: mcpServer.url, clientId: "agent" })
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* read).reader, user)
        yield* mcpServer.revokeAll
        assert.include(String(yield* Effect.flip(read)), "invalid_grant")
        assert.strictEqual(tokenRequests(), 2)
      }).pipe(Effect.provide(live(Auth, AssertionProvider.layerStatic(Redacted.make(assertion)))))
    }))
})

import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import {
  clear,
  issuerMetadata,
  network,
  parametersOf,
  secondAuthorizationServer,
  server,
  tokenEndpoint,
  traffic
} from "./support/discovery.ts"
import { environment, makeImpatientProvider as makeProvider } from "./support/provider.ts"
import { sent, to } from "./support/wire.ts"

describe("discovery remembers its result", () => {
  it.scoped("a renewal after discovery makes one request", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* clear
      yield* TestClock.adjust("1 hour")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("a renewal makes one request if the server publishes no metadata", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* clear
      yield* TestClock.adjust("1 hour")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment({
      mcpServer: { serveMetadataAt: "nowhere" },
      authorizationServer: { defaultResource: server }
    }))))

  it.scoped("a renewal with `issuer: \"discover\"` makes one request", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ issuer: "discover" })
      yield* provider.accessToken
      yield* clear
      yield* TestClock.adjust("1 hour")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("the authorization server's metadata is read again at once if nothing is at its token endpoint", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      const provider = yield* makeProvider()
      yield* script("token", Answer.html("<h1>Not found</h1>", { status: 404 }))
      const error = yield* Effect.flip(provider.accessToken)
      expect(error._tag).toBe("TokenEndpointError")
      // The metadata names the same address, so the request is not sent again.
      assert.deepStrictEqual((yield* traffic).slice(-2), [`POST ${tokenEndpoint}`, `GET ${issuerMetadata}`])
      yield* clear
      yield* TestClock.adjust("5 seconds")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("the authorization server's metadata is read again after the token endpoint was unreachable three times in a row", () =>
    Effect.gen(function*() {
      const { always, restore } = yield* network
      const provider = yield* makeProvider()
      yield* always("token", Answer.dropped)
      for (const _ of [1, 2, 3]) {
        const error = yield* Effect.flip(provider.accessToken)
        expect(error._tag).toBe("TokenEndpointError")
        yield* TestClock.adjust("10 minutes")
      }
      expect((yield* sent).filter((url) => url === issuerMetadata)).toHaveLength(1)
      yield* restore
      yield* clear
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`GET ${issuerMetadata}`, `POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("the authorization server's metadata is not read again after a refusal", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      const provider = yield* makeProvider({ issuer: "discover" })
      yield* script("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      yield* Effect.flip(provider.accessToken)
      yield* clear
      yield* TestClock.adjust("5 seconds")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))
})

describe("metadata that led to no authorization server is not remembered", () => {
  it.scoped.each(["discover", "https://auth.example.com"])(
    "a list without the issuer is read again, and its correction is used (issuer: %s)",
    (issuer) =>
      Effect.gen(function*() {
        const { script } = yield* network
        yield* script(
          "protected-resource-metadata",
          Answer.modified((_) => ({ ..._, authorization_servers: ["https://typo.example.com"] }))
        )
        const provider = yield* makeProvider({ issuer })
        yield* Effect.flip(provider.accessToken)
        yield* TestClock.adjust("1 minute")
        expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
      }).pipe(Effect.provide(environment()))
  )

  it.scoped.each(["discover", "https://auth.example.com"])(
    "metadata that answers 404 when it is read again stays in use (issuer: %s)",
    (issuer) =>
      Effect.gen(function*() {
        const { always } = yield* network
        const provider = yield* makeProvider({ issuer })
        const old = yield* provider.accessToken
        yield* always("protected-resource-metadata", Answer.status(404))
        yield* clear
        const token = yield* provider.renew(old)
        expect(token.issuer).toBe("https://auth.example.com")
        expect((yield* parametersOf)["scope"]).toBe("mcp")
      }).pipe(Effect.provide(environment()))
  )
})

describe("a caller that gives the authorization server itself", () => {
  it.scoped("with `authorizationServerMetadata` no discovery request is made", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({
        authorizationServerMetadata: { issuer: "https://auth.example.com", token_endpoint: tokenEndpoint, x: 1 }
      })
      const token = yield* provider.accessToken
      expect(token.issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
      expect((yield* parametersOf)["resource"]).toBe(server)
      yield* provider.renew(token)
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`, `POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("with `authorizationServerMetadata` and `issuer: \"discover\"` the metadata names the issuer", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({
        issuer: "discover",
        authorizationServerMetadata: { issuer: "https://auth.example.com", token_endpoint: tokenEndpoint }
      })
      expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("with `tokenEndpoint` no discovery request is made, not even after an invalid token response", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      const provider = yield* makeProvider({ tokenEndpoint })
      yield* script("token", Answer.html("<h1>Not found</h1>", { status: 404 }))
      yield* Effect.flip(provider.accessToken)
      yield* TestClock.adjust("1 minute")
      expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`, `POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("`tokenEndpoint` may be on a private address, since the caller named it", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ tokenEndpoint: "http://127.0.0.1:8080/token" })
      const { serve } = yield* network
      yield* serve("http://127.0.0.1:8080", () =>
        Effect.sync(() => Response.json({ access_token: "canary-token", token_type: "Bearer" })))
      expect(Redacted.value((yield* provider.accessToken).value)).toBe("canary-token")
    }).pipe(Effect.provide(environment())))
})

describe("metadata is used as the server writes it, within limits", () => {
  it.scoped("the `resource` of the metadata is the one that is sent (RFC 9728 §2)", () =>
    Effect.gen(function*() {
      const { always, count } = yield* network
      yield* always(
        "protected-resource-metadata",
        Answer.modified((_) => ({ ..._, resource: "https://mcp.example.com" }))
      )
      yield* Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken)
      expect((yield* parametersOf)["resource"]).toBe("https://mcp.example.com")
      expect(yield* count(to(tokenEndpoint))).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a stored token for a parent of the server is not used by a provider with `resourceMatch: \"identical\"`", () =>
    Effect.gen(function*() {
      const { count } = yield* network
      const call = (options = {}) => Effect.scoped(Effect.flatMap(makeProvider(options), (_) => _.accessToken))
      yield* call()
      yield* call()
      expect(yield* count(to(tokenEndpoint))).toBe(1)
      yield* call({ resourceMatch: "identical" })
      yield* call({ resourceMatch: "identical" })
      expect(yield* count(to(tokenEndpoint))).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("metadata of 2 MiB is not read to its end", () =>
    Effect.gen(function*() {
      const { always, requestsTo } = yield* network
      yield* always("authorization-server-metadata", Answer.oversized(2 * 1024 * 1024))
      const error = yield* Effect.flatMap(makeProvider(), ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("NotFound")
      expect(error.message).toContain(`${issuerMetadata}: the answer is larger than 1048576 bytes`)
      for (const { bytesRead } of yield* requestsTo("authorization-server-metadata")) {
        expect(bytesRead).toBeLessThan(1024 * 1024 + 3 * 16_384)
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("metadata above `maxResponseSize` is not read to its end", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ maxResponseSize: 60 })
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "DiscoveryError")
      expect(error.message).toContain("the answer is larger than 60 bytes")
    }).pipe(Effect.provide(environment())))
})

describe("a corrected document is found without a restart", () => {
  const unpinned = { issuer: "discover" }
  const minuteLater = TestClock.adjust("1 minute")

  it.scoped("metadata that named no valid authorization server is read again, and its correction is used", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider(unpinned)
      yield* network.script(
        "protected-resource-metadata",
        Answer.modified((json) => ({ ...json, authorization_servers: [] })),
        Answer.modified((json) => ({ ...json, authorization_servers: ["https://typo.example.com"] }))
      )
      expect((yield* Effect.flip(provider.accessToken))._tag).toBe("DiscoveryError")
      yield* minuteLater
      expect((yield* Effect.flip(provider.accessToken))._tag).toBe("DiscoveryError")
      yield* minuteLater
      expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
    }).pipe(Effect.provide(environment())))

  it.scoped("a server that named another authorization server for a moment is used again afterwards", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider(unpinned)
      const token = yield* provider.accessToken
      yield* network.script(
        "protected-resource-metadata",
        Answer.modified((json) => ({ ...json, authorization_servers: ["https://other.example.com"] }))
      )
      expect((yield* Effect.flip(provider.renew(token)))._tag).toBe("IssuerMismatch")
      yield* minuteLater
      expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
    }).pipe(Effect.provide(environment())))

  it.scoped("the issuer of a stored token must not change, even if the token is rejected before any discovery", () =>
    Effect.gen(function*() {
      const { mcpServer } = yield* TestServers.TestServers
      yield* Effect.scoped(Effect.flatMap(makeProvider(unpinned), ({ accessToken }) => accessToken))
      const provider = yield* makeProvider(unpinned)
      const stored = yield* provider.accessToken
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
      expect(yield* Effect.flip(provider.renew(stored))).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed" })
    }).pipe(Effect.provide(environment())))

  for (const issuer of ["discover", "https://auth.example.com"]) {
    it.scoped(`metadata that is missing for a moment is not forgotten (issuer: ${issuer})`, () =>
      Effect.gen(function*() {
        const { authorizationServer, network } = yield* TestServers.TestServers
        const provider = yield* makeProvider({ issuer })
        const token = yield* provider.accessToken
        yield* network.script("protected-resource-metadata", Answer.status(404), Answer.status(404))
        yield* provider.renew(token)
        expect((yield* authorizationServer.issued).map(({ scopes }) => scopes)).toEqual([["mcp"], ["mcp"]])
        const asked = (yield* network.requestsTo("token")).map(({ body }) => new URLSearchParams(body).get("scope"))
        expect(asked).toEqual(["mcp", "mcp"])
      }).pipe(Effect.provide(environment({ mcpServer: { scopesSupported: ["mcp"] } }))))
  }
})

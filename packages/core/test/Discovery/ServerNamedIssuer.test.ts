import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import type { OAuthEvent, OAuthProvider } from "../../src/index.ts"
import { ClientAuthentication, Grant } from "../../src/index.ts"
import {
  clear,
  credentialed,
  issuerMetadata,
  network,
  parametersOf,
  resourceAtPath,
  resourceAtRoot,
  secondAuthorizationServer,
  server,
  tokenEndpoint,
  traffic
} from "../support/discovery.ts"
import {
  environment,
  makeFollowingProvider,
  makeImpatientProvider as makeProvider,
  watch
} from "../support/provider.ts"
import { outages, sent } from "../support/wire.ts"

describe("a server names its authorization server", () => {
  const discover = makeProvider({ issuer: "discover" })

  it.scoped("metadata that names the authorization server is enough: no request without a token is sent", () =>
    Effect.gen(function*() {
      const token = yield* Effect.flatMap(discover, ({ accessToken }) => accessToken)
      expect(token.issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* traffic, [
        `GET ${resourceAtPath}`,
        `GET ${issuerMetadata}`,
        `POST ${tokenEndpoint}`
      ])
    }).pipe(Effect.provide(environment())))

  it.scoped("the first of several authorization servers is used", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* secondAuthorizationServer()
      yield* always(
        "protected-resource-metadata",
        Answer.modified((_) => ({
          ..._,
          authorization_servers: ["https://new-auth.example.com", "https://auth.example.com"]
        }))
      )
      const token = yield* Effect.flatMap(discover, ({ accessToken }) => accessToken)
      expect(token.issuer).toBe("https://new-auth.example.com")
    }).pipe(Effect.provide(environment())))

  it.scoped("the server's challenge decides after the well-known address with the path, and before the root", () =>
    Effect.gen(function*() {
      const token = yield* Effect.flatMap(discover, ({ accessToken }) => accessToken)
      expect(token.scopes).toContain("mcp")
      assert.deepStrictEqual((yield* traffic).slice(0, 4), [
        `GET ${resourceAtPath}`,
        `GET ${server}`,
        "GET https://mcp.example.com/about/me",
        `GET ${issuerMetadata}`
      ])
      expect((yield* traffic).slice(3)).toEqual([`GET ${issuerMetadata}`, `POST ${tokenEndpoint}`])
      expect((yield* parametersOf)["scope"]).toBe("mcp")
      // The probe for the challenge carried no credential.
      assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
    }).pipe(Effect.provide(environment({
      mcpServer: { serveMetadataAt: new URL("https://mcp.example.com/about/me"), scopesSupported: ["other"] }
    }))))

  it.scoped("a challenge whose address has no metadata fails, and the error says what to do next", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("NotFound")
      expect(error.url).toBe(server)
      expect(error.message).toContain(`No protected resource metadata for ${server}: ${resourceAtPath} answered 404`)
      expect(error.message).toContain("Pin `issuer`")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))))

  it.scoped("a challenge that names no address causes no second request to a well-known address", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert.deepStrictEqual(yield* sent, [resourceAtPath, server, resourceAtRoot])
    }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))))

  it.scoped("a server without metadata that serves requests without a token is reported as that", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always("resource", Answer.status(200))
      const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("TokenNotRequired")
      expect(error.message).toContain(`${server} itself answered 200. The server serves requests without a token`)
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))))

  it.scoped.each([...outages])(
    "an outage during discovery is transient, and no credential is sent (%s)",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("resource", answer)
        const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
        assert(error._tag === "DiscoveryError")
        expect(error.reason).toBe("Unavailable")
        assert.deepStrictEqual(yield* credentialed, [])
      }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } })))
  )

  it.scoped.each([[], null, undefined])(
    "metadata whose `authorization_servers` is %j fails",
    (servers) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("protected-resource-metadata", Answer.modified((_) => ({ ..._, authorization_servers: servers })))
        const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
        assert(error._tag === "DiscoveryError")
        expect(error.reason).toBe("NoAuthorizationServer")
        expect(error.transient).toBe(false)
        expect(error.message).toBe(
          `${resourceAtPath} names no authorization server. Pin \`issuer\` to the one that issues tokens for ${server}.`
        )
        assert.deepStrictEqual(yield* credentialed, [])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped.each(
    [
      ["http://auth.example.com", "NotHttps"],
      ["https://10.0.0.1", "PrivateAddress"],
      ["https://2130706433", "PrivateAddress"],
      ["https://[::ffff:169.254.169.254]", "PrivateAddress"],
      ["https://vault.internal.", "PrivateAddress"],
      ["http://localhost:8200", "PrivateAddress"]
    ] as const
  )("a public server must not name %s: nothing is sent there (%s)", ([issuer, reason]) =>
    Effect.gen(function*() {
      const { always, count } = yield* network
      yield* always("protected-resource-metadata", Answer.modified((_) => ({ ..._, authorization_servers: [issuer] })))
      const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "InsecureEndpoint")
      expect(error.reason).toBe(reason)
      expect(error.namedBy).toBe("https://mcp.example.com")
      expect(yield* count(({ url }) => !url.startsWith("https://mcp.example.com/"))).toBe(0)
    }).pipe(Effect.provide(environment())))

  it.scoped("a token endpoint on a private address, named by a public server, receives no secret", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always(
        "authorization-server-metadata",
        Answer.modified((_) => ({ ..._, token_endpoint: "https://169.254.169.254/token" }))
      )
      const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "InsecureEndpoint")
      expect(error.endpoint).toBe("token endpoint")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("without other scopes, `scopes_supported` is asked for, except entries that are not scope tokens", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(discover, ({ accessToken }) => accessToken)
      expect((yield* parametersOf)["scope"]).toBe("mcp admin")
    }).pipe(Effect.provide(environment({ mcpServer: { scopesSupported: ["mcp", "no scope", "", "admin"] } }))))
})

describe("a server that changes its authorization server", () => {
  /** A provider with a token of the old authorization server, and an MCP server that now names the new one. */
  const migrated = <E, R>(makeProvider: Effect.Effect<OAuthProvider.OAuthProvider.Service, E, R>) =>
    Effect.gen(function*() {
      const { mcpServer } = yield* TestServers.TestServers
      const provider = yield* makeProvider
      const old = yield* provider.accessToken
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
      const events = yield* watch(provider)
      yield* clear
      return { provider, old, events }
    })

  it.scoped("a changed authorization server fails by default: the error names both, and no credential is sent", () =>
    Effect.gen(function*() {
      const { old, provider } = yield* migrated(makeProvider({ issuer: "discover" }))
      const error = yield* Effect.flip(provider.renew(old))
      assert(error._tag === "IssuerMismatch")
      expect(error.reason).toBe("Changed")
      expect(error.expected).toBe("https://auth.example.com")
      assert.deepStrictEqual(error.actual, ["https://new-auth.example.com"])
      expect(error.message).toContain(
        "now names the authorization server \"https://new-auth.example.com\" in place of \"https://auth.example.com\""
      )
      assert.deepStrictEqual(yield* sent, [resourceAtPath])
    }).pipe(Effect.provide(environment())))

  it.scoped("a changed authorization server fails again at the next attempt", () =>
    Effect.gen(function*() {
      const { old, provider } = yield* migrated(makeProvider({ issuer: "discover" }))
      yield* Effect.flip(provider.renew(old))
      yield* TestClock.adjust("1 minute")
      const error = yield* Effect.flip(provider.accessToken)
      expect(error._tag).toBe("IssuerMismatch")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("with `follow` a changed authorization server is used, and an event reports the change", () =>
    Effect.gen(function*() {
      const { events, old, provider } = yield* migrated(makeFollowingProvider())
      const token = yield* provider.renew(old)
      expect(token.issuer).toBe("https://new-auth.example.com")
      assert.deepStrictEqual(
        (yield* events).filter(({ _tag }) => _tag === "AuthorizationServerChanged").map((event) => ({ ...event })),
        [{
          _tag: "AuthorizationServerChanged",
          from: "https://auth.example.com",
          to: "https://new-auth.example.com"
        }] satisfies ReadonlyArray<OAuthEvent.OAuthEvent>
      )
      assert.deepStrictEqual(yield* credentialed, ["https://new-auth.example.com/token"])
    }).pipe(Effect.provide(environment())))

  it.scoped("with `follow` an assertion that is not bound to its receiver is not sent", () =>
    Effect.gen(function*() {
      const provider = yield* makeFollowingProvider({
        grant: Grant.jwtBearer({ assertionProvider: () => Effect.succeed(Redacted.make("canary-assertion")) }),
        clientAuthentication: ClientAuthentication.anonymous
      })
      const error = yield* Effect.flip(provider.accessToken)
      expect(error).toMatchObject({ _tag: "AssertionError", reason: "WrongAudience" })
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("a changed authorization server fails if the issuer is pinned, even with `follow`", () =>
    Effect.gen(function*() {
      const { old, provider } = yield* migrated(makeFollowingProvider({ issuer: "https://auth.example.com" }))
      const error = yield* Effect.flip(provider.renew(old))
      assert(error._tag === "IssuerMismatch")
      expect(error.reason).toBe("NotListed")
      expect(error.expected).toBe("https://auth.example.com")
      assert.deepStrictEqual(error.actual, ["https://new-auth.example.com"])
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("a list that still has the old authorization server in second place is not a change", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ issuer: "discover" })
      const old = yield* provider.accessToken
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer(), authorizationServer])
      yield* clear
      expect((yield* provider.renew(old)).issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* sent, [resourceAtPath, tokenEndpoint])
    }).pipe(Effect.provide(environment())))

  it.scoped("metadata that cannot be read after a rejected token stays in use", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      for (const issuer of ["discover", "https://auth.example.com"]) {
        const provider = yield* makeProvider({ issuer })
        const old = yield* provider.accessToken
        yield* always("protected-resource-metadata", Answer.status(503))
        yield* clear
        expect((yield* provider.renew(old)).issuer).toBe("https://auth.example.com")
        const read = issuer === "discover" ? [resourceAtPath, server, resourceAtRoot] : [resourceAtPath, resourceAtRoot]
        assert.deepStrictEqual(yield* sent, [...read, tokenEndpoint])
        yield* Effect.flatMap(network, ({ restore }) => restore)
      }
    }).pipe(Effect.provide(environment())))
})

import { Answer, TestAuthorizationServer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import type { OAuthEvent } from "../src/index.ts"
import { environment, makeImpatientProvider as makeProvider, watch } from "./support/provider.ts"
import { after, misses, outages, sent, to } from "./support/wire.ts"

const server = "https://mcp.example.com/mcp"
const resourceAtPath = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
const resourceAtRoot = "https://mcp.example.com/.well-known/oauth-protected-resource"
const issuerMetadata = "https://auth.example.com/.well-known/oauth-authorization-server"
const tokenEndpoint = "https://auth.example.com/token"

const network = TestNetwork.TestNetwork
const clear = Effect.flatMap(network, ({ clear }) => clear)

/** The methods and URLs of what has been sent so far. */
const traffic = Effect.map(
  Effect.flatMap(network, ({ requests }) => requests),
  (all) => all.map(({ method, url }) => `${method} ${url}`)
)

/** Where a credential went: requests with an `Authorization` header or a body that is a form. */
const credentialed = Effect.map(
  Effect.flatMap(network, ({ requests }) => requests),
  (all) =>
    all.filter(({ body, headers }) => headers["authorization"] !== undefined || body.includes("client_secret"))
      .map(({ url }) => url)
)

const parametersOf = Effect.map(
  Effect.flatMap(network, ({ requestsTo }) => requestsTo("token")),
  (all) => Object.fromEntries(new URLSearchParams(all.at(-1)?.body))
)

/** A second authorization server that knows the same client. */
const secondAuthorizationServer = (issuer = "https://new-auth.example.com") =>
  Effect.flatMap(
    TestServers.TestServers,
    ({ clientId, clientSecret }) =>
      TestAuthorizationServer.make({ issuer, clients: [{ clientId, clientSecret, scopes: ["mcp"] }] })
  )

describe("a pinned issuer", () => {
  it.scoped("both documents are asked for at once (RFC 9728 and RFC 8414 do not depend on each other)", () =>
    Effect.gen(function*() {
      const { maxInFlight } = yield* network
      const provider = yield* makeProvider()
      const token = yield* after(200, provider.accessToken)
      expect(token.issuer).toBe("https://auth.example.com")
      expect(yield* maxInFlight(({ endpoint }) => endpoint.endsWith("metadata"))).toBe(2)
      const [first, second, third, ...others] = yield* traffic
      assert.deepStrictEqual(new Set([first, second]), new Set([`GET ${resourceAtPath}`, `GET ${issuerMetadata}`]))
      expect(third).toBe(`POST ${tokenEndpoint}`)
      assert.deepStrictEqual(others, [])
    }).pipe(Effect.provide(environment({ latency: "100 millis" }))))

  it.scoped("that the server does not list stops it, and no credential is sent", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* TestServers.TestServers
      yield* secondAuthorizationServer()
      const provider = yield* makeProvider({ issuer: "https://new-auth.example.com" })
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "IssuerMismatch")
      expect(error).toMatchObject({
        _tag: "IssuerMismatch",
        reason: "NotListed",
        expected: "https://new-auth.example.com",
        actual: [authorizationServer.issuer],
        url: mcpServer.metadataUrl
      })
      expect(error.message).toContain("No credential was sent.")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped.each([[], null])("is not on a list that is empty: %j", (servers) =>
    Effect.gen(function*() {
      const provider = yield* makeProvider()
      const { always } = yield* network
      yield* always("protected-resource-metadata", Answer.modified((_) => ({ ..._, authorization_servers: servers })))
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "IssuerMismatch")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("may be any of those listed, and differ by a trailing slash", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always(
        "protected-resource-metadata",
        Answer.modified((_) => ({
          ..._,
          authorization_servers: ["https://other.example.com", "https://auth.example.com/"]
        }))
      )
      const token = yield* Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken)
      expect(token.issuer).toBe("https://auth.example.com")
    }).pipe(Effect.provide(environment())))

  it.scoped.each([...misses])(
    "goes on by itself where the server publishes nothing (%s)",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("protected-resource-metadata", answer)
        const provider = yield* makeProvider()
        const token = yield* provider.accessToken
        expect(token.issuer).toBe("https://auth.example.com")
        const form = yield* parametersOf
        expect(form["resource"]).toBe(server)
        expect(form["scope"]).toBeUndefined()
        // No request without a token to find out more: nothing else is needed.
        assert.deepStrictEqual(
          (yield* sent).toSorted(),
          [issuerMetadata, resourceAtRoot, resourceAtPath, tokenEndpoint].toSorted()
        )
      }).pipe(Effect.provide(environment()))
  )

  it.scoped.each([...outages])(
    "does not go on after an outage of the server's metadata (%s)",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("protected-resource-metadata", answer)
        const provider = yield* makeProvider()
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "DiscoveryError")
        expect(error.transient).toBe(true)
        assert.deepStrictEqual(yield* credentialed, [])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("a time-out of the server's metadata is an outage", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always("protected-resource-metadata", Answer.never)
      const provider = yield* makeProvider({ requestTimeout: "2 seconds" })
      const error = yield* after(2000, Effect.flip(provider.accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.transient).toBe(true)
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped.each([...outages, ...misses])(
    "never guesses a token endpoint (%s in place of metadata)",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("authorization-server-metadata", answer)
        const provider = yield* makeProvider()
        const error = yield* Effect.flip(provider.accessToken)
        expect(error._tag).toBe("DiscoveryError")
        assert.deepStrictEqual(yield* credentialed, [])
        assert.deepStrictEqual((yield* traffic).filter((line) => line.startsWith("POST")), [])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("metadata about another resource stops it, and no credential is sent (RFC 9728 §3.3)", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always(
        "protected-resource-metadata",
        Answer.modified((_) => ({ ..._, resource: "https://mcp.example.com/other" }))
      )
      const provider = yield* makeProvider()
      const error = yield* Effect.flip(provider.accessToken)
      expect(error._tag).toBe("ResourceMismatch")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("what is found of the one is kept when the other fails", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      yield* script("authorization-server-metadata", Answer.delayed("1 second", Answer.status(503)))
      const provider = yield* makeProvider()
      const error = yield* after(1000, Effect.flip(provider.accessToken))
      assert(error._tag === "DiscoveryError")
      yield* clear
      yield* TestClock.adjust("2 seconds")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* sent, [issuerMetadata, tokenEndpoint])
    }).pipe(Effect.provide(environment())))
})

describe("what has been found is remembered", () => {
  it.scoped("a renewal is one request", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* clear
      yield* TestClock.adjust("1 hour")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("so is that the server publishes nothing", () =>
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

  it.scoped("and so is what an unpinned provider found", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ issuer: "discover" })
      yield* provider.accessToken
      yield* clear
      yield* TestClock.adjust("1 hour")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("the authorization server's metadata is read again after an answer that is none of a token endpoint's", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      const provider = yield* makeProvider()
      yield* script("token", Answer.html())
      const error = yield* Effect.flip(provider.accessToken)
      expect(error._tag).toBe("TokenEndpointError")
      yield* clear
      yield* TestClock.adjust("5 seconds")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* traffic, [`GET ${issuerMetadata}`, `POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("and after the token endpoint could not be reached three times in a row: it may have moved", () =>
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

  it.scoped("but not after a refusal", () =>
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

describe("a server that is asked for its authorization server", () => {
  const discover = makeProvider({ issuer: "discover" })

  it.scoped("its metadata says: no request without a token is made", () =>
    Effect.gen(function*() {
      const token = yield* Effect.flatMap(discover, ({ accessToken }) => accessToken)
      expect(token.issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* traffic, [
        `GET ${resourceAtPath}`,
        `GET ${issuerMetadata}`,
        `POST ${tokenEndpoint}`
      ])
    }).pipe(Effect.provide(environment())))

  it.scoped("the first of several is taken", () =>
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

  it.scoped("only after both well-known addresses have failed does its challenge decide", () =>
    Effect.gen(function*() {
      const token = yield* Effect.flatMap(discover, ({ accessToken }) => accessToken)
      expect(token.scopes).toContain("mcp")
      assert.deepStrictEqual((yield* traffic).slice(0, 4), [
        `GET ${resourceAtPath}`,
        `GET ${resourceAtRoot}`,
        `GET ${server}`,
        "GET https://mcp.example.com/about/me"
      ])
      expect((yield* traffic).slice(4)).toEqual([`GET ${issuerMetadata}`, `POST ${tokenEndpoint}`])
      expect((yield* parametersOf)["scope"]).toBe("mcp")
      // The challenge was got without a credential.
      assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
    }).pipe(Effect.provide(environment({
      mcpServer: { serveMetadataAt: new URL("https://mcp.example.com/about/me"), scopesSupported: ["other"] }
    }))))

  it.scoped("a challenge that leads nowhere stops it, and the error says what to do", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("NotFound")
      expect(error.url).toBe(server)
      expect(error.message).toContain(`No protected resource metadata for ${server}: ${resourceAtPath} answered 404`)
      expect(error.message).toContain("Pin `issuer`")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))))

  it.scoped("a challenge that names no metadata has no address asked a second time", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert.deepStrictEqual(yield* sent, [resourceAtPath, resourceAtRoot, server])
    }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))))

  it.scoped("no challenge at all stops it too", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always("resource", Answer.status(200))
      const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("NotFound")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))))

  it.scoped.each([...outages])(
    "an outage on the way is transient, and nothing is concluded (%s)",
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

  it.scoped.each([[], null, undefined])("metadata that names none stops it: %j", (servers) =>
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
    }).pipe(Effect.provide(environment())))

  it.scoped.each(
    [
      ["http://auth.example.com", "NotHttps"],
      ["https://10.0.0.1", "PrivateAddress"],
      ["https://2130706433", "PrivateAddress"],
      ["https://[::ffff:169.254.169.254]", "PrivateAddress"],
      ["https://vault.internal.", "PrivateAddress"],
      ["http://localhost:8200", "PrivateAddress"]
    ] as const
  )("may not name %s: nothing is sent there (%s)", ([issuer, reason]) =>
    Effect.gen(function*() {
      const { always, count } = yield* network
      yield* always("protected-resource-metadata", Answer.modified((_) => ({ ..._, authorization_servers: [issuer] })))
      const error = yield* Effect.flatMap(discover, ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "InsecureEndpoint")
      expect(error.reason).toBe(reason)
      expect(error.namedBy).toBe("https://mcp.example.com")
      expect(yield* count(({ url }) => !url.startsWith("https://mcp.example.com/"))).toBe(0)
    }).pipe(Effect.provide(environment())))

  it.scoped("a token endpoint on a private address receives no secret", () =>
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

  it.scoped("what its metadata lists is asked for where nobody names scopes, but for what is no scope", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(discover, ({ accessToken }) => accessToken)
      expect((yield* parametersOf)["scope"]).toBe("mcp admin")
    }).pipe(Effect.provide(environment({ mcpServer: { scopesSupported: ["mcp", "no scope", "", "admin"] } }))))
})

describe("what led nowhere is not remembered", () => {
  it.scoped.each(["discover", "https://auth.example.com"])(
    "a list without the issuer, once mended (%s)",
    (issuer) =>
      Effect.gen(function*() {
        const { script } = yield* network
        yield* script("protected-resource-metadata", Answer.modified((_) => ({ ..._, authorization_servers: [] })))
        const provider = yield* makeProvider({ issuer })
        yield* Effect.flip(provider.accessToken)
        yield* TestClock.adjust("1 minute")
        expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
      }).pipe(Effect.provide(environment()))
  )

  it.scoped.each(["discover", "https://auth.example.com"])(
    "metadata that is gone when it is read again is no reason to forget what it said (%s)",
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

describe("a server that changes its authorization server", () => {
  /** A provider with a token of the old one, which is then rejected by a server that names the new one. */
  const migrated = (options: Parameters<typeof makeProvider>[0]) =>
    Effect.gen(function*() {
      const { mcpServer } = yield* TestServers.TestServers
      const provider = yield* makeProvider(options)
      const old = yield* provider.accessToken
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
      const events = yield* watch(provider)
      yield* clear
      return { provider, old, events }
    })

  it.scoped("is not followed unless that was allowed: the error names both, no credential is sent", () =>
    Effect.gen(function*() {
      const { old, provider } = yield* migrated({ issuer: "discover" })
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

  it.scoped("and it stays so when it is asked again", () =>
    Effect.gen(function*() {
      const { old, provider } = yield* migrated({ issuer: "discover" })
      yield* Effect.flip(provider.renew(old))
      yield* TestClock.adjust("1 minute")
      const error = yield* Effect.flip(provider.accessToken)
      expect(error._tag).toBe("IssuerMismatch")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("is followed where that was allowed, and an event says so", () =>
    Effect.gen(function*() {
      const { events, old, provider } = yield* migrated({ issuer: "discover", authorizationServerChange: "follow" })
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

  it.scoped("with a pin the error names both, whatever was allowed", () =>
    Effect.gen(function*() {
      const { old, provider } = yield* migrated({ authorizationServerChange: "follow" })
      const error = yield* Effect.flip(provider.renew(old))
      assert(error._tag === "IssuerMismatch")
      expect(error.reason).toBe("NotListed")
      expect(error.expected).toBe("https://auth.example.com")
      assert.deepStrictEqual(error.actual, ["https://new-auth.example.com"])
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("that is another one first and the old one second has not changed it", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ issuer: "discover" })
      const old = yield* provider.accessToken
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer(), authorizationServer])
      yield* clear
      expect((yield* provider.renew(old)).issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* sent, [resourceAtPath, tokenEndpoint])
    }).pipe(Effect.provide(environment())))

  it.scoped("and whose metadata cannot be read at the moment goes on with what is known", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      for (const issuer of ["discover", "https://auth.example.com"]) {
        const provider = yield* makeProvider({ issuer })
        const old = yield* provider.accessToken
        yield* always("protected-resource-metadata", Answer.status(503))
        yield* clear
        expect((yield* provider.renew(old)).issuer).toBe("https://auth.example.com")
        assert.deepStrictEqual(yield* sent, [resourceAtPath, tokenEndpoint])
        yield* Effect.flatMap(network, ({ restore }) => restore)
      }
    }).pipe(Effect.provide(environment())))
})

describe("a caller who knows more", () => {
  it.scoped("gives the metadata: nothing is looked for", () =>
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

  it.scoped("gives the metadata and leaves the issuer to it", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({
        issuer: "discover",
        authorizationServerMetadata: { issuer: "https://auth.example.com", token_endpoint: tokenEndpoint }
      })
      expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("gives the token endpoint alone: nothing is looked for, not even after a strange answer", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      const provider = yield* makeProvider({ tokenEndpoint })
      yield* script("token", Answer.html())
      yield* Effect.flip(provider.accessToken)
      yield* TestClock.adjust("1 minute")
      expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`, `POST ${tokenEndpoint}`])
    }).pipe(Effect.provide(environment())))

  it.scoped("the token endpoint may be within the caller's own network", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ tokenEndpoint: "http://127.0.0.1:8080/token" })
      const { serve } = yield* network
      yield* serve("http://127.0.0.1:8080", () =>
        Effect.sync(() => Response.json({ access_token: "canary-token", token_type: "Bearer" })))
      expect(Redacted.value((yield* provider.accessToken).value)).toBe("canary-token")
    }).pipe(Effect.provide(environment())))
})

describe("metadata as the server writes it", () => {
  it.scoped("its `resource` is the one that is sent (RFC 9728 §2)", () =>
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

  it.scoped("of 2 MiB is not read to its end", () =>
    Effect.gen(function*() {
      const { always, requestsTo } = yield* network
      yield* always("authorization-server-metadata", Answer.oversized(2 * 1024 * 1024))
      const error = yield* Effect.flatMap(makeProvider(), ({ accessToken }) => Effect.flip(accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("NotFound")
      expect(error.message).toContain(`${issuerMetadata} the answer is larger than 1048576 bytes`)
      for (const { bytesRead } of yield* requestsTo("authorization-server-metadata")) {
        expect(bytesRead).toBeLessThan(1024 * 1024 + 3 * 16_384)
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("of more than the limit that the caller set is not read either", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ maxResponseSize: 60 })
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "DiscoveryError")
      expect(error.message).toContain("the answer is larger than 60 bytes")
    }).pipe(Effect.provide(environment())))
})

describe("what is mended is found again without a restart", () => {
  const unpinned = { issuer: "discover" }
  const minuteLater = TestClock.adjust("1 minute")

  it.scoped("metadata that named no authorization server, or one that is none", () =>
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

  it.scoped("an authorization server that was another for a moment", () =>
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

  it.scoped("a stored token is rejected before anything was discovered: its issuer is the one that may not change", () =>
    Effect.gen(function*() {
      const { mcpServer } = yield* TestServers.TestServers
      yield* Effect.scoped(Effect.flatMap(makeProvider(unpinned), ({ accessToken }) => accessToken))
      const provider = yield* makeProvider(unpinned)
      const stored = yield* provider.accessToken
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
      expect(yield* Effect.flip(provider.renew(stored))).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed" })
    }).pipe(Effect.provide(environment())))

  for (const issuer of ["discover", "https://auth.example.com"]) {
    it.scoped(`metadata that has gone for a moment is not forgotten (issuer: ${issuer})`, () =>
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

import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Answer, TestMcpServer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { DiscoveryCache, TokenStorage } from "../src/index.ts"
import { environment, impatient, makeProvider, many, outcomes, settle } from "./support/provider.ts"

const network = TestNetwork.TestNetwork
const clear = Effect.flatMap(network, ({ clear }) => clear)

/** The number of documents of each kind that were read so far. */
const reads = Effect.flatMap(network, ({ count }) =>
  Effect.all({
    resource: count("protected-resource-metadata"),
    issuer: count("authorization-server-metadata")
  }))

const shared = (options?: TestServers.TestServers.Options, cache?: DiscoveryCache.DiscoveryCache.Options) =>
  Layer.merge(environment(options), DiscoveryCache.layer(cache))

const answersWith = (headers: Answer.AnswerHeaders) => ({
  resource: Answer.json({
    resource: "https://mcp.example.com/mcp",
    authorization_servers: ["https://auth.example.com"]
  }, { headers }),
  issuer: Answer.json({ issuer: "https://auth.example.com", token_endpoint: "https://auth.example.com/token" }, {
    headers
  })
})

/** Providers with separate storages, like those of different identities. */
const makeAnother = (() => {
  let count = 0
  return (options: Partial<ClientSecret.Options> = {}) =>
    Effect.suspend(() => makeProvider({ additionalParameters: { identity: String(count++) }, ...options })).pipe(
      Effect.provideServiceEffect(TokenStorage.TokenStorage, TokenStorage.makeMemory)
    )
})()

describe("providers with one cache share documents", () => {
  it.scoped.each(["https://auth.example.com", "discover"])(
    "50 providers that ask at once read each document once (issuer: %s)",
    (issuer) =>
      Effect.gen(function*() {
        const providers = yield* Effect.replicateEffect(makeAnother({ issuer }), 50)
        const calls = yield* Effect.fork(
          Effect.forEach(providers, ({ accessToken }) => accessToken, { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(calls)
        assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 1 })
      }).pipe(Effect.provide(shared({ latency: "100 millis" })))
  )

  it.scoped("providers without a cache read each document for themselves", () =>
    Effect.gen(function*() {
      for (const _ of [1, 2]) yield* Effect.flatMap(makeAnother(), ({ accessToken }) => accessToken)
      assert.deepStrictEqual(yield* reads, { resource: 2, issuer: 2 })
    }).pipe(Effect.provide(environment())))

  it.scoped("two servers of one authorization server share its metadata, and each has its own", () =>
    Effect.gen(function*() {
      const { authorizationServer } = yield* TestServers.TestServers
      for (const serverUrl of ["https://one.example.com", "https://two.example.com/mcp"]) {
        yield* TestMcpServer.make({ url: serverUrl, authorizationServers: [authorizationServer] })
        yield* Effect.flatMap(makeAnother({ serverUrl }), ({ accessToken }) => accessToken)
      }
      assert.deepStrictEqual(yield* reads, { resource: 2, issuer: 1 })
    }).pipe(Effect.provide(shared())))

  it.scoped("20 providers request the challenge once, and read the document that it names once", () =>
    Effect.gen(function*() {
      const { count } = yield* network
      const providers = yield* Effect.replicateEffect(makeAnother({ issuer: "discover" }), 20)
      const calls = yield* Effect.fork(
        Effect.forEach(providers, ({ accessToken }) => accessToken, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(calls)
      expect(yield* count("resource")).toBe(1)
      assert.deepStrictEqual(yield* reads, { resource: 2, issuer: 1 })
    }).pipe(Effect.provide(shared({
      latency: "100 millis",
      mcpServer: { serveMetadataAt: new URL("https://mcp.example.com/metadata") }
    }))))

  it.scoped("a provider that is interrupted or closed while it reads does not fail the others", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(makeAnother(), scope)
      const second = yield* makeAnother()
      const call = yield* Effect.fork(first.accessToken)
      yield* TestClock.adjust(50)
      const other = yield* Effect.fork(second.accessToken)
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(call)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(other)).issuer).toBe("https://auth.example.com")
      assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 1 })
    }).pipe(Effect.provide(shared({ latency: "100 millis" }))))

  it.scoped("an outage fails the providers that wait, and is not remembered", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      yield* script(
        "authorization-server-metadata",
        Answer.delayed("1 second", Answer.status(503)),
        Answer.status(503)
      )
      const providers = yield* Effect.replicateEffect(makeAnother(impatient), 10)
      const fibers = yield* Effect.forEach(providers, ({ accessToken }) => Effect.fork(accessToken))
      yield* TestClock.adjust("1 second")
      expect((yield* outcomes(fibers)).every(Exit.isFailure)).toBe(true)
      expect((yield* reads).issuer).toBe(2)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.forEach(providers, ({ accessToken }) => accessToken)
      assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 3 })
    }).pipe(Effect.provide(shared())))
})

describe("providers with one cache do not share what differs between them", () => {
  const unpinned = { issuer: "discover" }

  it.scoped("a public server must not name a private issuer, even if a private server has named it before", () =>
    Effect.gen(function*() {
      const { authorizationServer, clientId, clientSecret } = yield* TestServers.TestServers
      const of = (serverUrl: string) =>
        Effect.zipRight(
          TestMcpServer.make({ url: serverUrl, authorizationServers: [authorizationServer] }),
          ClientSecret.make({ serverUrl, clientId, clientSecret, issuer: "discover" })
        )
      const inside = yield* of("https://mcp.corp.internal/mcp")
      const outside = yield* of("https://public.example.com/mcp")
      yield* inside.accessToken
      yield* clear
      expect(yield* Effect.flip(outside.accessToken)).toMatchObject({
        _tag: "InsecureEndpoint",
        reason: "PrivateAddress"
      })
      expect((yield* reads).issuer).toBe(0)
    }).pipe(Effect.provide(shared({ issuer: "https://auth.corp.internal" }))))

  it.scoped("a pinned issuer that is not listed fails its own provider only", () =>
    Effect.gen(function*() {
      const good = yield* makeAnother()
      const bad = yield* makeAnother({ issuer: "https://other.example.com" })
      yield* good.accessToken
      expect(yield* Effect.flip(bad.accessToken)).toMatchObject({ _tag: "IssuerMismatch", reason: "NotListed" })
      expect((yield* (yield* makeAnother(unpinned)).accessToken).issuer).toBe("https://auth.example.com")
      expect((yield* reads).resource).toBe(1)
    }).pipe(Effect.provide(shared())))

  it.scoped("metadata of another issuer fails and is not remembered (RFC 8414 §3.3)", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      const evil = Answer.modified((_) => ({ ..._, issuer: "https://evil.example" }))
      yield* script("authorization-server-metadata", evil, evil)
      const [first, second] = yield* Effect.all([makeAnother(), makeAnother()])
      expect(yield* Effect.flip(first.accessToken)).toMatchObject({ _tag: "IssuerMismatch", reason: "Metadata" })
      expect((yield* second.accessToken).issuer).toBe("https://auth.example.com")
    }).pipe(Effect.provide(shared())))

  it.scoped("documents are read again through another client, `fetch` or `RequestInit`, and within other limits", () =>
    Effect.gen(function*() {
      const client = HttpClient.mapRequest(yield* HttpClient.HttpClient, (request) => request)
      const call = (options?: Partial<ClientSecret.Options>) =>
        Effect.flatMap(makeAnother(options), ({ accessToken }) => accessToken)
      yield* call()
      yield* Effect.provideService(call(), HttpClient.HttpClient, client)
      yield* Effect.provideService(call(), FetchHttpClient.RequestInit, { credentials: "omit" })
      yield* Effect.provideService(call(), FetchHttpClient.Fetch, globalThis.fetch)
      yield* call({ requestTimeout: "3 seconds" })
      yield* call({ maxResponseSize: 100_000 })
      assert.deepStrictEqual(yield* reads, { resource: 6, issuer: 6 })
      yield* call()
      assert.deepStrictEqual(yield* reads, { resource: 6, issuer: 6 })
    }).pipe(Effect.provide(shared())))
})

describe("providers with other options of discovery read documents of their own", () => {
  it.scoped("documents are read again for another `resourceMatch`, another address, or another `discoveryTimeout`", () =>
    Effect.gen(function*() {
      const { mcpServer } = yield* TestServers.TestServers
      const call = (options?: Partial<ClientSecret.Options>) =>
        Effect.flatMap(makeAnother(options), ({ accessToken }) => accessToken)
      yield* call()
      yield* call({ resourceMatch: "identical" })
      yield* call({ resourceMetadataUrl: mcpServer.metadataUrl })
      assert.deepStrictEqual(yield* reads, { resource: 3, issuer: 1 })
      yield* call({ authorizationServerMetadataUrl: "https://auth.example.com/.well-known/openid-configuration" })
      assert.deepStrictEqual(yield* reads, { resource: 3, issuer: 2 })
      yield* call({ discoveryTimeout: "20 seconds" })
      assert.deepStrictEqual(yield* reads, { resource: 4, issuer: 3 })
      for (const options of [{}, { resourceMatch: "identical" }, { discoveryTimeout: "20 seconds" }] as const) {
        yield* call(options)
      }
      assert.deepStrictEqual(yield* reads, { resource: 4, issuer: 3 })
    }).pipe(Effect.provide(shared())))

  it.scoped("a parent's document that one provider accepts is not used by a provider with `identical`", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always(
        "protected-resource-metadata",
        Answer.json({ resource: "https://mcp.example.com", authorization_servers: ["https://auth.example.com"] })
      )
      yield* Effect.flatMap(makeAnother({ issuer: "discover" }), ({ accessToken }) => accessToken)
      const strict = yield* makeAnother({ issuer: "discover", resourceMatch: "identical" })
      expect(yield* Effect.flip(strict.accessToken)).toMatchObject({ _tag: "ResourceMismatch", match: "identical" })
    }).pipe(Effect.provide(shared())))
})

describe("after a failure documents are read again once for all providers", () => {
  it.scoped("if nothing is at the token endpoint 20 providers read the authorization server's metadata again once", () =>
    Effect.gen(function*() {
      const { always, restore } = yield* network
      const providers = yield* Effect.replicateEffect(makeAnother(), 20)
      const all = Effect.forEach(providers, ({ accessToken }) => Effect.exit(accessToken), { concurrency: "unbounded" })
      yield* always("token", Answer.html("<h1>Not found</h1>", { status: 404 }))
      yield* all
      assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 2 })
      yield* TestClock.adjust("5 seconds")
      yield* restore
      yield* clear
      expect((yield* all).every(Exit.isSuccess)).toBe(true)
      assert.deepStrictEqual(yield* reads, { resource: 0, issuer: 0 })
    }).pipe(Effect.provide(shared())))

  it.scoped("after an invalid token response the known metadata stays in use if it cannot be read again", () =>
    Effect.gen(function*() {
      const { always, script } = yield* network
      const provider = yield* makeProvider()
      yield* script("token", Answer.html("<h1>Not found</h1>", { status: 404 }))
      yield* Effect.flip(provider.accessToken)
      yield* always("authorization-server-metadata", Answer.status(503))
      yield* TestClock.adjust("5 seconds")
      // A failed metadata request fails the attempt. The token request follows after the backoff.
      const asked = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(asked)
    }).pipe(Effect.provide(environment())))

  it.scoped("after a rejected token 20 providers read the server's metadata once", () =>
    Effect.gen(function*() {
      const { authorizationServer } = yield* TestServers.TestServers
      const providers = yield* Effect.replicateEffect(makeAnother(), 20)
      const tokens = yield* Effect.forEach(providers, ({ accessToken }) => accessToken)
      yield* authorizationServer.revokeAll
      yield* clear
      const renewals = yield* Effect.forEach(
        providers,
        ({ renew }, index) => Effect.flatMap(Effect.fromNullable(tokens[index]), (token) => renew(token)),
        { concurrency: "unbounded" }
      )
      expect(renewals).toHaveLength(20)
      assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 0 })
    }).pipe(Effect.provide(shared())))
})

describe("how long a document is fresh", () => {
  /**
   * Asserts that a provider with a new identity reads the cached documents again after so many minutes, and not before.
   */
  const lives = (minutes: number, provider: { readonly accessToken: Effect.Effect<unknown, unknown> }) =>
    Effect.gen(function*() {
      yield* provider.accessToken
      yield* clear
      yield* TestClock.adjust(minutes * 60_000 - 1)
      yield* Effect.flatMap(makeAnother(), ({ accessToken }) => accessToken)
      assert.deepStrictEqual(yield* reads, { resource: 0, issuer: 0 })
      yield* TestClock.adjust(1)
      yield* Effect.flatMap(makeAnother(), ({ accessToken }) => accessToken)
      assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 1 })
    })

  it.scoped.each<readonly [says: string, headers: Record<string, string>, minutes: number]>([
    ["nothing", {}, 720],
    ["an hour", { "cache-control": "max-age=3600" }, 60],
    ["an hour of which half is over", { "cache-control": "max-age=3600", age: "1800" }, 30],
    ["a moment", { "cache-control": "max-age=1" }, 5],
    ["that it must not be stored", { "cache-control": "no-store" }, 5],
    ["a year", { "cache-control": "max-age=31536000" }, 1440],
    ["when it expires", { expires: "Thu, 01 Jan 1970 02:00:00 GMT" }, 120]
  ])(
    "a document whose response says %s is fresh for as long, within the bounds",
    ([, headers, minutes]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        const answers = answersWith(headers)
        yield* always("protected-resource-metadata", answers.resource)
        yield* always("authorization-server-metadata", answers.issuer)
        yield* Effect.flatMap(makeAnother(), (provider) => lives(minutes, provider))
      }).pipe(Effect.provide(shared({ tokenLifetime: "48 hours" })))
  )

  it.scoped("a document is fresh within the caller's own bounds", () =>
    Effect.flatMap(makeAnother(), (provider) => lives(2, provider)).pipe(
      Effect.provide(shared({}, { minLifetime: "1 minute", maxLifetime: "2 minutes" }))
    ))

  it.scoped.each(["https://auth.example.com", "discover"])(
    "a provider reads a stale document again at the next token request, and not before (issuer: %s)",
    (issuer) =>
      Effect.gen(function*() {
        const { always } = yield* network
        const provider = yield* makeProvider({ issuer })
        yield* provider.accessToken
        yield* clear
        yield* TestClock.adjust("11 hours")
        yield* provider.accessToken
        assert.deepStrictEqual(yield* reads, { resource: 0, issuer: 0 })
        yield* TestClock.adjust("59 minutes")
        yield* always("token", Answer.never)
        yield* TestClock.adjust("1 minute")
        yield* provider.accessToken
        assert.deepStrictEqual(yield* reads, { resource: 0, issuer: 0 })
        yield* Effect.flatMap(network, ({ restore }) => restore)
        yield* TestClock.adjust("1 hour")
        yield* provider.accessToken
        assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 1 })
      }).pipe(Effect.provide(environment({ tokenLifetime: "1 hour" })))
  )

  it.scoped.each<readonly [issuer: string, status: number]>([
    ["https://auth.example.com", 503],
    ["discover", 503],
    ["https://auth.example.com", 404],
    ["discover", 404]
  ])(
    "a stale document stays in use while it cannot be read again (issuer: %s, status %s)",
    ([issuer, status]) =>
      Effect.gen(function*() {
        const { always, restore } = yield* network
        const provider = yield* makeProvider({ issuer })
        yield* provider.accessToken
        yield* TestClock.adjust("13 hours")
        yield* always(({ endpoint }) => endpoint.endsWith("metadata"), Answer.status(status))
        const asked = provider.accessToken.pipe(Effect.zipRight(reads), Effect.zipLeft(clear))
        yield* clear
        expect((yield* asked).issuer).toBeGreaterThan(0)
        // A second token request within the minute does not try to read them again.
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(yield* asked, { resource: 0, issuer: 0 })
        yield* restore
        yield* TestClock.adjust("31 seconds")
        assert.deepStrictEqual(yield* asked, { resource: 1, issuer: 1 })
      }).pipe(Effect.provide(environment({ tokenLifetime: "20 seconds" })))
  )

  it.scoped("a stale document that now names another issuer fails, and no token request is made", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* TestClock.adjust("13 hours")
      yield* always("authorization-server-metadata", Answer.modified((_) => ({ ..._, issuer: "https://evil.example" })))
      yield* clear
      expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ _tag: "IssuerMismatch", reason: "Metadata" })
      expect(yield* Effect.flatMap(network, ({ count }) => count("token"))).toBe(0)
    }).pipe(Effect.provide(environment())))

  it.scoped.each(["https://auth.example.com", "discover"])(
    "a stale document that now names another authorization server fails, and no token request is made (issuer: %s)",
    (issuer) =>
      Effect.gen(function*() {
        const { always } = yield* network
        const provider = yield* makeProvider({ issuer })
        yield* provider.accessToken
        yield* TestClock.adjust("13 hours")
        yield* always(
          "protected-resource-metadata",
          Answer.modified((_) => ({ ..._, authorization_servers: ["https://evil.example"] }))
        )
        yield* clear
        expect((yield* Effect.flip(provider.accessToken))._tag).toBe("IssuerMismatch")
        expect(yield* Effect.flatMap(network, ({ count }) => count("token"))).toBe(0)
      }).pipe(Effect.provide(environment()))
  )
})

it.scoped("a cache that is closed while providers wait for it does not fail them", () =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const cache = yield* Scope.extend(DiscoveryCache.make(), scope)
    const provider = yield* Effect.provideService(makeAnother(), DiscoveryCache.DiscoveryCache, cache)
    const calls = yield* many(3, provider.accessToken)
    yield* TestClock.adjust(50)
    yield* Scope.close(scope, Exit.void)
    yield* TestClock.adjust("1 second")
    expect((yield* outcomes(calls)).every(Exit.isSuccess)).toBe(true)
    yield* settle
  }).pipe(Effect.provide(environment({ latency: "100 millis" }))))

import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Answer, TestMcpServer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { DiscoveryCache } from "../src/index.ts"
import { environment, impatient, makeProvider, many, outcomes, settle } from "./support/provider.ts"

const network = TestNetwork.TestNetwork
const clear = Effect.flatMap(network, ({ clear }) => clear)

/** How many documents of either kind were read so far. */
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

/** Providers whose tokens are kept apart, as those of different identities are. */
const makeAnother = (() => {
  let count = 0
  return (options: Partial<ClientSecret.Options> = {}) =>
    Effect.suspend(() => makeProvider({ additionalParameters: { identity: String(count++) }, ...options }))
})()

describe("what providers share", () => {
  it.scoped.each(["https://auth.example.com", "discover"])(
    "however many ask at once, each document is read once (issuer: %s)",
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

  it.scoped("without a cache each provider reads for itself", () =>
    Effect.gen(function*() {
      for (const _ of [1, 2]) yield* Effect.flatMap(makeAnother(), ({ accessToken }) => accessToken)
      assert.deepStrictEqual(yield* reads, { resource: 2, issuer: 2 })
    }).pipe(Effect.provide(environment())))

  it.scoped("servers of one authorization server share its metadata, and have their own", () =>
    Effect.gen(function*() {
      const { authorizationServer } = yield* TestServers.TestServers
      for (const serverUrl of ["https://one.example.com", "https://two.example.com/mcp"]) {
        yield* TestMcpServer.make({ url: serverUrl, authorizationServers: [authorizationServer] })
        yield* Effect.flatMap(makeAnother({ serverUrl }), ({ accessToken }) => accessToken)
      }
      assert.deepStrictEqual(yield* reads, { resource: 2, issuer: 1 })
    }).pipe(Effect.provide(shared())))

  it.scoped("the request for a challenge is one, too, and where it leads is read once", () =>
    Effect.gen(function*() {
      const { count } = yield* network
      const providers = yield* Effect.replicateEffect(makeAnother({ issuer: "discover" }), 20)
      const calls = yield* Effect.fork(
        Effect.forEach(providers, ({ accessToken }) => accessToken, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(calls)
      expect(yield* count("resource")).toBe(1)
      assert.deepStrictEqual(yield* reads, { resource: 3, issuer: 1 })
    }).pipe(Effect.provide(shared({
      latency: "100 millis",
      mcpServer: { serveMetadataAt: new URL("https://mcp.example.com/metadata") }
    }))))

  it.scoped("that the first of them gives up, or is closed, does not fail the others", () =>
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

  it.scoped("an outage is shared by those who wait, and not kept", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      yield* script("authorization-server-metadata", Answer.delayed("1 second", Answer.status(503)))
      const providers = yield* Effect.replicateEffect(makeAnother(impatient), 10)
      const fibers = yield* Effect.forEach(providers, ({ accessToken }) => Effect.fork(accessToken))
      yield* TestClock.adjust("1 second")
      expect((yield* outcomes(fibers)).every(Exit.isFailure)).toBe(true)
      expect((yield* reads).issuer).toBe(1)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.forEach(providers, ({ accessToken }) => accessToken)
      assert.deepStrictEqual(yield* reads, { resource: 1, issuer: 2 })
    }).pipe(Effect.provide(shared())))
})

describe("what they do not", () => {
  const unpinned = { issuer: "discover" }

  it.scoped("who may name an issuer is checked for each: a public server may not name one that a private one may", () =>
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

  it.scoped("a pinned issuer that is not listed stops its provider, and not the others", () =>
    Effect.gen(function*() {
      const good = yield* makeAnother()
      const bad = yield* makeAnother({ issuer: "https://other.example.com" })
      yield* good.accessToken
      expect(yield* Effect.flip(bad.accessToken)).toMatchObject({ _tag: "IssuerMismatch", reason: "NotListed" })
      expect((yield* (yield* makeAnother(unpinned)).accessToken).issuer).toBe("https://auth.example.com")
      expect((yield* reads).resource).toBe(1)
    }).pipe(Effect.provide(shared())))

  it.scoped("metadata of another issuer is an error for all, and of use to none (RFC 8414 §3.3)", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      yield* script("authorization-server-metadata", Answer.modified((_) => ({ ..._, issuer: "https://evil.example" })))
      const [first, second] = yield* Effect.all([makeAnother(), makeAnother()])
      expect(yield* Effect.flip(first.accessToken)).toMatchObject({ _tag: "IssuerMismatch", reason: "Metadata" })
      expect((yield* second.accessToken).issuer).toBe("https://auth.example.com")
    }).pipe(Effect.provide(shared())))

  it.scoped("what was read through another client, by other settings of fetch, or within other limits", () =>
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

describe("after something was found to be wrong", () => {
  it.scoped("with the authorization server, its metadata is read again once for all", () =>
    Effect.gen(function*() {
      const { always, restore } = yield* network
      const providers = yield* Effect.replicateEffect(makeAnother(), 20)
      const all = Effect.forEach(providers, ({ accessToken }) => Effect.exit(accessToken), { concurrency: "unbounded" })
      yield* always("token", Answer.html())
      yield* all
      yield* TestClock.adjust("5 seconds")
      yield* restore
      yield* clear
      expect((yield* all).every(Exit.isSuccess)).toBe(true)
      assert.deepStrictEqual(yield* reads, { resource: 0, issuer: 1 })
    }).pipe(Effect.provide(shared())))

  it.scoped("with it, and its metadata cannot be read either, what is known goes on being used", () =>
    Effect.gen(function*() {
      const { always, script } = yield* network
      const provider = yield* makeProvider()
      yield* script("token", Answer.html())
      yield* Effect.flip(provider.accessToken)
      yield* always("authorization-server-metadata", Answer.status(503))
      yield* TestClock.adjust("5 seconds")
      // Only one of the two is asked at a time.
      const asked = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(asked)
    }).pipe(Effect.provide(environment())))

  it.scoped("with the tokens of a server, its metadata is read again once for all", () =>
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
  /** After how many minutes a provider of its own, and one that finds the document in the cache, read it again. */
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
    ["that it must not be kept", { "cache-control": "no-store" }, 5],
    ["a year", { "cache-control": "max-age=31536000" }, 1440],
    ["when it expires", { expires: "Thu, 01 Jan 1970 02:00:00 GMT" }, 120]
  ])("when its answer says %s", ([, headers, minutes]) =>
    Effect.gen(function*() {
      const { always } = yield* network
      const answers = answersWith(headers)
      yield* always("protected-resource-metadata", answers.resource)
      yield* always("authorization-server-metadata", answers.issuer)
      yield* Effect.flatMap(makeAnother(), (provider) => lives(minutes, provider))
    }).pipe(Effect.provide(shared({ tokenLifetime: "48 hours" }))))

  it.scoped("is within the bounds that the caller set", () =>
    Effect.flatMap(makeAnother(), (provider) => lives(2, provider)).pipe(
      Effect.provide(shared({}, { minLifetime: "1 minute", maxLifetime: "2 minutes" }))
    ))

  it.scoped.each(["https://auth.example.com", "discover"])(
    "a provider reads it again at the first token request after that, and at no other (issuer: %s)",
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
  ])("what is stale is used while it cannot be read (issuer: %s, %s)", ([issuer, status]) =>
    Effect.gen(function*() {
      const { always, restore } = yield* network
      const provider = yield* makeProvider({ issuer })
      yield* provider.accessToken
      yield* TestClock.adjust("13 hours")
      yield* always(({ endpoint }) => endpoint.endsWith("metadata"), Answer.status(status))
      const asked = provider.accessToken.pipe(Effect.zipRight(reads), Effect.zipLeft(clear))
      yield* clear
      expect((yield* asked).issuer).toBeGreaterThan(0)
      // Nor is it tried at every request, if these come fast.
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* asked, { resource: 0, issuer: 0 })
      yield* restore
      yield* TestClock.adjust("31 seconds")
      assert.deepStrictEqual(yield* asked, { resource: 1, issuer: 1 })
    }).pipe(Effect.provide(environment({ tokenLifetime: "20 seconds" }))))

  it.scoped("metadata that is read again and is another issuer's by now stops it", () =>
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
    "a server that has another authorization server by then stops it (issuer: %s)",
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

it.scoped("a cache that is closed under its providers does not fail them", () =>
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

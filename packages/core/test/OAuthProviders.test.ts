import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Answer, TestMcpServer, TestNetwork, TestOAuthProvider, TestServers } from "@effect-mcp-auth/testing"
import { HttpClient } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Cause, Context, Data, Duration, Effect, Exit, Fiber, Layer, Redacted, Scope, TestClock } from "effect"
import { OAuthHttpClient, OAuthProviders } from "../src/index.ts"
import { environment, many, outcomes, settle } from "./support/provider.ts"
import { Census } from "./support/runtime.ts"

/** A lookup of providers that do nothing, and the keys of those that were made and closed. */
const makeLookup = <K>(before: (key: K) => Effect.Effect<void, string> = () => Effect.void) => {
  const made: Array<K> = []
  const closed: Array<K> = []
  const lookup = (key: K) =>
    Effect.gen(function*() {
      made.push(key)
      yield* Effect.addFinalizer(() => Effect.sync(() => closed.push(key)))
      yield* before(key)
      return (yield* TestOAuthProvider.make()).provider
    })
  return { lookup, made, closed }
}

/** Uses the key's provider and releases it. */
const use = <K, E>(providers: OAuthProviders.OAuthProviders<K, E>, key: K) => Effect.scoped(providers.get(key))

describe("get: a provider is made", () => {
  it.scoped("a lookup that asks for its own key dies, and says so", () =>
    Effect.gen(function*() {
      const itself: { providers?: OAuthProviders.OAuthProviders<string> } = {}
      itself.providers = yield* OAuthProviders.make({
        lookup: (key: string): ReturnType<OAuthProviders.OAuthProviders<string>["get"]> =>
          itself.providers === undefined ? Effect.never : itself.providers.get(key)
      })
      const exit = yield* Effect.exit(use(itself.providers, "a"))
      assert(Exit.isFailure(exit))
      expect(Cause.pretty(exit.cause)).toContain("The `lookup` of a key asks for the same key.")
    }))

  it.scoped("a provider is made on first use, once for all callers, at the same time or later", () =>
    Effect.gen(function*() {
      const { lookup, made } = makeLookup<string>(() => Effect.sleep(100))
      const providers = yield* OAuthProviders.make({ lookup })
      assert.deepStrictEqual(made, [])
      const calls = yield* many(100, use(providers, "a"))
      yield* TestClock.adjust(100)
      const got = yield* Effect.forEach(calls, Fiber.join)
      expect(new Set([...got, yield* use(providers, "a")]).size).toBe(1)
      assert.deepStrictEqual(made, ["a"])
    }))

  it.scoped("keys that are equal by value have one provider, others have their own", () =>
    Effect.gen(function*() {
      const { lookup, made } = makeLookup<{ readonly server: string; readonly tenant: number }>()
      const providers = yield* OAuthProviders.make({ lookup })
      const key = (tenant: number) => Data.struct({ server: "https://mcp.example.com", tenant })
      expect(yield* use(providers, key(1))).toBe(yield* use(providers, key(1)))
      expect(yield* use(providers, key(2))).not.toBe(yield* use(providers, key(1)))
      assert.deepStrictEqual(made, [key(1), key(2)])
      assert.deepStrictEqual(yield* providers.keys, [key(1), key(2)])
    }))

  it.scoped("the interruption of the first caller does not stop the lookup for the others", () =>
    Effect.gen(function*() {
      const { lookup, made } = makeLookup<string>(() => Effect.sleep(100))
      const providers = yield* OAuthProviders.make({ lookup })
      const first = yield* Effect.fork(use(providers, "a"))
      yield* settle
      const second = yield* Effect.fork(use(providers, "a"))
      yield* settle
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust(100)
      yield* Fiber.join(second)
      assert.deepStrictEqual(made, ["a"])
    }))

  it.scoped("a lookup whose callers are all interrupted continues, and its provider waits for the next caller", () =>
    Effect.gen(function*() {
      const { closed, lookup, made } = makeLookup<string>(() => Effect.sleep(100))
      const providers = yield* OAuthProviders.make({ lookup, idleTimeToLive: 1000 })
      const calls = yield* many(3, use(providers, "a"))
      yield* settle
      yield* Effect.forEach(calls, Fiber.interrupt)
      yield* TestClock.adjust(1099)
      yield* use(providers, "a")
      assert.deepStrictEqual([made, closed], [["a"], []])
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual([made, closed], [["a"], ["a"]])
    }))

  it.scoped("a failed lookup fails all waiting callers, and the next caller tries again", () =>
    Effect.gen(function*() {
      let attempts = 0
      const { closed, lookup, made } = makeLookup<string>(() =>
        Effect.zipRight(Effect.sleep(100), ++attempts === 1 ? Effect.fail("no such tenant") : Effect.void)
      )
      const providers = yield* OAuthProviders.make({ lookup })
      const calls = yield* many(10, Effect.flip(use(providers, "a")))
      yield* TestClock.adjust(100)
      expect(new Set(yield* Effect.forEach(calls, Fiber.join))).toEqual(new Set(["no such tenant"]))
      assert.deepStrictEqual([made, closed, yield* providers.keys], [["a"], ["a"], []])
      const next = yield* Effect.fork(use(providers, "a"))
      yield* TestClock.adjust(100)
      yield* Fiber.join(next)
      assert.deepStrictEqual([made, closed], [["a", "a"], ["a"]])
    }))

  it.scoped.each<readonly [string, () => Effect.Effect<never>]>([
    ["dies", () => Effect.die("bug")],
    ["is interrupted by itself", () => Effect.interrupt],
    ["throws", () => {
      throw new RangeError("bug")
    }]
  ])("the next caller tries again after a lookup that %s", ([, end]) =>
    Effect.gen(function*() {
      let attempts = 0
      const { lookup } = makeLookup<string>()
      const providers = yield* OAuthProviders.make({ lookup: (key: string) => ++attempts === 1 ? end() : lookup(key) })
      const exit = yield* Effect.fork(Effect.exit(use(providers, "a"))).pipe(Effect.flatMap(Fiber.join))
      expect(Exit.isFailure(exit)).toBe(true)
      yield* use(providers, "a")
    }))

  it.scoped("a lookup has the context of `make`, and not of its first caller", () =>
    Effect.gen(function*() {
      class Region extends Context.Tag("test/Region")<Region, string>() {}
      const seen: Array<unknown> = []
      const annotation = Effect.logAnnotations
      const providers = yield* Effect.provideService(
        OAuthProviders.make({
          lookup: (_: string) =>
            Effect.zipRight(
              Effect.map(Effect.all([Region, annotation]), (context) => seen.push(context)),
              Effect.map(TestOAuthProvider.make(), ({ provider }) => provider)
            )
        }),
        Region,
        "the set's"
      )
      yield* use(providers, "a").pipe(
        Effect.provideService(Region, "a caller's"),
        Effect.annotateLogs("caller", "one"),
        Effect.uninterruptible
      )
      assert.deepStrictEqual(seen, [["the set's", yield* annotation]])
    }))
})

describe("a provider is closed when it is not needed", () => {
  const idleTimeToLive = Duration.minutes(10)

  it.scoped("a provider is closed when it has been idle for `idleTimeToLive`", () =>
    Effect.gen(function*() {
      const { closed, lookup, made } = makeLookup<string>()
      const providers = yield* OAuthProviders.make({ lookup })
      yield* use(providers, "a")
      yield* TestClock.adjust("1 minute")
      yield* use(providers, "b")
      yield* TestClock.adjust(Duration.toMillis("9 minutes") - 1)
      assert.deepStrictEqual(closed, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual([closed, yield* providers.keys], [["a"], ["b"]])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([closed, yield* providers.keys], [["a", "b"], []])
      yield* use(providers, "a")
      assert.deepStrictEqual(made, ["a", "b", "a"])
    }))

  it.scoped("a provider in use is not closed, however long it is used", () =>
    Effect.gen(function*() {
      const { closed, lookup } = makeLookup<string>()
      const providers = yield* OAuthProviders.make({ lookup, idleTimeToLive })
      yield* use(providers, "a")
      yield* TestClock.adjust("5 minutes")
      const first = yield* Scope.make()
      const second = yield* Scope.make()
      yield* Scope.extend(providers.get("a"), first)
      yield* TestClock.adjust("1 day")
      yield* Scope.extend(providers.get("a"), second)
      yield* Scope.close(first, Exit.void)
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(closed, [])
      yield* Scope.close(second, Exit.void)
      yield* TestClock.adjust(Duration.toMillis(idleTimeToLive) - 1)
      assert.deepStrictEqual(closed, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(closed, ["a"])
    }))

  it.scoped("each use of a provider starts its idle time anew", () =>
    Effect.gen(function*() {
      const { closed, lookup } = makeLookup<string>()
      const providers = yield* OAuthProviders.make({ lookup, idleTimeToLive })
      for (let minute = 0; minute < 60; minute++) {
        yield* use(providers, "a")
        yield* TestClock.adjust("1 minute")
      }
      assert.deepStrictEqual(closed, [])
      yield* TestClock.adjust("9 minutes")
      assert.deepStrictEqual(closed, ["a"])
    }))

  it.scoped("with `idleTimeToLive` 0 a provider is closed after its use, and with an infinite one never", () =>
    Effect.gen(function*() {
      for (const [time, expected] of [[0, ["a"]], [Duration.infinity, []]] as const) {
        const { closed, lookup } = makeLookup<string>()
        const providers = yield* OAuthProviders.make({ lookup, idleTimeToLive: time })
        yield* use(providers, "a")
        yield* TestClock.adjust(Duration.days(1000))
        assert.deepStrictEqual(closed, [...expected])
      }
    }))

  it.scoped("an `idleTimeToLive` of 60 days, which is longer than a timer can wait, is respected", () =>
    Effect.gen(function*() {
      const { closed, lookup } = makeLookup<string>()
      const providers = yield* OAuthProviders.make({ lookup, idleTimeToLive: "60 days" })
      yield* use(providers, "a")
      yield* TestClock.adjust("59 days")
      assert.deepStrictEqual(closed, [])
      yield* TestClock.adjust("1 days")
      assert.deepStrictEqual(closed, ["a"])
    }))

  it.scoped("above `capacity` the provider that has been idle for longest is closed, and none in use", () =>
    Effect.gen(function*() {
      const { closed, lookup } = makeLookup<string>()
      const providers = yield* OAuthProviders.make({ lookup, capacity: 2 })
      yield* use(providers, "a")
      yield* use(providers, "b")
      yield* use(providers, "a")
      yield* use(providers, "c")
      assert.deepStrictEqual(closed, ["b"])
      yield* Effect.scoped(Effect.gen(function*() {
        for (const key of ["d", "e", "f"]) yield* providers.get(key)
        assert.deepStrictEqual([closed, yield* providers.keys], [["b", "a", "c"], ["d", "e", "f"]])
      }))
      expect(closed).toHaveLength(4)
      expect(yield* providers.keys).toHaveLength(2)
    }))

  it.scoped("an invalidated provider is closed once no caller uses it, and the next caller gets a new one", () =>
    Effect.gen(function*() {
      const { closed, lookup, made } = makeLookup<string>()
      const providers = yield* OAuthProviders.make({ lookup, idleTimeToLive })
      const scope = yield* Scope.make()
      const old = yield* Scope.extend(providers.get("a"), scope)
      yield* providers.invalidate("a")
      yield* providers.invalidate("unknown")
      const next = yield* providers.get("a")
      expect(next).not.toBe(old)
      assert.deepStrictEqual([made, closed], [["a", "a"], []])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(closed, ["a"])
      // The end of the old provider does not affect the new one.
      yield* TestClock.adjust("1 day")
      expect(yield* use(providers, "a")).toBe(next)
      yield* use(providers, "b")
      yield* providers.invalidate("b")
      assert.deepStrictEqual(closed, ["a", "b"])
    }))

  it.scoped("a provider that is invalidated during its lookup still serves the callers that wait for it", () =>
    Effect.gen(function*() {
      const { closed, lookup, made } = makeLookup<string>(() => Effect.sleep(100))
      const providers = yield* OAuthProviders.make({ lookup, idleTimeToLive })
      const call = yield* Effect.fork(use(providers, "a"))
      yield* TestClock.adjust(50)
      yield* providers.invalidate("a")
      const next = yield* Effect.fork(use(providers, "a"))
      yield* TestClock.adjust(100)
      expect(yield* Fiber.join(call)).not.toBe(yield* Fiber.join(next))
      assert.deepStrictEqual([made, closed], [["a", "a"], ["a"]])
    }))
})

describe("when the scope of the set ends", () => {
  const open = <E>(options: OAuthProviders.Options<string, E, Scope.Scope>) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const providers = yield* Scope.extend(OAuthProviders.make(options), scope)
      return { providers, close: Scope.close(scope, Exit.void) }
    })

  it.scoped("all providers are closed: idle, in use, invalidated, and those whose lookup is in flight", () =>
    Effect.gen(function*() {
      const { closed, lookup } = makeLookup<string>((key) => key === "half made" ? Effect.never : Effect.void)
      const { close, providers } = yield* open({ lookup })
      yield* use(providers, "idle")
      yield* providers.get("in use")
      yield* providers.get("invalidated")
      yield* providers.invalidate("invalidated")
      const waiting = yield* Effect.fork(use(providers, "half made"))
      yield* settle
      yield* close
      assert.deepStrictEqual(closed.toSorted(), ["half made", "idle", "in use", "invalidated"])
      for (const exit of [yield* Fiber.await(waiting), yield* Effect.exit(use(providers, "idle"))]) {
        assert(Exit.isFailure(exit))
        expect(Cause.pretty(exit.cause)).toContain("These OAuthProviders are closed")
      }
      assert.deepStrictEqual(yield* providers.keys, [])
    }))

  it.scoped("the other providers are closed although the finalizer of one fails", () =>
    Effect.gen(function*() {
      const { closed, lookup } = makeLookup<string>()
      const scope = yield* Scope.make()
      const providers = yield* Scope.extend(
        OAuthProviders.make({
          lookup: (key: string) =>
            Effect.zipLeft(lookup(key), Effect.addFinalizer(() => key === "b" ? Effect.die("bug") : Effect.void))
        }),
        scope
      )
      for (const key of ["a", "b", "c"]) yield* use(providers, key)
      expect(Exit.isFailure(yield* Effect.exit(Scope.close(scope, Exit.void)))).toBe(true)
      assert.deepStrictEqual(closed.toSorted(), ["a", "b", "c"])
    }))

  it.scoped("the end of the scope waits for a provider that is being closed", () =>
    Effect.gen(function*() {
      const { lookup } = makeLookup<string>()
      let flushed = false
      const { close, providers } = yield* open({
        lookup: (key) =>
          Effect.zipLeft(
            lookup(key),
            Effect.addFinalizer(() => Effect.andThen(Effect.sleep(100), Effect.sync(() => flushed = true)))
          ),
        idleTimeToLive: 0
      })
      yield* use(providers, "a")
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust(99)
      expect(closing.unsafePoll()).toBe(null)
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      expect(flushed).toBe(true)
    }))
})

describe("layer, httpClient and fetch", () => {
  const make = OAuthProviders.make({
    lookup: (clientId: string) =>
      Effect.flatMap(
        TestServers.TestServers,
        ({ clientSecret, issuer, serverUrl }) => ClientSecret.make({ serverUrl, issuer, clientId, clientSecret })
      )
  })

  it.scoped("a key has an HttpClient, a fetch and a Layer, which share one token", () =>
    Effect.gen(function*() {
      const { clientId, network, serverUrl } = yield* TestServers.TestServers
      const providers = yield* make
      const client = yield* providers.httpClient(clientId)
      expect((yield* client.get(serverUrl)).status).toBe(200)
      const fetch = yield* providers.fetch(clientId)
      expect((yield* Effect.promise(() => fetch(serverUrl))).status).toBe(200)
      const program = HttpClient.get(serverUrl)
      const response = yield* program.pipe(
        Effect.provide(Layer.provide(OAuthHttpClient.layer, providers.layer(clientId))),
        Effect.scoped
      )
      expect(response.status).toBe(200)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a set of providers can be an Effect.Service", () =>
    Effect.gen(function*() {
      class Tenants extends Effect.Service<Tenants>()("test/Tenants", { scoped: make }) {}
      const { clientId, serverUrl } = yield* TestServers.TestServers
      const status = yield* Tenants.pipe(
        Effect.flatMap((tenants) => tenants.httpClient(clientId)),
        Effect.flatMap((client) => client.get(serverUrl)),
        Effect.map((response) => response.status),
        Effect.scoped,
        Effect.provide(Tenants.Default)
      )
      expect(status).toBe(200)
    }).pipe(Effect.provide(environment())))
})

describe("a thousand providers", { timeout: 120_000 }, () => {
  const servers = 10
  const identities = 100
  const clientSecret = Redacted.make("secret of all of them")
  const clients = Array.from({ length: identities }, (_, index) => ({ clientId: `client-${index}`, clientSecret }))
  const keys = Array.from(
    { length: servers * identities },
    (_, index) =>
      Data.struct({
        serverUrl: `https://mcp-${index % servers}.example.com/mcp`,
        clientId: `client-${index % identities}`,
        region: index
      })
  )

  /** Without this, the leak recorder would search every span for a thousand secrets. */
  const untraced = Effect.withTracerEnabled(false)

  /** Many servers of one authorization server, whose metadata takes a while. */
  const make = (issuer = "https://auth.example.com") =>
    Effect.gen(function*() {
      const { authorizationServer, network } = yield* TestServers.TestServers
      yield* network.always("authorization-server-metadata", Answer.delayed(50, Answer.proceed))
      yield* network.always("protected-resource-metadata", Answer.delayed(50, Answer.proceed))
      for (let index = 0; index < servers; index++) {
        yield* TestMcpServer.make({
          url: `https://mcp-${index}.example.com/mcp`,
          authorizationServers: [authorizationServer]
        })
      }
      return yield* OAuthProviders.make({
        lookup: ({ clientId, region, serverUrl }: (typeof keys)[number]) =>
          ClientSecret.make({
            serverUrl,
            issuer,
            clientId,
            clientSecret,
            additionalParameters: { region: String(region) }
          }),
        idleTimeToLive: "10 minutes"
      })
    })
  const layer = environment({ authorizationServer: { clients } })
  const callAll = (providers: OAuthProviders.OAuthProviders<(typeof keys)[number], unknown>, count: number) =>
    Effect.forEach(
      keys.slice(0, count),
      (key) => Effect.scoped(Effect.flatMap(providers.get(key), ({ accessToken }) => accessToken)),
      { concurrency: "unbounded" }
    )

  it.scoped.each<readonly [issuer: string, count: number]>([["https://auth.example.com", 1000], ["discover", 200]])(
    "a thousand providers read the authorization server's metadata once, and each server's once (issuer: %s)",
    ([issuer, count]) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        const providers = yield* make(issuer)
        const calls = yield* Effect.fork(callAll(providers, count))
        for (let step = 0; step < 2; step++) yield* TestClock.adjust(50)
        const tokens = yield* Fiber.join(calls)
        expect(new Set(tokens.map(({ value }) => Redacted.value(value))).size).toBe(count)
        expect(yield* network.count("authorization-server-metadata")).toBe(1)
        expect(yield* network.count("protected-resource-metadata")).toBe(servers)
        expect(yield* network.count("token")).toBe(count)
      }).pipe(Effect.provide(layer), untraced)
  )

  it.scoped("a hundred idle providers leave no fiber behind", () =>
    Effect.gen(function*() {
      const census = new Census()
      yield* census.of(
        Effect.gen(function*() {
          const providers = yield* make()
          const calls = yield* Effect.fork(callAll(providers, 100))
          yield* TestClock.adjust(50)
          yield* Fiber.join(calls)
          expect(census.alive).toBeGreaterThan(100)
          yield* TestClock.adjust("11 minutes")
          expect(yield* providers.keys).toHaveLength(0)
          expect(census.alive).toBe(0)
        })
      )
    }).pipe(Effect.provide(layer), untraced))

  it.scoped("two hundred providers under load leave no fiber and no call behind when the scope ends", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.always("token", Answer.delayed("30 seconds", Answer.proceed))
      const census = new Census()
      const scope = yield* Scope.make()
      const providers = yield* census.of(Scope.extend(make(), scope))
      const calls = yield* Effect.forEach(
        keys.slice(0, 200),
        (key) => Effect.fork(Effect.scoped(Effect.flatMap(providers.get(key), ({ accessToken }) => accessToken)))
      )
      yield* TestClock.adjust(100)
      expect(census.alive).toBeGreaterThan(0)
      yield* Scope.close(scope, Exit.void)
      expect((yield* outcomes(calls)).every(Exit.isFailure)).toBe(true)
      expect(census.alive).toBe(0)
    }).pipe(Effect.provide(layer), untraced))
})

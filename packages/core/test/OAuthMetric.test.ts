import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope, TestClock } from "effect"
import { TokenStorage } from "../src/index.ts"
import { environment, makeImpatientProvider, makeProvider, many, settle } from "./support/provider.ts"
import * as Runtime from "./support/runtime.ts"

/** All tests share the registry of metrics, so each test has a label of its own. */
let labels = 0
const measuring = <A, E, R>(test: (measured: typeof measuredBy) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const label = String(labels++)
    return Effect.tagMetrics(test((name) => measuredBy(name, label)), "test", label)
  })

interface Measured {
  readonly attributes: Readonly<Record<string, string>>
  readonly unit: string | undefined
  readonly state: Runtime.Measured
}

const measuredBy = (name: string, label = ""): ReadonlyArray<Measured> =>
  Runtime.measuredSoFar().flatMap((state): ReadonlyArray<Measured> => {
    const { test, unit, ...attributes } = state.attributes
    return state.name === name && test === label ? [{ attributes, unit, state }] : []
  })

const counts = (measured: ReadonlyArray<Measured>) =>
  measured.map(({ attributes, state }) => [attributes, state.sum === undefined ? state.count : NaN])

const sums = (measured: ReadonlyArray<Measured>) =>
  measured.map(({ attributes, state }) => [attributes, state.sum === undefined ? undefined : [state.count, state.sum]])

const histogram = (measured: Measured | undefined) => measured?.state.sum === undefined ? undefined : measured.state

const total = (measured: ReadonlyArray<Measured>) =>
  measured.reduce((sum, { state }) => sum + (state.sum === undefined ? state.count : NaN), 0)

const request = { "oauth.grant.type": "client_credentials", "oauth.reason": "first" }
const failedWith = (type: string) => ({ "oauth.outcome": "failure", "error.type": type })

describe("token requests", () => {
  it.scoped("token requests are counted by grant, reason and outcome", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider()
        const token = yield* provider.accessToken
        yield* provider.renew(token)
        yield* TestClock.adjust("2 hours")
        yield* provider.accessToken
        expect(counts(measured("oauth.client.token.requests"))).toEqual([
          [{ ...request, "oauth.outcome": "success" }, 1],
          [{ ...request, "oauth.reason": "rejected", "oauth.outcome": "success" }, 1],
          [{ ...request, "oauth.reason": "scheduled", "oauth.outcome": "success" }, 1],
          [{ ...request, "oauth.reason": "expired", "oauth.outcome": "success" }, 1]
        ])
        expect(measured("oauth.client.token.requests")[0]?.unit).toBe("{request}")
      })
    ).pipe(Effect.provide(environment({ tokenLifetime: "1 hour" }))))

  it.scoped("failed token requests are counted by few kinds of errors, whatever code the server sends", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        for (
          const answer of [
            Answer.status(503),
            Answer.json({ error: "invalid_client" }, { status: 401 }),
            Answer.json({ error: "E-1742 of tenant 7" }, { status: 400 }),
            Answer.json({ error: "E-1743 of tenant 8" }, { status: 400 }),
            Answer.json({ access_token: "" }),
            Answer.dropped
          ]
        ) {
          yield* network.script("token", answer)
          yield* Effect.scoped(Effect.flatMap(makeImpatientProvider(), ({ accessToken }) => Effect.flip(accessToken)))
        }
        expect(counts(measured("oauth.client.token.requests"))).toEqual([
          [{ ...request, ...failedWith("503") }, 1],
          [{ ...request, ...failedWith("invalid_client") }, 1],
          [{ ...request, ...failedWith("_OTHER") }, 2],
          [{ ...request, ...failedWith("TokenEndpointError.InvalidResponse") }, 1],
          [{ ...request, ...failedWith("TokenEndpointError.Unavailable") }, 1]
        ])
      })
    ).pipe(Effect.provide(environment())))

  it.scoped("interrupted token requests are counted", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        yield* network.script("token", Answer.never)
        const scope = yield* Scope.make()
        const provider = yield* Scope.extend(makeProvider(), scope)
        yield* Effect.fork(provider.accessToken)
        yield* network.awaitRequests("token")
        yield* Scope.close(scope, Exit.void)
        expect(counts(measured("oauth.client.token.requests"))).toEqual([
          [{ ...request, "oauth.outcome": "interrupted" }, 1]
        ])
      })
    ).pipe(Effect.provide(environment())))

  it.scoped("the duration of a request is that of the endpoint, and the duration of an acquisition includes discovery", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        yield* network.script("authorization-server-metadata", Answer.delayed("1 second", Answer.proceed))
        yield* network.script("token", Answer.delayed("2 seconds", Answer.proceed))
        const caller = yield* Effect.fork(provider.accessToken)
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(caller)
        expect(sums(measured("oauth.client.token.request.duration"))).toEqual([
          [{ ...request, "oauth.outcome": "success" }, [1, 2]]
        ])
        const acquired = measured("oauth.client.token.acquisition.duration")
        expect(sums(acquired)).toEqual([
          [
            { "oauth.reason": "first", "oauth.outcome": "success", "oauth.token.source": "authorization_server" },
            [1, 3]
          ]
        ])
        expect(acquired[0]?.unit).toBe("s")
      })
    ).pipe(Effect.provide(environment())))
})

describe("acquisitions", () => {
  const timeToExpiry = "oauth.client.token.time_to_expiry"

  it.scoped("an acquisition is measured also without a token request: from the storage, and after a failed discovery", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        yield* Effect.scoped(Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken))
        yield* Effect.scoped(Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken))
        yield* network.always("authorization-server-metadata", Answer.status(500))
        // A storage of its own: the first one knows what discovery has found.
        const provider = yield* Effect.provideServiceEffect(
          makeImpatientProvider(),
          TokenStorage.TokenStorage,
          TokenStorage.makeMemory
        )
        yield* Effect.flip(provider.accessToken)
        const first = { "oauth.reason": "first" }
        expect(measured("oauth.client.token.acquisition.duration").map(({ attributes }) => attributes)).toEqual([
          { ...first, "oauth.outcome": "success", "oauth.token.source": "authorization_server" },
          { ...first, "oauth.outcome": "success", "oauth.token.source": "storage" },
          { ...first, ...failedWith("DiscoveryError.Unavailable") }
        ])
        expect(total(measured("oauth.client.token.requests"))).toBe(1)
      })
    ).pipe(Effect.provide(environment())))

  it.scoped("time_to_expiry is the rest of the held token's life, and is not measured for a rejected token", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        yield* provider.accessToken
        yield* provider.renew(yield* provider.accessToken)
        expect(measured(timeToExpiry)).toEqual([])
        yield* TestClock.adjust("2 hours")
        yield* provider.accessToken
        const [renewed] = measured(timeToExpiry)
        expect(renewed?.attributes).toEqual({ "oauth.outcome": "success" })
        // Once in the background before the expiry, and once after it.
        expect(histogram(renewed)).toMatchObject({ count: 2, min: 0 })
        expect(histogram(renewed)?.max).toBeGreaterThan(60)
        yield* network.always("token", Answer.dropped)
        yield* provider.accessToken
        yield* TestClock.adjust("55 minutes")
        const [, failed] = measured(timeToExpiry)
        expect(failed?.attributes).toEqual({ "oauth.outcome": "failure" })
        expect(histogram(failed)?.min).toBeGreaterThan(0)
        expect(histogram(failed)?.max).toBeLessThan(3600)
      })
    ).pipe(Effect.provide(environment({ tokenLifetime: "1 hour" }))))
})

describe("waiting callers", () => {
  const waiting = "oauth.client.token.waiting_callers"

  it.scoped("waiting_callers goes up while callers wait, and down when they are served, fail or stop waiting", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeImpatientProvider()
        yield* network.script("token", Answer.delayed("5 seconds", Answer.status(503)), Answer.never)
        const patient = yield* many(3, provider.accessToken)
        const hasty = yield* Effect.fork(Effect.timeoutOption(provider.accessToken, "1 second"))
        const gone = yield* Effect.fork(provider.accessToken)
        yield* settle
        expect(counts(measured(waiting))).toEqual([[{}, 5]])
        yield* Fiber.interrupt(gone)
        expect(total(measured(waiting))).toBe(4)
        yield* TestClock.adjust("1 second")
        expect(Option.isNone(yield* Fiber.join(hasty))).toBe(true)
        expect(total(measured(waiting))).toBe(3)
        yield* TestClock.adjust("4 seconds")
        yield* Effect.forEach(patient, Fiber.await)
        expect(total(measured(waiting))).toBe(0)
      })
    ).pipe(Effect.provide(environment())))

  it.scoped("waiting_callers is 0 after the provider is closed while callers wait", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const scope = yield* Scope.make()
        const provider = yield* Scope.extend(makeProvider(), scope)
        yield* network.always("token", Answer.never)
        const callers = yield* many(10, provider.accessToken)
        yield* network.awaitRequests("token")
        expect(total(measured(waiting))).toBe(10)
        yield* Scope.close(scope, Exit.void)
        yield* Effect.forEach(callers, Fiber.await)
        expect(total(measured(waiting))).toBe(0)
      })
    ).pipe(Effect.provide(environment())))

  it.scoped("waiting_callers is 0 during a renewal in the background", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        yield* provider.accessToken
        yield* provider.accessToken
        yield* network.clear
        yield* network.always("token", Answer.never)
        yield* TestClock.adjust("58 minutes")
        expect(yield* network.count("token")).toBeGreaterThan(0)
        yield* provider.accessToken
        expect(total(measured(waiting))).toBe(0)
      })
    ).pipe(Effect.provide(environment({ tokenLifetime: "1 hour" }))))
})

describe("cache hits", () => {
  it.scoped("cache.hits counts calls that got their token from memory, by accessToken and by unsafeFresh", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider()
        yield* provider.accessToken
        expect(measured("oauth.client.token.cache.hits")).toEqual([])
        yield* Effect.repeatN(provider.accessToken, 9)
        provider.unsafeFresh()
        expect(counts(measured("oauth.client.token.cache.hits"))).toEqual([[{}, 11]])
        yield* TestClock.adjust("2 hours")
        provider.unsafeFresh()
        expect(total(measured("oauth.client.token.cache.hits"))).toBe(11)
      })
    ).pipe(Effect.provide(environment({ tokenLifetime: "1 hour" }))))
})

describe("labels of metrics", () => {
  it.scoped("labels around the making of a provider are on all of its metrics, and on no other provider's", () =>
    Effect.gen(function*() {
      const tenant = (name: string) => Effect.tagMetrics(makeProvider({ additionalParameters: { name } }), "test", name)
      const [first, second] = yield* Effect.all([tenant("tenant-1"), tenant("tenant-2")])
      yield* first.accessToken
      yield* first.accessToken
      yield* second.accessToken.pipe(Effect.tagMetrics("test", "the caller's"))
      const names = new Set(Runtime.measuredSoFar().map(({ name }) => name))
      const seen = [...names].filter((name) => name.startsWith("oauth.client.token."))
      expect(seen.filter((name) => measuredBy(name, "tenant-1").length > 0)).toHaveLength(5)
      expect(total(measuredBy("oauth.client.token.requests", "tenant-1"))).toBe(1)
      expect(total(measuredBy("oauth.client.token.requests", "tenant-2"))).toBe(1)
      expect(seen.flatMap((name) => measuredBy(name, "the caller's"))).toEqual([])
    }).pipe(Effect.provide(environment()), Effect.provide(TokenStorage.layerMemory)))
})

describe("failures of the storage", () => {
  it.scoped("storage failures are counted by operation and reason", () =>
    measuring((measured) =>
      Effect.gen(function*() {
        const dies = () => Effect.die("a bug")
        yield* makeProvider().pipe(
          Effect.flatMap(({ accessToken }) => accessToken),
          Effect.provideService(
            TokenStorage.TokenStorage,
            TokenStorage.make({ get: dies, set: dies, remove: dies, lease: dies })
          )
        )
        yield* settle
        const failed = (operation: string) => ({ "oauth.storage.operation": operation, "error.type": "Unavailable" })
        expect(counts(measured("oauth.client.token.storage.failures"))).toEqual([
          [failed("get"), 2],
          [failed("lease"), 1],
          [failed("set"), 1]
        ])
      })
    ).pipe(Effect.provide(environment())))
})

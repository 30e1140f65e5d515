import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { HttpClient } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Option, Random, TestClock } from "effect"
import { AccessToken, Challenge, ClientAuthentication, type Grant, OAuthProvider } from "../../../src/index.ts"
import { environment, impatient, makeProvider, many, outcomes, settle, tags, watch } from "../../support/provider.ts"
import { connectionError, disconnected } from "../../support/wire.ts"

describe("an authorization server that is away", () => {
  it.scoped("a server known to be away in the mandatory part: callers get the held token immediately", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const token = yield* provider.accessToken
      yield* network.always("token", Answer.never)
      yield* TestClock.adjust("59 minutes")
      yield* TestClock.adjust("15 seconds")
      expect(yield* provider.accessToken).toBe(token)
      expect(provider.unsafeFresh()).toBe(token)
    }).pipe(Effect.provide(environment())))

  it.scoped("a Retry-After of centuries counts as an hour, and a clock that is set back does not prolong it", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* TestClock.setTime(1_000_000_000)
      const provider = yield* makeProvider(impatient)
      const far = Answer.status(503, { headers: { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" } })
      yield* network.script("token", far, far)
      yield* Effect.flip(provider.accessToken)
      yield* Effect.flip(provider.accessToken)
      expect(yield* network.count("token")).toBe(1)
      yield* TestClock.setTime(0)
      yield* Effect.flip(provider.accessToken)
      yield* TestClock.adjust("1 hour")
      yield* provider.accessToken
      expect(yield* network.count("token")).toBe(3)
    }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(environment())))

  it.scoped.each(
    [
      ["CERT_HAS_EXPIRED", "CannotSend", 1],
      ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CannotSend", 1],
      ["ERR_SSL_WRONG_VERSION_NUMBER", "CannotSend", 1],
      ["ENOTFOUND", "Unavailable", 2],
      ["ECONNREFUSED", "Unavailable", 2]
    ] as const
  )(
    "a token endpoint that fails with %s is %s: %i attempts within the patience of callers",
    ([code, reason, attempts]) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        let failures = 0
        const broken = HttpClient.make((request) => {
          if (request.method !== "POST") return network.httpClient.execute(request)
          failures++
          return disconnected(connectionError(code)).execute(request)
        })
        const provider = yield* makeProvider({
          refreshPolicy: { patience: { withToken: Duration.zero, withoutToken: Duration.millis(1600) } }
        }).pipe(Effect.provideService(HttpClient.HttpClient, broken))
        const caller = yield* Effect.fork(Effect.flip(provider.accessToken))
        yield* TestClock.adjust("1600 millis")
        const error = yield* Fiber.join(caller)
        expect(error).toMatchObject({ _tag: "TokenEndpointError", reason })
        expect(error.message).toContain(code)
        expect(failures).toBe(attempts)
        // A lasting fault answers later callers for `refusalMemory`, and then one of them tries again.
        yield* Effect.flip(provider.accessToken).pipe(Effect.fork, Effect.zipLeft(TestClock.adjust("100 millis")))
        yield* TestClock.adjust("10 seconds")
        const before = failures
        yield* Effect.fork(Effect.flip(provider.accessToken))
        yield* TestClock.adjust("1 second")
        expect(failures).toBeGreaterThan(before)
      }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(environment()))
  )

  it.scoped.each(["protected-resource-metadata", "authorization-server-metadata"] as const)(
    "a Retry-After of the %s: callers fail immediately, and no request comes before its time",
    (endpoint) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider({ issuer: "discover" })
        const isMetadata = ({ url }: { readonly url: string }) => url.includes("/.well-known/")
        yield* network.always(endpoint, Answer.status(429, { headers: { "retry-after": "60" } }))
        expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ _tag: "DiscoveryError", retryAfter: 60_000 })
        yield* network.restore
        yield* network.clear
        yield* TestClock.adjust("59 seconds")
        yield* Effect.flip(provider.accessToken)
        expect(yield* network.count(isMetadata)).toBe(0)
        yield* TestClock.adjust("1 second")
        yield* provider.accessToken
        expect(yield* network.count(isMetadata)).toBeGreaterThan(0)
      }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(environment()))
  )

  it.scoped("a token endpoint that has moved is discovered again after its old host has not answered three times", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider(impatient)
      yield* network.script("token", Answer.dropped, Answer.dropped, Answer.dropped)
      for (let attempt = 0; attempt < 3; attempt++) {
        yield* Effect.flip(provider.accessToken)
        yield* TestClock.adjust("6 seconds")
      }
      expect(yield* network.count("authorization-server-metadata")).toBe(1)
      yield* provider.accessToken
      expect(yield* network.count("authorization-server-metadata")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("a token endpoint whose host has another certificate three times is discovered again", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      let failures = 0
      const moved = HttpClient.make((request) =>
        request.method === "POST" && failures++ < 3
          ? disconnected(connectionError("ERR_TLS_CERT_ALTNAME_INVALID")).execute(request)
          : network.httpClient.execute(request)
      )
      const provider = yield* makeProvider(impatient).pipe(Effect.provideService(HttpClient.HttpClient, moved))
      for (let attempt = 0; attempt < 3; attempt++) {
        expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ reason: "CannotSend" })
        yield* TestClock.adjust("30 seconds")
      }
      yield* provider.accessToken
      expect(yield* network.count("authorization-server-metadata")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("callers without a token wait for the server to come back, and cause at most one request a second", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.always("token", Answer.status(503))
      const callers = yield* many(100, provider.accessToken)
      yield* TestClock.adjust("2 seconds")
      const late = yield* many(100, provider.accessToken)
      yield* network.restore
      yield* TestClock.adjust("3 seconds")
      expect((yield* outcomes([...callers, ...late])).every(Exit.isSuccess)).toBe(true)
      const attempts = yield* network.requestsTo("token")
      expect(attempts.length).toBe(3)
      attempts.slice(1).forEach(({ at }, index) => expect(at - (attempts[index]?.at ?? 0)).toBeGreaterThanOrEqual(1000))
    }).pipe(Effect.provide(environment())))

  it.scoped("an outage longer than the patience: waiters fail with its cause, and later callers fail immediately", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.always("token", Answer.status(503))
      const first = yield* Effect.fork(Effect.flip(provider.accessToken))
      yield* TestClock.adjust("25 seconds")
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "TokenEndpointError", status: 503 })
      const asked = yield* network.count("token")
      yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.flip(provider.accessToken))
      expect(yield* network.count("token")).toBe(asked)
    }).pipe(Effect.provide(environment())))

  it.scoped("an outage of minutes under load: at most one request a second, ever fewer, and then a token again", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.always("token", Answer.dropped)
      for (let tick = 0; tick < 600; tick++) {
        yield* Effect.fork(Effect.ignore(provider.accessToken))
        yield* TestClock.adjust("500 millis")
      }
      const attempts = yield* network.requestsTo("token")
      expect(attempts.length).toBeLessThan(20)
      attempts.slice(1).forEach(({ at }, index) => expect(at - (attempts[index]?.at ?? 0)).toBeGreaterThanOrEqual(1000))
      yield* network.restore
      // The longest wait of the backoff, and half of it by the jitter.
      yield* TestClock.adjust("45 seconds")
      yield* provider.accessToken
    }).pipe(Effect.provide(environment())))

  it.scoped("a second outage long after the first: callers wait as long as in the first", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.always("token", Answer.status(503))
      const first = yield* Effect.fork(Effect.flip(provider.accessToken))
      yield* TestClock.adjust("25 seconds")
      yield* Fiber.join(first)
      yield* TestClock.adjust("1 hour")
      const second = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("1 second")
      yield* network.restore
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(second)
    }).pipe(Effect.provide(environment())))

  it.scoped("a Retry-After longer than the patience: callers fail immediately, and no request comes before it", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", Answer.status(429, { headers: { "retry-after": "60" } }))
      expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ status: 429, retryAfter: 60_000 })
      yield* TestClock.adjust("59 seconds")
      yield* Effect.flip(provider.accessToken)
      expect(yield* network.count("token")).toBe(1)
      yield* TestClock.adjust("1 second")
      yield* provider.accessToken
    }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(environment())))

  it.scoped("a caller's own time limit in an outage ends its wait, and no other caller's", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", Answer.status(503))
      const hasty = yield* Effect.fork(Effect.timeoutOption(provider.accessToken, "100 millis"))
      const patient = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("100 millis")
      expect(Option.isNone(yield* Fiber.join(hasty))).toBe(true)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(patient)
    }).pipe(Effect.provide(environment())))

  it.scoped("a provider that is closed in an outage fails the callers that wait for the next attempt, and makes no attempt", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const waiting = yield* Effect.scoped(Effect.gen(function*() {
        const provider = yield* makeProvider()
        yield* network.script("token", Answer.status(503))
        const fiber = yield* Effect.forkDaemon(provider.accessToken)
        yield* settle
        expect(fiber.unsafePoll()).toBe(null)
        return fiber
      }))
      expect(Exit.isFailure(yield* Fiber.await(waiting))).toBe(true)
      yield* TestClock.adjust("1 hour")
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a hanging server in the mandatory part: the first caller waits a second, and later ones do not wait", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const seen = yield* watch(provider)
      yield* provider.accessToken
      yield* TestClock.adjust("55 minutes")
      // The background has renewed the token, and does not renew the new one while nobody uses it.
      const renewed = (yield* seen).flatMap((event) => event._tag === "TokenRenewed" ? [event.token] : [])[0]
      expect(renewed).toBeDefined()
      yield* TestClock.setTime((renewed?.expiresAt ?? 0) - 30_000)
      yield* network.always("token", Answer.never)
      const waiting = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("999 millis")
      expect(waiting.unsafePoll()).toBe(null)
      expect(provider.unsafeFresh()).toBe(undefined)
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(waiting)).toBe(renewed)
      expect(provider.unsafeFresh()).toBe(renewed)
      expect(yield* network.count("token")).toBe(3)
    }).pipe(Effect.provide(environment())))

  it.scoped("a caller whose token expires while it waits for a hanging server gets the token of the next attempt", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const { expiresAt } = yield* provider.accessToken
      yield* network.script("token", Answer.never, Answer.never)
      yield* TestClock.setTime(expiresAt - 500)
      const waiting = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("25 seconds")
      expect((yield* Fiber.join(waiting)).expiresAt).toBeGreaterThan(expiresAt)
    }).pipe(Effect.provide(environment())))

  it.scoped("callers with a token do not use up the patience of those that come after its expiry", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const urgentBackoff = { base: "1 second", max: "5 seconds" } as const
      const provider = yield* makeProvider({ refreshPolicy: { urgentBackoff } })
      const token = yield* provider.accessToken
      yield* network.always("token", Answer.status(503))
      yield* TestClock.setTime(token.expiresAt - 50_000)
      const early = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("50 seconds")
      expect(yield* Fiber.join(early)).toBe(token)
      const late = yield* Effect.fork(provider.accessToken)
      yield* settle
      expect(late.unsafePoll()).toBe(null)
      yield* network.restore
      yield* TestClock.adjust("24 seconds")
      expect((yield* Fiber.join(late)).expiresAt).toBeGreaterThan(token.expiresAt)
    }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(environment())))

  it.scoped("a step-up during a known failure makes no request and returns the held token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      yield* network.always("token", Answer.status(503))
      const challenge = Challenge.parse(`Bearer error="insufficient_scope", scope="admin"`)[0]
      expect(yield* Effect.flip(provider.renew(token, challenge))).toMatchObject({ status: 503 })
      expect(yield* provider.renew(token, challenge)).toBe(token)
      expect(yield* network.count("token")).toBe(2)
      yield* network.restore
      yield* TestClock.adjust("2 seconds")
      expect((yield* provider.renew(token, challenge)).scopes).toEqual(["mcp", "admin"])
    }).pipe(Effect.provide(environment())))

  it.scoped("an outage of two seconds around the expiry fails no call and delivers no expired token, whatever the life", () =>
    Effect.gen(function*() {
      for (const life of [3, 8, 30, 60, 3600]) {
        const run = Effect.gen(function*() {
          const { network } = yield* TestServers.TestServers
          const clock = yield* Effect.clock
          const provider = yield* makeProvider()
          const { issuedAt } = yield* provider.accessToken
          const calls: Array<Fiber.RuntimeFiber<AccessToken.AccessToken, unknown>> = []
          const step = Math.min(100, life * 10)
          // Only the last seconds matter here.
          yield* TestClock.adjust(Duration.millis(Math.max(0, life * 500)))
          while (clock.unsafeCurrentTimeMillis() < issuedAt + life * 1000 + 6000) {
            const left = issuedAt + life * 1000 - clock.unsafeCurrentTimeMillis()
            yield* left <= 1000 && left > -1000 ? network.always("token", Answer.dropped) : network.restore
            calls.push(
              yield* Effect.fork(
                Effect.tap(
                  provider.accessToken,
                  (token) =>
                    Effect.sync(() => expect(AccessToken.isValidAt(token, clock.unsafeCurrentTimeMillis())).toBe(true))
                )
              )
            )
            yield* TestClock.adjust(Duration.millis(life > 60 && left > 2000 ? 10_000 : step))
          }
          expect((yield* outcomes(calls)).filter(Exit.isFailure)).toEqual([])
        })
        yield* run.pipe(Effect.scoped, Effect.provide(environment({ tokenLifetime: Duration.seconds(life) })))
      }
    }))
})

describe("a token response", () => {
  it.scoped("a token response with refresh_in is renewed at that time", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always("token", Answer.modified((json) => ({ ...json, refresh_in: 600 })))
      const provider = yield* makeProvider()
      const token = yield* provider.accessToken
      expect(token.refreshAt).toBe(token.issuedAt + 600_000)
      yield* TestClock.adjust(Duration.millis(600_000 - 1))
      yield* provider.accessToken
      expect(yield* network.count("token")).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(environment())))

  it.scoped("a token response with a malformed refresh_in is used without it", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const wrong = { soon: "soon", negative: -1, none: null, object: {}, truth: true }
      for (const [scope, refreshIn] of Object.entries(wrong)) {
        yield* network.script("token", Answer.modified((json) => ({ ...json, refresh_in: refreshIn })))
        const provider = yield* makeProvider({ scopes: [scope] })
        expect((yield* provider.accessToken).refreshAt).toBe(undefined)
      }
    }).pipe(Effect.provide(environment({ scopes: ["soon", "negative", "none", "object", "truth"] }))))

  it.scoped("a token response with refresh_in 0 is renewed after a tenth of the life", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always("token", Answer.modified((json) => ({ ...json, refresh_in: 0 })))
      const provider = yield* makeProvider()
      const token = yield* provider.accessToken
      expect((token.refreshAt ?? 0) - token.issuedAt).toBe(360_000)
    }).pipe(Effect.provide(environment())))
})

describe("renewing unused tokens", () => {
  it.scoped("`renewUnused` renews an unused token, also after an outage that outlived the token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ refreshPolicy: { renewUnused: true } })
      const seen = yield* watch(provider)
      yield* provider.accessToken
      yield* TestClock.adjust("24 hours")
      expect(yield* network.count("token")).toBeGreaterThan(24)
      yield* network.always("token", Answer.dropped)
      yield* TestClock.adjust("2 hours")
      yield* network.restore
      yield* TestClock.adjust("1 minute")
      expect(provider.unsafeFresh()).toBeDefined()
      expect(tags(yield* seen).at(-1)).toBe("TokenRenewed")
    }).pipe(Effect.provide(environment())))
})

describe("a bug below the provider", () => {
  const grantOf = (parameters: Grant.Grant["parameters"]) => ({ type: "client_credentials", parameters })

  const makeOver = (grant: Grant.Grant) =>
    Effect.flatMap(TestServers.TestServers, ({ clientId, clientSecret, issuer, serverUrl }) =>
      OAuthProvider.make({
        serverUrl,
        issuer,
        grant,
        clientAuthentication: ClientAuthentication.clientSecretBasic({ clientId, clientSecret })
      }))

  it.scoped("a grant that dies does not run again for every call, and callers with a token use it", () =>
    Effect.gen(function*() {
      let runs = 0
      let broken = true
      const provider = yield* makeOver(grantOf(() =>
        Effect.suspend(() => {
          runs++
          return broken ? Effect.dieMessage("a bug") : Effect.succeed({})
        })
      ))
      for (let call = 0; call < 100; call++) expect(Exit.isFailure(yield* Effect.exit(provider.accessToken))).toBe(true)
      expect(runs).toBe(1)
      broken = false
      yield* TestClock.adjust("5 seconds")
      const token = yield* provider.accessToken
      broken = true
      yield* TestClock.adjust("59 minutes")
      expect(yield* provider.accessToken).toBe(token)
    }).pipe(Effect.provide(environment())))

  it.scoped("an interrupted grant fails callers with that reason, and the background renews when it works again", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      let interrupts = false
      const provider = yield* makeOver(
        grantOf(() => Effect.suspend(() => interrupts ? Effect.interrupt : Effect.succeed({})))
      )
      yield* provider.accessToken
      interrupts = true
      yield* TestClock.adjust("1 hour")
      const exit = yield* Effect.exit(provider.accessToken)
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("interrupted from below")
      interrupts = false
      yield* TestClock.adjust("1 minute")
      yield* provider.accessToken
      yield* network.clear
      yield* TestClock.adjust("58 minutes")
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))
})

describe("a server that answers 401 and 403 in turn", () => {
  it.scoped("a server that alternates between 401 and 403 costs a bounded number of token requests", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      // A response without `scope` means that all requested scopes are granted.
      yield* network.always("token", Answer.modified(({ scope: _, ...json }) => json))
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      for (let call = 0; call < 200; call++) {
        const token = yield* provider.accessToken
        const renewed = yield* provider.renew(token)
        yield* provider.renew(renewed, Challenge.parse(`Bearer error="insufficient_scope", scope="x${call}"`)[0])
        yield* TestClock.adjust("10 millis")
      }
      expect(yield* network.count("token")).toBeLessThan(30)
    }).pipe(Effect.provide(environment({ scopes: ["mcp", ...Array.from({ length: 200 }, (_, i) => `x${i}`)] }))))
})

describe("many providers with the same Retry-After", () => {
  it.scoped("providers that got the same Retry-After do not all come back in the same second", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const providers = yield* Effect.forEach(
        Array.from({ length: 20 }),
        (_, index) => makeProvider({ ...impatient, additionalParameters: { tenant: String(index) } })
      )
      yield* network.always("token", Answer.status(503, { headers: { "retry-after": "100" } }))
      yield* Effect.forEach(providers, ({ accessToken }) => Effect.flip(accessToken), { concurrency: "unbounded" })
      yield* network.clear
      for (let second = 0; second < 115; second++) {
        yield* TestClock.adjust("1 second")
        yield* Effect.forEach(providers, ({ accessToken }) => Effect.exit(accessToken), { concurrency: "unbounded" })
      }
      const seconds = new Set((yield* network.requestsTo("token")).map(({ at }) => Math.floor(at / 1000)))
      expect(seconds.size).toBeGreaterThan(4)
    }).pipe(Effect.provide(environment())))
})

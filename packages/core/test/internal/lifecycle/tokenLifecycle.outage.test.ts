import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Option, Random, TestClock } from "effect"
import { AccessToken, Challenge, ClientAuthentication, type Grant, OAuthProvider } from "../../../src/index.ts"
import { environment, impatient, makeProvider, many, outcomes, settle, tags, watch } from "../../support/provider.ts"

describe("an authorization server that is away", () => {
  it.scoped("in the mandatory part, and known to be away: the token in hand serves at once", () =>
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

  it.scoped("a Retry-After of centuries is not believed, nor does a clock that went back prolong it", () =>
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

  it.scoped("a token endpoint that has moved is found again when its old host does not answer any more", () =>
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

  it.scoped("and there is no token: callers wait for it to come back, in as few requests as seconds", () =>
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

  it.scoped("for longer than callers wait: each is told the cause, and who comes later is told at once", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.always("token", Answer.status(503))
      const first = yield* Effect.fork(Effect.flip(provider.accessToken))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "TokenEndpointError", status: 503 })
      const asked = yield* network.count("token")
      yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.flip(provider.accessToken))
      expect(yield* network.count("token")).toBe(asked)
    }).pipe(Effect.provide(environment())))

  it.scoped("for minutes, under load: at most a request a second, ever fewer, and the first after it is back serves", () =>
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
      // The longest step, half as much again by the roll.
      yield* TestClock.adjust("45 seconds")
      yield* provider.accessToken
    }).pipe(Effect.provide(environment())))

  it.scoped("again, long after the last time: callers are as patient as then", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.always("token", Answer.status(503))
      const first = yield* Effect.fork(Effect.flip(provider.accessToken))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(first)
      yield* TestClock.adjust("1 hour")
      const second = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("1 second")
      yield* network.restore
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(second)
    }).pipe(Effect.provide(environment())))

  it.scoped("and says for longer than callers wait: they are told at once", () =>
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

  it.scoped("and a caller has a time limit of its own: that ends its wait, and no other caller's", () =>
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

  it.scoped("and the provider ends: those who wait for the next attempt are told so", () =>
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

  it.scoped("hanging, and the token in hand is in its mandatory part: one wait of a second, then none", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const seen = yield* watch(provider)
      yield* provider.accessToken
      yield* TestClock.adjust("55 minutes")
      // The background has renewed it, and lets the new one be for as long as nobody uses it.
      const renewed = (yield* seen).flatMap((event) => event._tag === "TokenRenewed" ? [event.token] : [])[0]
      expect(renewed).toBeDefined()
      yield* TestClock.setTime((renewed?.expiresAt ?? 0) - 30_000)
      yield* network.always("token", Answer.never)
      const waiting = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("999 millis")
      expect(waiting.unsafePoll()).toBe(null)
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(waiting)).toBe(renewed)
      expect(provider.unsafeFresh()).toBe(renewed)
      expect(yield* network.count("token")).toBe(3)
    }).pipe(Effect.provide(environment())))

  it.scoped("a step-up is not tried, and the token in hand stays", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"] })
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

  it.scoped("around an expiry, whatever the life: no call fails and no expired token is given out", () =>
    Effect.gen(function*() {
      for (const life of [3, 8, 30, 60, 3600]) {
        const run = Effect.gen(function*() {
          const { network } = yield* TestServers.TestServers
          const clock = yield* Effect.clock
          const provider = yield* makeProvider()
          const { issuedAt } = yield* provider.accessToken
          const calls: Array<Fiber.RuntimeFiber<AccessToken.AccessToken, unknown>> = []
          const step = Math.min(100, life * 10)
          // Only the last seconds are of interest.
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

describe("a token's answer", () => {
  it.scoped("that says when to renew is heeded", () =>
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

  it.scoped("whose refresh_in is of no use is taken without it", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const wrong = { soon: "soon", negative: -1, none: null, object: {}, truth: true }
      for (const [scope, refreshIn] of Object.entries(wrong)) {
        yield* network.script("token", Answer.modified((json) => ({ ...json, refresh_in: refreshIn })))
        const provider = yield* makeProvider({ scopes: [scope] })
        expect((yield* provider.accessToken).refreshAt).toBe(undefined)
      }
    }).pipe(Effect.provide(environment({ scopes: ["soon", "negative", "none", "object", "truth"] }))))

  it.scoped("that would have it renewed all the time does not", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always("token", Answer.modified((json) => ({ ...json, refresh_in: 0 })))
      const provider = yield* makeProvider()
      const token = yield* provider.accessToken
      expect((token.refreshAt ?? 0) - token.issuedAt).toBe(360_000)
    }).pipe(Effect.provide(environment())))
})

describe("renewing what nobody uses", () => {
  it.scoped("is done where it is asked for, also after an outage that outlived the token", () =>
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

describe("what is below it", () => {
  const grantOf = (parameters: Grant.Grant["parameters"]) => ({ type: "client_credentials", parameters })

  const makeOver = (grant: Grant.Grant) =>
    Effect.flatMap(TestServers.TestServers, ({ clientId, clientSecret, issuer, serverUrl }) =>
      OAuthProvider.make({
        serverUrl,
        issuer,
        grant,
        clientAuthentication: ClientAuthentication.clientSecretBasic({ clientId, clientSecret })
      }))

  it.scoped("dies: it is not run again for every call, and who has a token goes on with it", () =>
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

  it.scoped("is interrupted: callers are told so, and the background goes on once it is mended", () =>
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

describe("a server that rejects and asks for more in turn", () => {
  it.scoped("costs a bounded number of token requests", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      // It grants whatever is asked for, in name only.
      yield* network.always("token", Answer.modified(({ scope: _, ...json }) => json))
      const provider = yield* makeProvider({ scopes: ["mcp"] })
      for (let call = 0; call < 200; call++) {
        const token = yield* provider.accessToken
        const renewed = yield* provider.renew(token)
        yield* provider.renew(renewed, Challenge.parse(`Bearer error="insufficient_scope", scope="x${call}"`)[0])
        yield* TestClock.adjust("10 millis")
      }
      expect(yield* network.count("token")).toBeLessThan(30)
    }).pipe(Effect.provide(environment({ scopes: ["mcp", ...Array.from({ length: 200 }, (_, i) => `x${i}`)] }))))
})

describe("many that were told the same moment", () => {
  it.scoped("do not come back all at once", () =>
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

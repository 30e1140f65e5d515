import { describe, expect, it } from "@effect/vitest"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import {
  Cause,
  Deferred,
  Duration,
  Effect,
  Encoding,
  Exit,
  Fiber,
  LogLevel,
  Option,
  Random,
  Redacted,
  Scope,
  TestClock
} from "effect"
import { AccessToken, Challenge, ClientAuthentication, OAuthError, OAuthProvider } from "../../../src/index.ts"
import { changedClock } from "../../support/changedClock.ts"
import { type Line, logging } from "../../support/logging.ts"
import {
  environment,
  impatient,
  makeProvider,
  many,
  outcomes,
  settle,
  tags,
  valueOf,
  watch
} from "../../support/provider.ts"

const insufficient = (scope: string) => Challenge.parse(`Bearer error="insufficient_scope", scope="${scope}"`)[0]

const diedOfClosing = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.isDie(exit.cause) && Cause.pretty(exit.cause).includes("This OAuthProvider is closed")

describe("one acquisition for all callers", () => {
  it.scoped("1,000 callers of which 500 are interrupted: one token request, and no other caller fails", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", Answer.delayed("1 second", Answer.proceed))
      const fibers = yield* many(1000, provider.accessToken)
      yield* network.awaitRequests("token")
      const interrupted = new Set([...yield* Random.shuffle(fibers)].slice(0, 500))
      yield* Effect.forEach(interrupted, Fiber.interrupt, { concurrency: "unbounded" })
      yield* TestClock.adjust("1 second")
      const exits = yield* outcomes(fibers)
      exits.forEach((exit, index) => {
        const fiber = fibers[index]
        expect(Exit.isSuccess(exit)).toBe(fiber !== undefined && !interrupted.has(fiber))
      })
      expect(yield* network.count("token")).toBe(1)
      expect(yield* network.count("protected-resource-metadata")).toBe(1)
      expect(yield* network.count("authorization-server-metadata")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("an interruption of the first caller neither cancels the request nor fails other callers", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", Answer.delayed("1 second", Answer.proceed))
      const first = yield* Effect.fork(provider.accessToken)
      yield* network.awaitRequests("token")
      const second = yield* Effect.fork(provider.accessToken)
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      expect(Exit.isSuccess(yield* Fiber.await(second))).toBe(true)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a caller's own time limit ends its wait and no other caller's", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", Answer.delayed("5 seconds", Answer.proceed))
      const hasty = yield* Effect.fork(Effect.timeoutOption(provider.accessToken, "1 second"))
      const patient = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("1 second")
      expect(Option.isNone(yield* Fiber.join(hasty))).toBe(true)
      yield* TestClock.adjust("4 seconds")
      yield* Fiber.join(patient)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("an uninterruptible first caller does not make the acquisition outlive its provider", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const scope = yield* Scope.make()
      const provider = yield* Scope.extend(makeProvider(), scope)
      yield* network.script("token", Answer.never)
      const caller = yield* Effect.fork(Effect.uninterruptible(provider.accessToken))
      yield* network.awaitRequests("token")
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.map(Fiber.await(caller), diedOfClosing)).toBe(true)
      expect((yield* network.requestsTo("token"))[0]?.outcome._tag).toBe("Interrupted")
    }).pipe(Effect.provide(environment())))

  it.scoped("a provider that is used after its scope has ended dies with that reason", () =>
    Effect.gen(function*() {
      const provider = yield* Effect.scoped(makeProvider())
      expect(diedOfClosing(yield* Effect.exit(provider.accessToken))).toBe(true)
      expect(provider.unsafeFresh()).toBe(undefined)
    }).pipe(Effect.provide(environment())))

  it.scoped("after a failed acquisition the next caller makes another request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider(impatient)
      yield* network.script("token", Answer.status(503))
      const exits = yield* Effect.all([Effect.exit(provider.accessToken), Effect.exit(provider.accessToken)], {
        concurrency: "unbounded"
      })
      expect(exits.every(Exit.isFailure)).toBe(true)
      yield* TestClock.adjust("2 seconds")
      yield* provider.accessToken
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("two providers of one key that share a storage make one token request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const providers = yield* Effect.all([makeProvider(), makeProvider()])
      yield* network.script("token", Answer.delayed("1 second", Answer.proceed))
      const fiber = yield* Effect.fork(
        Effect.forEach(providers, ({ accessToken }) => accessToken, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      const [a, b] = yield* Fiber.join(fiber)
      expect(a?.value).toEqual(b?.value)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("providers with other scopes, parameters or client authentication do not share tokens", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const providers = yield* Effect.all([
        makeProvider(),
        makeProvider({ scopes: ["mcp"] }),
        makeProvider({ tokenEndpointAuthMethod: "client_secret_post" }),
        makeProvider({ additionalParameters: { audience: "x" } })
      ])
      yield* Effect.forEach(providers, ({ accessToken }) => accessToken)
      expect(yield* network.count("token")).toBe(4)
    }).pipe(Effect.provide(environment())))
})

describe("a token's three parts of life", () => {
  const hour = environment({ tokenLifetime: "1 hour" })

  it.scoped("a fresh token comes from memory without a request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const first = yield* provider.accessToken
      yield* TestClock.adjust("40 minutes")
      expect(yield* provider.accessToken).toBe(first)
      expect(provider.unsafeFresh()).toBe(first)
      expect((yield* network.requests).length).toBe(3)
    }).pipe(Effect.provide(hour)))

  it.scoped("a token in the advisory part is renewed in the background by one request, and callers get the old one meanwhile", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ requestTimeout: "1 hour" })
      const seen = yield* watch(provider)
      const first = yield* provider.accessToken
      yield* provider.accessToken
      yield* network.clear
      const answer = yield* Deferred.make<void>()
      yield* network.script("token", Answer.after(Deferred.await(answer), Answer.proceed))
      yield* TestClock.adjust("56 minutes")
      expect(yield* network.count("token")).toBe(1)
      yield* Effect.forEach(Array.from({ length: 100 }), () => provider.accessToken).pipe(
        Effect.tap((tokens) => Effect.sync(() => expect(new Set(tokens)).toEqual(new Set([first]))))
      )
      yield* Deferred.succeed(answer, undefined)
      yield* settle
      const second = yield* provider.accessToken
      expect(valueOf(second)).not.toBe(valueOf(first))
      expect((yield* network.requests).map(({ endpoint }) => endpoint)).toEqual(["token"])
      expect((yield* seen).map((event) => event._tag === "TokenRenewed" ? event.reason : event._tag)).toEqual([
        "TokenObtained",
        "Scheduled"
      ])
    }).pipe(Effect.provide(hour)))

  it.scoped("ten callers in the mandatory part wait for one renewal", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const first = yield* provider.accessToken
      // Nobody uses the token after this, so that the background does not renew it.
      yield* network.clear
      yield* TestClock.adjust("59 minutes")
      const waiting = yield* Effect.forEach(Array.from({ length: 10 }), () => provider.accessToken, {
        concurrency: "unbounded"
      })
      expect(waiting.some((token) => AccessToken.isSame(token, first))).toBe(false)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(hour)))

  it.scoped("a token in the mandatory part is used until it expires if the authorization server is away", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const first = yield* provider.accessToken
      yield* network.always("token", Answer.status(503))
      yield* TestClock.adjust("59 minutes")
      yield* TestClock.adjust("59 seconds")
      expect(yield* provider.accessToken).toBe(first)
      yield* TestClock.adjust("1 second")
      const refused = yield* Effect.fork(Effect.flip(provider.accessToken))
      yield* TestClock.adjust("25 seconds")
      expect(yield* Fiber.join(refused)).toMatchObject({ _tag: "TokenEndpointError", status: 503 })
    }).pipe(Effect.provide(hour)))

  it.scoped("a token from the future, after a clock was set back, is not used", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* TestClock.setTime(1_000_000)
      const provider = yield* makeProvider()
      const first = yield* provider.accessToken
      yield* TestClock.setTime(0)
      expect(provider.unsafeFresh()).toBe(undefined)
      expect(AccessToken.isSame(yield* provider.accessToken, first)).toBe(false)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(hour)))

  it.scoped("a token without expires_in lives for `defaultLifetime`", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ refreshPolicy: { defaultLifetime: Duration.minutes(2) } })
      yield* network.always("token", Answer.modified(({ expires_in: _, ...rest }) => rest))
      const token = yield* provider.accessToken
      expect(token.expiresAt - token.issuedAt).toBe(120_000)
      yield* TestClock.adjust("2 minutes")
      expect(AccessToken.isSame(yield* provider.accessToken, token)).toBe(false)
    }).pipe(Effect.provide(hour)))
})

describe("the scheduled refresh", () => {
  it.scoped("the background renews a used token once per life", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      for (let minute = 0; minute < 240; minute++) {
        const token = yield* provider.accessToken
        expect(AccessToken.isValidAt(token, minute * 60_000)).toBe(true)
        yield* TestClock.adjust("1 minute")
      }
      const requests = yield* network.count("token")
      expect(requests).toBeGreaterThanOrEqual(4)
      expect(requests).toBeLessThanOrEqual(6)
      expect(yield* network.count(({ endpoint }) => endpoint !== "token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("the background stops if no caller has used the token by its renewal, and restarts at the next use", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* TestClock.adjust("24 hours")
      expect(yield* network.count("token")).toBe(2)
      yield* provider.accessToken
      expect(yield* network.count("token")).toBe(3)
      yield* TestClock.adjust("50 minutes")
      yield* provider.accessToken
      yield* TestClock.adjust("8 minutes")
      expect(yield* network.count("token")).toBe(4)
    }).pipe(Effect.provide(environment())))

  it.scoped("a use in the advisory part starts the background again", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* TestClock.adjust("55 minutes")
      expect(yield* network.count("token")).toBe(2)
      yield* TestClock.adjust("40 minutes")
      expect(yield* network.count("token")).toBe(2)
      expect(provider.unsafeFresh()).toBeDefined()
      yield* settle
      expect(yield* network.count("token")).toBe(3)
      // Without jitter each token is due 45 minutes after its issue.
    }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(environment())))

  it.scoped("a machine that was suspended past the renewal renews on the next use", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const clock = yield* Effect.clock
      let asleep = 0
      // The machine was suspended: the clock has advanced, and the timers have not.
      const suspended = changedClock(clock, {
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + asleep
      })
      const provider = yield* makeProvider().pipe(Effect.withClock(suspended))
      yield* provider.accessToken
      asleep = 55 * 60_000
      expect(provider.unsafeFresh()).toBeDefined()
      yield* settle
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("a bug below the provider does not run again at every call of the advisory part", () =>
    Effect.gen(function*() {
      const { clientId, issuer, serverUrl } = yield* TestServers.TestServers
      let proofs = 0
      const provider = yield* OAuthProvider.make({
        serverUrl,
        issuer,
        grant: { type: "client_credentials", parameters: () => proofs > 1 ? Effect.die("a bug") : Effect.succeed({}) },
        clientAuthentication: {
          ...ClientAuthentication.none(clientId),
          prove: () =>
            Effect.sync(() => {
              proofs++
              return {
                authorization: Redacted.make(`Basic ${Encoding.encodeBase64("test-client:s3cr%3Aet%2B%25%2F%C3%BC")}`)
              }
            })
        }
      })
      yield* provider.accessToken
      proofs = 2
      yield* TestClock.adjust("40 minutes")
      for (let call = 0; call < 100; call++) {
        yield* provider.accessToken
        yield* TestClock.adjust("10 seconds")
      }
      // The proof is made before the bug, so its count is one more than before the renewal.
      expect(proofs).toBe(3)
    }).pipe(Effect.provide(environment())))

  it.scoped("the background ends with the provider's scope", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const scope = yield* Scope.make()
      const provider = yield* Scope.extend(makeProvider(), scope)
      yield* provider.accessToken
      yield* provider.accessToken
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("24 hours")
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("an outage of the advisory part is retried with backoff, and no caller notices", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const seen = yield* watch(provider)
      yield* provider.accessToken
      yield* network.clear
      yield* network.always("token", Answer.dropped)
      for (let minute = 0; minute < 55; minute++) {
        yield* provider.accessToken
        yield* TestClock.adjust("1 minute")
      }
      const attempts = yield* network.requestsTo("token")
      expect(attempts.length).toBeGreaterThan(2)
      attempts.slice(1).forEach(({ at }, index) => expect(at - (attempts[index]?.at ?? 0)).toBeGreaterThanOrEqual(1000))
      yield* network.restore
      yield* TestClock.adjust("4 minutes")
      yield* provider.accessToken
      expect(tags(yield* seen).filter((tag) => tag !== "RenewalFailed")).toEqual(["TokenObtained", "TokenRenewed"])
    }).pipe(Effect.provide(environment())))

  it.scoped("the background makes no attempt before Retry-After", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* provider.accessToken
      yield* network.clear
      yield* network.script("token", Answer.status(429, { headers: { "retry-after": "120" } }))
      yield* TestClock.adjust("58 minutes")
      const [refused, next] = yield* network.requestsTo("token")
      expect((next?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(120_000)
    }).pipe(Effect.provide(environment())))

  it.scoped("the background does not repeat a final refusal before the mandatory part, and callers fail with it at the expiry", () =>
    Effect.gen(function*() {
      const { authorizationServer, clientId, network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const first = yield* provider.accessToken
      yield* authorizationServer.rotateSecret(clientId, Redacted.make("another canary"))
      for (let minute = 0; minute < 58; minute++) {
        expect(yield* provider.accessToken).toBe(first)
        yield* TestClock.adjust("1 minute")
      }
      expect(yield* network.count("token")).toBe(2)
      yield* TestClock.adjust("2 minutes")
      expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ code: "invalid_client" })
    }).pipe(Effect.provide(environment())))
})

describe("final refusals", () => {
  it.scoped("a thousand callers cause one request that is finally refused, and one more only after `refusalMemory`", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ clientId: "nobody" })
      const attempt = Effect.flip(provider.accessToken)
      const errors = yield* Effect.all(Array.from({ length: 1000 }, () => attempt), { concurrency: "unbounded" })
      expect(errors.every((error) => error._tag === "TokenEndpointError" && error.code === "invalid_client")).toBe(true)
      yield* TestClock.adjust("4 seconds")
      yield* attempt
      expect(yield* network.count("token")).toBe(1)
      yield* TestClock.adjust("1 second")
      yield* attempt
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))
})

describe("rejected tokens (401)", () => {
  it.scoped("100 callers with the same rejected token cause one token request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const seen = yield* watch(provider)
      const rejected = yield* provider.accessToken
      yield* network.clear
      const renewed = yield* Effect.all(Array.from({ length: 100 }, () => provider.renew(rejected)), {
        concurrency: "unbounded"
      })
      expect(new Set(renewed.map(valueOf)).size).toBe(1)
      expect(renewed.some((token) => AccessToken.isSame(token, rejected))).toBe(false)
      expect(yield* network.count("token")).toBe(1)
      expect(tags(yield* seen)).toEqual(["TokenObtained", "TokenRejected", "TokenRenewed"])
    }).pipe(Effect.provide(environment())))

  it.scoped("a late report of a rejected token that has been replaced returns the replacement without a request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const rejected = yield* provider.accessToken
      const renewed = yield* provider.renew(rejected)
      expect(yield* provider.renew(rejected)).toBe(renewed)
      expect(yield* provider.accessToken).toBe(renewed)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("no caller gets a rejected token while its replacement is in flight", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const rejected = yield* provider.accessToken
      yield* network.script("token", Answer.delayed("1 second", Answer.proceed))
      const renewing = yield* Effect.fork(provider.renew(rejected))
      yield* settle
      expect(provider.unsafeFresh()).toBe(undefined)
      const other = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(other)).toBe(yield* Fiber.join(renewing))
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("a rejection during a scheduled renewal is answered with the token of that renewal", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ requestTimeout: "1 hour" })
      const rejected = yield* provider.accessToken
      yield* provider.accessToken
      yield* network.clear
      yield* network.script("token", Answer.delayed("15 minutes", Answer.proceed))
      yield* TestClock.adjust("53 minutes")
      expect(yield* network.count("token")).toBe(1)
      const renewing = yield* Effect.fork(provider.renew(rejected))
      yield* TestClock.adjust("15 minutes")
      expect(AccessToken.isSame(yield* Fiber.join(renewing), rejected)).toBe(false)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a server that keeps rejecting tokens causes ever fewer token requests", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      for (let second = 0; second < 600; second++) {
        yield* Effect.flatMap(provider.accessToken, (token) => provider.renew(token))
        yield* TestClock.adjust("1 second")
      }
      expect(yield* network.count("token")).toBeLessThan(15)
    }).pipe(Effect.provide(environment())))

  it.scoped("a server that keeps rejecting causes ever fewer token requests of three providers that share a storage", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const providers = yield* Effect.replicateEffect(makeProvider(), 3)
      for (let second = 0; second < 300; second++) {
        for (const provider of providers) {
          yield* Effect.flatMap(provider.accessToken, (token) => provider.renew(token))
        }
        yield* TestClock.adjust("1 second")
      }
      expect(yield* network.count("token")).toBeLessThan(40)
    }).pipe(Effect.provide(environment())))

  it.scoped("a replacement that is rejected within a second stays in use, and is replaced after it", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      const first = yield* provider.accessToken
      const second = yield* provider.renew(first)
      for (let call = 0; call < 10; call++) expect(yield* provider.renew(second)).toBe(second)
      expect(yield* network.count("token")).toBe(2)
      yield* TestClock.adjust("1 second")
      expect(AccessToken.isSame(yield* provider.renew(second), second)).toBe(false)
    }).pipe(Effect.provide(environment())))

  it.scoped("a rejected token is replaced by one that another process has stored, without a request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const [here, there] = yield* Effect.all([makeProvider(), makeProvider()])
      const rejected = yield* here.accessToken
      yield* there.accessToken
      const seen = yield* watch(here)
      const replaced = yield* there.renew(rejected)
      yield* network.clear
      expect(AccessToken.isSame(yield* here.renew(rejected), replaced)).toBe(true)
      expect(yield* network.requests).toEqual([])
      expect(tags(yield* seen)).toEqual(["TokenRejected", "TokenLoaded"])
    }).pipe(Effect.provide(environment())))
})

describe("step-up (403 insufficient_scope)", () => {
  it.scoped("a step-up asks for the held and the needed scopes together, and renewals ask for them again", () =>
    Effect.gen(function*() {
      const { authorizationServer, network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const narrow = yield* provider.accessToken
      const wide = yield* provider.renew(narrow, insufficient("admin"))
      expect(wide.scopes).toEqual(["mcp", "admin"])
      yield* provider.renew(wide)
      yield* TestClock.adjust("2 seconds")
      expect((yield* authorizationServer.issued).map(({ scopes }) => scopes)).toEqual([
        ["mcp"],
        ["mcp", "admin"],
        ["mcp", "admin"]
      ])
      expect(yield* network.count("token")).toBe(3)
    }).pipe(Effect.provide(environment())))

  it.scoped("a late report for a scope that the held token has by now returns the held token without a request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const narrow = yield* provider.accessToken
      const wide = yield* provider.renew(narrow, insufficient("admin"))
      expect(yield* provider.renew(narrow, insufficient("admin"))).toBe(wide)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("a 403 for a held scope, for no scope, or with `stepUp: false` returns the caller's token without a request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      expect(yield* provider.renew(token, insufficient("mcp"))).toBe(token)
      expect(yield* provider.renew(token, insufficient(""))).toBe(token)
      const still = yield* makeProvider({ scopes: ["mcp"], stepUp: false })
      const other = yield* still.accessToken
      expect(yield* still.renew(other, insufficient("admin"))).toBe(other)
      // One for each provider: they share no token, because the first one may widen its own.
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("a scope that was not granted is not requested again in the token's life", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      yield* network.script("token", Answer.modified((json) => ({ ...json, scope: "mcp" })))
      const same = yield* provider.renew(token, insufficient("admin"))
      expect(same.scopes).toEqual(["mcp"])
      expect(yield* provider.renew(same, insufficient("admin"))).toBe(same)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("a refused step-up fails its caller, leaves the held token in use, and is no part of later renewals", () =>
    Effect.gen(function*() {
      const { authorizationServer } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      const error = yield* Effect.flip(provider.renew(token, insufficient("root")))
      expect(error).toMatchObject({ _tag: "TokenEndpointError", code: "invalid_scope" })
      expect(yield* provider.accessToken).toBe(token)
      expect(yield* provider.renew(token, insufficient("root"))).toBe(token)
      yield* provider.renew(token)
      expect((yield* authorizationServer.issued).map(({ scopes }) => scopes)).toEqual([["mcp"], ["mcp"]])
    }).pipe(Effect.provide(environment())))

  it.scoped("two simultaneous step-ups for different scopes make two requests, and the last token has both scopes", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      yield* network.clear
      yield* Effect.all([
        provider.renew(token, insufficient("write")),
        provider.renew(token, insufficient("admin")),
        provider.renew(token, insufficient("admin"))
      ], { concurrency: "unbounded" })
      expect(yield* network.count("token")).toBe(2)
      expect((yield* provider.accessToken).scopes.toSorted()).toEqual(["admin", "mcp", "write"])
    }).pipe(Effect.provide(environment({ scopes: ["mcp", "admin", "write"] }))))

  it.scoped("two simultaneous step-ups for the same scope that is refused make one request, and both fail", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      yield* network.always("token", Answer.json({ error: "invalid_target" }, { status: 400 }))
      const callers = yield* many(2, Effect.flip(provider.renew(token, insufficient("admin"))))
      yield* settle
      for (const exit of yield* outcomes(callers)) expect(exit).toMatchObject({ value: { code: "invalid_target" } })
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(environment())))

  it.scoped("a refused step-up does not fail callers that need any token", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      yield* network.script(
        "token",
        Answer.delayed("1 second", Answer.json({ error: "invalid_scope" }, { status: 400 }))
      )
      const steppingUp = yield* Effect.fork(Effect.flip(provider.renew(token, insufficient("admin"))))
      yield* settle
      const renewing = yield* Effect.fork(provider.renew(token))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(steppingUp)).toBeInstanceOf(OAuthError.TokenEndpointError)
      expect(AccessToken.isSame(yield* Fiber.join(renewing), token)).toBe(false)
    }).pipe(Effect.provide(environment())))
})

describe("step-ups that the options do not permit", () => {
  const scopes = { scopes: ["mcp", "read", "write", "admin"] }

  /** The `scope` parameter of each token request so far. */
  const scopesAsked = Effect.flatMap(
    TestServers.TestServers,
    ({ network }) =>
      Effect.map(
        network.requestsTo("token"),
        (requests) => requests.map(({ body }) => new URLSearchParams(body).get("scope"))
      )
  )

  it.scoped.each(
    [
      ["another scope, with `scopes` alone", { scopes: ["mcp"] }, "admin"],
      ["another scope than those of `allow`", { scopes: ["mcp"], stepUp: { allow: ["read"] } }, "admin"],
      ["an allowed and another scope together", { scopes: ["mcp"], stepUp: { allow: ["read"] } }, "read admin"],
      ["another scope, with an empty list of `scopes`", { scopes: [], stepUp: { allow: [] } }, "admin"],
      ["another scope than those of `allow`, without `scopes`", { stepUp: { allow: ["x"] } }, "y"]
    ] as const
  )(
    "a 403 that needs %s returns the caller's token without a request",
    ([_, options, needed]) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider(options)
        const token = yield* provider.accessToken
        expect(yield* provider.renew(token, insufficient(needed))).toBe(token)
        expect(yield* network.count("token")).toBe(1)
        expect(yield* provider.accessToken).toBe(token)
      }).pipe(Effect.provide(environment(scopes)))
  )

  it.scoped("with `allow` a step-up for several of its scopes is made, and renewals ask for them again", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: { allow: ["write", "read"] } })
      const wide = yield* provider.renew(yield* provider.accessToken, insufficient("read write"))
      expect(wide.scopes).toEqual(["mcp", "read", "write"])
      yield* provider.renew(wide, insufficient("admin"))
      yield* provider.renew(wide)
      expect(yield* scopesAsked).toEqual(["mcp", "mcp read write", "mcp read write"])
    }).pipe(Effect.provide(environment(scopes))))

  it.scoped("a configured scope that was not granted is asked for in a step-up without `stepUp`", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp", "read"] })
      yield* network.script("token", Answer.modified((json) => ({ ...json, scope: "mcp" })))
      const token = yield* provider.accessToken
      expect((yield* provider.renew(token, insufficient("read"))).scopes).toEqual(["mcp", "read"])
    }).pipe(Effect.provide(environment(scopes))))

  it.scoped("a scope that the authorization server grants unasked is not asked for in a step-up or a renewal", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always("token", Answer.modified((json) => ({ ...json, scope: `${String(json["scope"])} admin` })))
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: { allow: ["read"] } })
      const token = yield* provider.accessToken
      expect(token.scopes).toEqual(["mcp", "admin"])
      const wide = yield* provider.renew(token, insufficient("admin read"))
      yield* provider.renew(wide)
      expect(yield* scopesAsked).toEqual(["mcp", "mcp read", "mcp read"])
    }).pipe(Effect.provide(environment(scopes))))

  it.scoped("a provider with `scopes` alone does not use the wider token that another one has stored", () =>
    Effect.gen(function*() {
      const wide = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      yield* wide.renew(yield* wide.accessToken, insufficient("admin"))
      const narrow = yield* makeProvider({ scopes: ["mcp"] })
      expect((yield* narrow.accessToken).scopes).toEqual(["mcp"])
      const same = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      expect((yield* same.accessToken).scopes).toEqual(["mcp", "admin"])
    }).pipe(Effect.provide(environment(scopes))))

  it.scoped("401 challenges, metadata and 403 challenges of a server that was taken over get no scope beyond `scopes`", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always(
        "protected-resource-metadata",
        Answer.modified((json) => ({ ...json, scopes_supported: ["mcp", "admin"] }))
      )
      const provider = yield* makeProvider({ scopes: ["mcp"] })
      let token = yield* provider.accessToken
      for (const error of ["invalid_token", "insufficient_scope", "insufficient_scope", "invalid_token"]) {
        token = yield* provider.renew(token, Challenge.parse(`Bearer error="${error}", scope="mcp admin"`)[0])
        yield* TestClock.adjust("10 minutes")
      }
      expect(new Set(yield* scopesAsked)).toEqual(new Set(["mcp"]))
    }).pipe(Effect.provide(environment(scopes))))
})

describe("the warning about scopes that the options do not permit", () => {
  const warnings = (lines: ReadonlyArray<Line>) => lines.filter(({ level }) => level === "WARN")

  it.scoped("names the scopes and the options, once per set of scopes", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider({ scopes: ["mcp"] })
        const token = yield* provider.accessToken
        for (const needed of ["admin", "admin read", "read admin", "admin", "mcp admin"]) {
          yield* provider.renew(token, insufficient(needed))
        }
        expect(warnings(lines).map(({ message }) => message.replace(/\. No token.*/, ""))).toEqual([
          "The MCP server answered 403 and asked for scopes that the options of the provider do not permit: \"admin\"",
          "The MCP server answered 403 and asked for scopes that the options of the provider do not permit: \"admin\", " +
          "\"read\""
        ])
        expect(warnings(lines)[0]?.message).toContain("list them in `scopes`, or in `stepUp` as in { allow: [...] }.")
        expect(warnings(lines)[0]?.annotations).toHaveProperty("oauth.token.fingerprint")
      })).pipe(Effect.provide(environment())))

  it.scoped("comes again with another token after ten minutes, and not before", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider({ scopes: ["mcp"] })
        let token = yield* provider.accessToken
        yield* provider.renew(token, insufficient("admin"))
        yield* TestClock.adjust("11 minutes")
        yield* provider.renew(token, insufficient("admin"))
        expect(warnings(lines)).toHaveLength(1)
        token = yield* provider.renew(token)
        yield* provider.renew(token, insufficient("admin"))
        expect(warnings(lines)).toHaveLength(2)
        yield* TestClock.adjust("1 minute")
        token = yield* provider.renew(token)
        yield* provider.renew(token, insufficient("admin"))
        expect(warnings(lines)).toHaveLength(2)
      })).pipe(Effect.provide(environment())))

  it.scoped("is short and without the token, however many scopes the server names and how long they are", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider({ scopes: ["mcp"] })
        const token = yield* provider.accessToken
        const value = Redacted.value(token.value)
        const needed = [value, "x".repeat(5_000), ...Array.from({ length: 500 }, (_, index) => `scope-${index}`)]
        yield* provider.renew(token, insufficient(needed.join(" ")))
        const [line] = warnings(lines)
        expect(line?.message).toContain("\"<redacted>\", \"xxx")
        expect(line?.message).toContain("\"scope-5\" and 494 more.")
        expect(line?.message.length).toBeLessThan(1_000)
      })).pipe(Effect.provide(environment())))

  it.scoped("is logged for at most eight sets of scopes in ten minutes, and for others after that", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider({ scopes: ["mcp"] })
        const token = yield* provider.accessToken
        for (const scope of many50) yield* provider.renew(token, insufficient(scope))
        expect(warnings(lines)).toHaveLength(8)
        yield* TestClock.adjust("10 minutes")
        yield* provider.renew(token, insufficient("another"))
        expect(warnings(lines)).toHaveLength(9)
      })).pipe(Effect.provide(environment())))

  it.scoped("is not logged for `stepUp: false`, which asks for no scope", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: false })
        yield* provider.renew(yield* provider.accessToken, insufficient("admin"))
        expect(warnings(lines)).toEqual([])
      })).pipe(Effect.provide(environment())))
})

describe("step-ups, over time", () => {
  it.scoped("a gained scope that is no longer granted does not keep the other scopes from being renewed", () =>
    Effect.gen(function*() {
      const { authorizationServer, clientId, network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const wide = yield* Effect.flatMap(
        provider.accessToken,
        (token) => provider.renew(token, insufficient("admin"))
      )
      expect(wide.scopes).toEqual(["mcp", "admin"])
      yield* authorizationServer.setScopes(clientId, ["mcp"])
      yield* network.clear
      for (let hour = 0; hour < 5; hour++) {
        yield* TestClock.adjust("1 hour")
        expect((yield* provider.accessToken).scopes).toEqual(["mcp"])
      }
      const asked = (yield* network.requestsTo("token")).map(({ body }) => new URLSearchParams(body).get("scope"))
      expect(asked.filter((scope) => scope !== "mcp")).toEqual(["mcp admin"])
    }).pipe(Effect.provide(environment())))

  it.scoped("a renewal with a gained scope that is refused for another reason than its scopes is not asked again", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const wide = yield* provider.renew(yield* provider.accessToken, insufficient("admin"))
      yield* network.clear
      yield* network.always("token", Answer.json({ error: "unauthorized_client" }, { status: 400 }))
      expect(yield* Effect.flip(provider.renew(wide))).toMatchObject({ code: "unauthorized_client" })
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment({ scopes: ["mcp", "admin"] }))))

  it.scoped("a scope is requested although it was refused together with another one", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      const token = yield* provider.accessToken
      yield* Effect.flip(provider.renew(token, insufficient("admin root")))
      expect((yield* provider.renew(token, insufficient("admin"))).scopes).toEqual(["mcp", "admin"])
    }).pipe(Effect.provide(environment())))

  it.scoped("a server that names another scope each time causes eight step-ups in a token's life", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider({ scopes: ["mcp"], stepUp: "any" })
      let token = yield* provider.accessToken
      for (const scope of many50) token = yield* provider.renew(token, insufficient(scope))
      expect(yield* network.count("token")).toBe(9)
    }).pipe(Effect.provide(environment({ scopes: ["mcp", ...many50] }))))
})

describe("a provider made in a region that cannot be interrupted", () => {
  it.scoped("a provider made in an uninterruptible region keeps its time limits and can be closed", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const scope = yield* Scope.make()
      const provider = yield* Effect.uninterruptible(Scope.extend(makeProvider(impatient), scope))
      yield* network.script("token", Answer.never)
      const first = yield* Effect.fork(Effect.flip(provider.accessToken))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(first)).toMatchObject({ reason: "Unavailable" })
      yield* TestClock.adjust("2 seconds")
      yield* provider.accessToken
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(environment())))
})

describe("closing a provider", () => {
  it.scoped("callers of a provider that is closed while they wait, or before they call, die with that reason", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const scope = yield* Scope.make()
      const provider = yield* Scope.extend(makeProvider(), scope)
      const token = yield* provider.accessToken
      yield* network.script("token", Answer.never)
      const waiting = yield* Effect.fork(provider.renew(token))
      yield* network.awaitRequests("token", 2)
      yield* Scope.close(scope, Exit.void)
      for (
        const exit of [
          yield* Fiber.await(waiting),
          yield* Effect.exit(provider.renew(token)),
          yield* Effect.exit(provider.accessToken)
        ]
      ) {
        expect(diedOfClosing(exit)).toBe(true)
      }
    }).pipe(Effect.provide(environment())))
})

const many50 = Array.from({ length: 50 }, (_, index) => `x${index}`)

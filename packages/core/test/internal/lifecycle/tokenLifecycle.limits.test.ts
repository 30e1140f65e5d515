/** No caller waits for ever: callers give up work that exceeds its limit, or whose request has ended. */
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Layer, Random, Scope, TestClock } from "effect"
import { ClientAuthentication, Grant, OAuthProvider, TokenStorage } from "../../../src/index.ts"
import { makeWorkerClock } from "../../support/workerClock.ts"
import { environment, makeProvider, many, outcomes, settle, tags, watch } from "../../support/provider.ts"

/** A provider whose own fibers have the clock of a Worker. Callers have timers of their own. */
const makeInWorker = (options: Parameters<typeof makeProvider>[0] = {}) =>
  Effect.gen(function*() {
    const { clock, platform } = yield* makeWorkerClock
    return { provider: yield* Effect.withClock(makeProvider(options), clock), platform }
  })

const hour = environment({ tokenLifetime: "1 hour" })

/** A provider whose grant runs `before` first. */
const makeWithGrant = (before: Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const { clientId, clientSecret, issuer, serverUrl } = yield* TestServers.TestServers
    return yield* OAuthProvider.make({
      serverUrl,
      issuer,
      grant: {
        ...Grant.clientCredentials,
        parameters: (context) => Effect.zipRight(before, Grant.clientCredentials.parameters(context))
      },
      clientAuthentication: ClientAuthentication.clientSecretBasic({ clientId, clientSecret })
    })
  })

describe("an acquisition whose request has ended, on a platform that cancels the work of a request with it", () => {
  it.scoped("two callers of a first token are answered within 3 seconds, by one other request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const { platform, provider } = yield* makeInWorker()
      yield* network.script("token", Answer.never)
      yield* Effect.fork(provider.accessToken)
      yield* network.awaitRequests("token")
      platform.isOver = true
      const callers = yield* many(2, provider.accessToken)
      yield* TestClock.adjust("1 second")
      platform.isOver = false
      yield* TestClock.adjust("2 seconds")
      const [first, second] = yield* outcomes(callers)
      expect(first).toMatchObject({ _tag: "Success" })
      expect(second).toEqual(first)
      expect(yield* network.count("token")).toBe(2)
      expect((yield* network.requestsTo("token"))[0]?.outcome._tag).toBe("Interrupted")
    }).pipe(Effect.provide(hour)))

  it.scoped("no failure is published, and no outage begins", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const { platform, provider } = yield* makeInWorker()
      const seen = yield* watch(provider)
      yield* network.script("token", Answer.never)
      yield* Effect.fork(provider.accessToken)
      yield* network.awaitRequests("token")
      platform.isOver = true
      yield* TestClock.adjust("6 seconds")
      platform.isOver = false
      yield* provider.accessToken
      expect(tags(yield* seen)).toEqual(["TokenObtained"])
    }).pipe(Effect.provide(hour)))

  it.scoped("a background renewal whose request has ended delays no caller, and the next caller starts another", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const { platform, provider } = yield* makeInWorker()
      const first = yield* provider.accessToken
      yield* network.script("token", Answer.never)
      yield* TestClock.adjust("45 minutes")
      expect(yield* network.count("token")).toBe(2)
      platform.isOver = true
      yield* TestClock.adjust("1 minute")
      platform.isOver = false
      expect(provider.unsafeFresh()).toBe(first)
      yield* settle
      expect(yield* network.count("token")).toBe(3)
      expect(provider.unsafeFresh()).not.toBe(first)
    }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(hour)))

  it.scoped("callers after the expiry get a token although the renewal in the background never ended", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const { platform, provider } = yield* makeInWorker()
      const first = yield* provider.accessToken
      yield* network.script("token", Answer.never)
      yield* TestClock.adjust("45 minutes")
      platform.isOver = true
      yield* TestClock.adjust("20 minutes")
      platform.isOver = false
      expect(provider.unsafeFresh()).toBe(undefined)
      expect((yield* provider.accessToken).expiresAt).toBeGreaterThan(first.expiresAt)
    }).pipe(Effect.withRandom(Random.fixed([0])), Effect.provide(hour)))

  it.scoped("callers that wait for such an acquisition while the provider is closed fail with the defect that it is closed", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const scope = yield* Scope.make()
      const { platform, provider } = yield* Scope.extend(makeInWorker(), scope)
      yield* network.script("token", Answer.never)
      const caller = yield* Effect.fork(provider.accessToken)
      yield* network.awaitRequests("token")
      platform.isOver = true
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Fiber.await(caller)
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("This OAuthProvider is closed")
    }).pipe(Effect.provide(hour)))
})

describe("an acquisition that hangs", () => {
  /** 30 s discovery, 30 s for the lease, five times 5 s for the storage, four times 10 s for requests. */
  const limit = Duration.seconds(125)

  it.scoped.each([
    { name: "can be interrupted", asIs: Effect.interruptible },
    { name: "cannot be interrupted", asIs: Effect.uninterruptible }
  ])(
    "callers fail at the limit if a grant hangs that $name, and a later call starts another",
    ({ asIs }) =>
      Effect.gen(function*() {
        const gate = yield* Deferred.make<void>()
        const hanging = { grant: asIs(Deferred.await(gate)) }
        const provider = yield* makeWithGrant(Effect.suspend(() => hanging.grant))
        const seen = yield* watch(provider)
        const callers = yield* many(3, Effect.flip(provider.accessToken))
        yield* TestClock.adjust(Duration.subtract(limit, Duration.seconds(1)))
        expect(callers.every((caller) => caller.unsafePoll() === null)).toBe(true)
        yield* TestClock.adjust("1 second")
        for (const exit of yield* outcomes(callers)) {
          expect(exit).toMatchObject({ value: { _tag: "TokenEndpointError", reason: "Unavailable" } })
          expect(Exit.isSuccess(exit) && exit.value.message).toMatch(
            /^No token for https:.* within 2m 5s\. A part .* hangs/
          )
        }
        hanging.grant = Effect.void
        yield* TestClock.adjust("2 seconds")
        const next = yield* Effect.fork(provider.accessToken)
        // A part that cannot be interrupted still holds the lease.
        yield* TestClock.adjust("31 seconds")
        yield* Fiber.join(next)
        expect(tags(yield* seen).filter((tag) => tag !== "StorageFailed")).toEqual(["RenewalFailed", "TokenObtained"])
        yield* Deferred.succeed(gate, undefined)
      }).pipe(Effect.provide(hour))
  )

  it.scoped("the late answer neither replaces a newer token nor ends a newer outage", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const late = yield* Deferred.make<void>()
      const hanging = { grant: Effect.uninterruptible(Deferred.await(late)) }
      const provider = yield* makeWithGrant(Effect.suspend(() => hanging.grant))
      const caller = yield* Effect.fork(Effect.exit(provider.accessToken))
      yield* TestClock.adjust("130 seconds")
      yield* Fiber.join(caller)
      hanging.grant = Effect.void
      const next = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("31 seconds")
      const newer = yield* Fiber.join(next)
      yield* Deferred.succeed(late, undefined)
      yield* settle
      expect(provider.unsafeFresh()).toBe(newer)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(hour)))

  it.scoped("after a suspend of hours the caller does not wait for the request that was in flight", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const { platform, provider } = yield* makeInWorker()
      yield* network.script("token", Answer.never)
      const caller = yield* Effect.fork(provider.accessToken)
      yield* network.awaitRequests("token")
      platform.ahead = Duration.toMillis("8 hours")
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(caller)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(hour)))

  it.scoped("the longest wait for the lease of another process does not exceed the limit", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider()
      const caller = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("31 seconds")
      yield* Fiber.join(caller)
    }).pipe(Effect.provide(
      Layer.merge(
        TestServers.layer(),
        Layer.effect(
          TokenStorage.TokenStorage,
          Effect.map(TokenStorage.makeMemory, (storage) => ({ ...storage, lease: () => Effect.never }))
        )
      )
    )))
})

describe("one token request that gets no answer", () => {
  it.scoped.each([
    { name: "no answer", answer: Answer.never },
    { name: "a broken connection", answer: Answer.dropped },
    { name: "503", answer: Answer.status(503) }
  ])("all callers are served by default after $name", ({ answer }) =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", answer)
      const callers = yield* many(10, provider.accessToken)
      yield* TestClock.adjust("12 seconds")
      expect((yield* outcomes(callers)).every(Exit.isSuccess)).toBe(true)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(hour)))

  it.scoped("all callers are served by default after two token requests without an answer", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* makeProvider()
      yield* network.script("token", Answer.never, Answer.never)
      const callers = yield* many(10, provider.accessToken)
      yield* TestClock.adjust("25 seconds")
      expect((yield* outcomes(callers)).every(Exit.isSuccess)).toBe(true)
      expect(yield* network.count("token")).toBe(3)
    }).pipe(Effect.provide(hour)))
})

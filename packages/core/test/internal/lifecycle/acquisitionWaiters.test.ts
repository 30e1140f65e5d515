import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Random, TestClock } from "effect"
import { type OAuthError, RefreshPolicy } from "../../../src/index.ts"
import { AcquisitionWaiters } from "../../../src/internal/lifecycle/acquisitionWaiters.ts"
import { type Demand, forReason } from "../../../src/internal/lifecycle/demand.ts"
import type { Acquired } from "../../../src/internal/lifecycle/lifecycleParts.ts"
import { settle } from "../../support/provider.ts"
import { makeWorkerClock } from "../../support/workerClock.ts"
import { finalError, makeToken, transientError } from "./fixtures.ts"
import { makeAnswered, makeParts, start } from "./parts.ts"

const stepUp: Demand = { reason: "StepUp", wanted: ["admin"], missing: ["admin"] }

/** Waiters whose authorization server gives these answers, one after the other, and then none. */
const make = (...answers: ReadonlyArray<Acquired>) =>
  Effect.gen(function*() {
    const { asked, parts } = yield* makeAnswered(answers, Effect.never)
    const { state } = parts
    return { waiters: new AcquisitionWaiters(parts), parts, state, asked, now: parts.now }
  })

/** Waiters that hold a token of an hour. */
const makeHolding = (...answers: ReadonlyArray<Acquired>) =>
  Effect.tap(
    Effect.map(make(...answers), (made) => ({
      ...made,
      held: makeToken({ issuedAt: start, expiresAt: start + 3_600_000 })
    })),
    ({ held, state }) => Effect.sync(() => state.loaded(held, "First", start, 0))
  )

/** The error of an effect, without the proxy by which Effect adds the span of a failure. */
const failureOf = <A, E>(effect: Effect.Effect<A, E>) => Effect.map(Effect.flip(effect), Cause.originalError)

const isWorthWaiting = ({ now, state }: Effect.Effect.Success<ReturnType<typeof make>>) =>
  state.outage.isWorthWaiting(Cause.fail<OAuthError.OAuthError>(transientError()), now())

describe("AcquisitionWaiters: callers that wait for the end of an acquisition", () => {
  it.scoped("get the token that another caller acquired before that end, if it meets their demand", () =>
    Effect.gen(function*() {
      const admin = Effect.sync(() => makeToken({ issuedAt: start, scopes: ["admin"] }))
      const { asked, parts, waiters } = yield* make(admin, admin)
      const stored = yield* Deferred.make<void>()
      yield* Effect.addFinalizer(() => Deferred.succeed(stored, undefined))
      Object.assign(parts.remembered, { save: Deferred.await(stored) })
      // The token is delivered before it is stored.
      const token = yield* waiters.acquire(stepUp)
      const waiting = yield* Effect.fork(waiters.acquire(stepUp))
      yield* settle
      expect(waiting.unsafePoll()).toBe(null)
      yield* Deferred.succeed(stored, undefined)
      expect(yield* Fiber.join(waiting)).toBe(token)
      expect(asked).toHaveLength(1)
    }))
})

describe("AcquisitionWaiters: whether the authorization server is away", () => {
  it.scoped("an acquisition in flight counts as away after `patience.withToken`, and not before", () =>
    Effect.gen(function*() {
      const { now, waiters } = yield* make()
      expect(waiters.isServerAway(now())).toBe(false)
      yield* Effect.fork(waiters.acquire(forReason("First")))
      yield* TestClock.adjust(999)
      expect(waiters.isServerAway(now())).toBe(false)
      yield* TestClock.adjust(1)
      expect(waiters.isServerAway(now())).toBe(true)
    }))

  it.scoped("an acquisition that has delivered its token, or has ended, does not count as away", () =>
    Effect.gen(function*() {
      const { now, parts, waiters } = yield* make(Effect.sync(() => makeToken({ issuedAt: start })))
      const stored = yield* Deferred.make<void>()
      // The end of the provider waits for this work, also if the test fails before it ends.
      yield* Effect.addFinalizer(() => Deferred.succeed(stored, undefined))
      Object.assign(parts.remembered, { save: Deferred.await(stored) })
      yield* waiters.acquire(forReason("First"))
      yield* TestClock.adjust("5 seconds")
      expect(waiters.isServerAway(now())).toBe(false)
      yield* Deferred.succeed(stored, undefined)
      yield* settle
      expect(waiters.isServerAway(now())).toBe(false)
    }))

  it.scoped("the time of the last pulse advances while an acquisition is in flight, and stays after its end", () =>
    Effect.gen(function*() {
      const answer = yield* Deferred.make<void>()
      const { waiters } = yield* make(Effect.zipRight(Deferred.await(answer), finalError()))
      expect(waiters.aliveAt).toBe(0)
      yield* Effect.fork(waiters.acquire(forReason("First")))
      yield* TestClock.adjust("10 seconds")
      expect(waiters.aliveAt).toBe(start + 10_000)
      yield* Deferred.succeed(answer, undefined)
      yield* TestClock.adjust("10 seconds")
      expect(waiters.aliveAt).toBe(start + 10_000)
    }))
})

describe("AcquisitionWaiters: the patience for an outage", () => {
  it.scoped("begins with the first caller that has no token", () =>
    Effect.gen(function*() {
      const made = yield* make()
      yield* Effect.fork(made.waiters.acquire(forReason("First")))
      yield* settle
      expect(isWorthWaiting(made)).toBe(true)
    }))

  it.scoped("does not begin with a caller that has a token", () =>
    Effect.gen(function*() {
      const made = yield* makeHolding(transientError())
      expect(yield* made.waiters.acquire(forReason("Expired"))).toBe(made.held)
      expect(isWorthWaiting(made)).toBe(false)
    }))

  it.scoped.each([["Scheduled", forReason("Scheduled")], ["StepUp", stepUp]] as const)(
    "does not begin with a demand for the reason %s, which fails with the first error",
    ([, demand]) =>
      Effect.gen(function*() {
        const error = transientError()
        const made = yield* make(error)
        expect(yield* failureOf(made.waiters.acquire(demand))).toBe(error)
        expect(isWorthWaiting(made)).toBe(false)
      })
  )
})

describe("AcquisitionWaiters: a caller in the mandatory part", () => {
  it.scoped("without a valid token waits once, however long the acquisition takes", () =>
    Effect.gen(function*() {
      const token = makeToken({ issuedAt: start })
      const { asked, parts, waiters } = yield* make(Effect.delay(Effect.succeed(token), "10 seconds"))
      let waits = 0
      const waiting = parts.telemetry.waiting.bind(parts.telemetry)
      parts.telemetry.waiting = (wait, demand) => {
        waits++
        return waiting(wait, demand)
      }
      const caller = yield* Effect.fork(waiters.acquireOrHeld(forReason("First")))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(caller)).toBe(token)
      expect([waits, asked.length]).toEqual([1, 1])
    }))

  it.scoped("gets the held token after `patience.withToken` if the acquisition hangs", () =>
    Effect.gen(function*() {
      const { held, waiters } = yield* makeHolding()
      const caller = yield* Effect.fork(waiters.acquireOrHeld(forReason("Expired")))
      yield* TestClock.adjust(999)
      expect(caller.unsafePoll()).toBe(null)
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(caller)).toBe(held)
    }))

  it.scoped("whose token expires while it waits gets the token of the acquisition", () =>
    Effect.gen(function*() {
      const token = makeToken({ issuedAt: start })
      const { asked, held, waiters } = yield* makeHolding(Effect.delay(Effect.succeed(token), "10 seconds"))
      yield* TestClock.setTime(held.expiresAt - 500)
      const caller = yield* Effect.fork(waiters.acquireOrHeld(forReason("Expired")))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(caller)).toBe(token)
      expect(asked.length).toBe(1)
    }))

  it.scoped.each<readonly [what: string, failure: Acquired]>([
    ["a transient error", transientError()],
    ["a final error", finalError()],
    ["a defect", Effect.dieMessage("a bug")]
  ])("gets the held token after %s", ([, failure]) =>
    Effect.gen(function*() {
      const { held, waiters } = yield* makeHolding(failure)
      expect(yield* waiters.acquireOrHeld(forReason("Expired"))).toBe(held)
    }))
})

describe("AcquisitionWaiters: a caller during the acquisition of another one", () => {
  const inFlight = (scopes: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const tokens = [scopes, ["admin"]].map((scopes) => makeToken({ issuedAt: start, scopes }))
      const made = yield* make(...tokens.map((token) => Effect.delay(Effect.succeed(token), "1 second")))
      yield* Effect.fork(made.waiters.acquire(forReason("First")))
      yield* settle
      return { ...made, tokens }
    })

  it.scoped.each<readonly [name: string, scopes: ReadonlyArray<string>, demand: Demand, requests: number]>([
    ["shares its token if any token will do", [], forReason("Expired"), 1],
    ["takes its token for a step-up if the token has the scopes", ["admin"], stepUp, 1],
    ["starts another acquisition after it if the token lacks the scopes of a step-up", [], stepUp, 2]
  ])("%s", ([, scopes, demand, requests]) =>
    Effect.gen(function*() {
      const { asked, tokens, waiters } = yield* inFlight(scopes)
      const caller = yield* Effect.fork(waiters.acquire(demand))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(caller)).toBe(tokens[requests - 1])
      expect(asked.length).toBe(requests)
    }))
})

describe("AcquisitionWaiters: a failed acquisition", () => {
  it.scoped("is answered with the held token by callers that need any token, and not by a step-up", () =>
    Effect.gen(function*() {
      const [first, second] = [finalError(), finalError()]
      const { held, waiters } = yield* makeHolding(first, second)
      expect(yield* waiters.acquire(forReason("Expired"))).toBe(held)
      yield* TestClock.adjust("1 minute")
      expect(yield* failureOf(waiters.acquire(stepUp))).toBe(second)
    }))

  it.scoped("does not return the held token in place of the rejected one", () =>
    Effect.gen(function*() {
      const error = finalError()
      const { held, waiters } = yield* makeHolding(error)
      expect(yield* failureOf(waiters.acquire({ ...forReason("Rejected"), rejected: held }))).toBe(error)
    }))
})

describe("AcquisitionWaiters: an attempt of the scheduled refresh", () => {
  it.scoped("that brings a token returns true, and the background is not paused", () =>
    Effect.gen(function*() {
      const { state, waiters } = yield* makeHolding(Effect.sync(() => makeToken({ issuedAt: start })))
      expect(yield* waiters.renewInBackground()).toBe(true)
      expect(state.backgroundPausedUntil).toBe(0)
    }))

  it.scoped("that fails for the moment returns false, and the background is not paused", () =>
    Effect.gen(function*() {
      const { state, waiters } = yield* makeHolding(transientError())
      expect(yield* waiters.renewInBackground()).toBe(false)
      expect(state.backgroundPausedUntil).toBe(0)
    }))

  it.scoped.each([
    { what: "is finally refused", failure: finalError() },
    { what: "dies", failure: Effect.dieMessage("a bug") }
  ])(
    "that $what returns false, and the background pauses until the mandatory part",
    ({ failure }) =>
      Effect.gen(function*() {
        const { state, waiters } = yield* makeHolding(failure)
        expect(yield* waiters.renewInBackground()).toBe(false)
        expect(state.backgroundPausedUntil).toBe(state.held.moments.mandatoryAt)
      })
  )
})

describe("AcquisitionWaiters: a clock that was set back, and is right again after the wait for the next attempt", () => {
  /** The clock is behind until the first attempt has failed. The next attempt comes 1 second after `start`. */
  const run = (life: number) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(start)
      const { clock, platform } = yield* makeWorkerClock
      const next = makeToken({ issuedAt: start })
      const answers: Array<Acquired> = [transientError(), Effect.succeed(next)]
      const policy = RefreshPolicy.make({ mandatoryWindow: () => "100 millis" })
      const parts = yield* Effect.withClock(
        makeParts(() => Effect.suspend(() => answers.shift() ?? Effect.never), { policy }),
        clock
      )
      const held = makeToken({ issuedAt: start, expiresAt: start + life })
      parts.state.loaded(held, "First", start, 0)
      platform.ahead = -500
      const caller = yield* Effect.fork(new AcquisitionWaiters(parts).acquire(forReason("Expired")))
      yield* settle
      platform.ahead = 0
      yield* TestClock.adjust("1 second")
      const token = yield* Fiber.join(caller)
      return { isHeld: token === held, isNext: token === next }
    }).pipe(Effect.withRandom(Random.fixed([0])))

  it.scoped("callers get the held token, without another attempt", () =>
    Effect.gen(function*() {
      expect(yield* run(3_600_000)).toEqual({ isHeld: true, isNext: false })
    }))

  it.scoped("callers get another token if the mandatory part of the held one has begun by then", () =>
    Effect.gen(function*() {
      expect(yield* run(1100)).toEqual({ isHeld: false, isNext: true })
    }))
})

describe("AcquisitionWaiters: a closed provider", () => {
  it.effect("fails its callers with a defect, also those with a token", () =>
    Effect.gen(function*() {
      const { waiters } = yield* Effect.scoped(makeHolding())
      const exit = yield* Effect.exit(waiters.acquire(forReason("Expired")))
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
    }))
})

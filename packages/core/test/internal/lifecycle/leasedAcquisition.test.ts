import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted, TestClock } from "effect"
import { type AccessToken, OAuthError } from "../../../src/index.ts"
import { type Demand, forReason } from "../../../src/internal/lifecycle/demand.ts"
import * as LeasedAcquisition from "../../../src/internal/lifecycle/leasedAcquisition.ts"
import type { Acquired } from "../../../src/internal/lifecycle/lifecycleParts.ts"
import { finalError, makeToken, transientError } from "./fixtures.ts"
import { makeAnswered, start } from "./parts.ts"

/** Runs acquisitions whose authorization server gives these answers, one after the other. */
const make = (...answers: ReadonlyArray<Acquired>) =>
  Effect.gen(function*() {
    const { asked, parts } = yield* makeAnswered(answers, Effect.dieMessage("one request too many"))
    const delivered: Array<AccessToken.AccessToken> = []
    const run = (demand: Demand, isGivenUp = () => false) =>
      LeasedAcquisition.run(parts, demand, {
        deliver: (token) => Effect.sync(() => delivered.push(token)),
        isGivenUp
      })
    return { ...parts, asked, delivered, run }
  })

const fresh = () => makeToken({ issuedAt: start, expiresAt: start + 3_600_000 })

const stepUp = (...missing: ReadonlyArray<string>): Demand => ({ reason: "StepUp", wanted: missing, missing })

const refusal = (code: string, reason: "Refused" | "Unavailable" = "Refused") =>
  new OAuthError.TokenEndpointError({
    reason,
    url: "https://auth.example.com/token",
    description: "made up",
    code
  })

describe("LeasedAcquisition: one token", () => {
  it.scoped("a token of the authorization server is held, delivered and stored", () =>
    Effect.gen(function*() {
      const token = fresh()
      const { delivered, run, state, storage } = yield* make(Effect.succeed(token))
      expect(yield* run(forReason("First"))).toBe(token)
      expect(state.acquiringSince).toBe(start)
      expect(state.held.token).toBe(token)
      expect(delivered).toEqual([token])
      expect(yield* storage.get()).toMatchObject({ value: token })
    }))

  it.scoped("a usable token of the storage is held, without a request", () =>
    Effect.gen(function*() {
      const token = fresh()
      const { asked, run, state, storage } = yield* make()
      yield* storage.set(token)
      expect(yield* run(forReason("First"))).toBe(token)
      expect(state.held.token).toBe(token)
      expect(asked).toEqual([])
    }))

  it.scoped("an acquisition that was given up while it read the storage neither holds that token nor fails", () =>
    Effect.gen(function*() {
      const { run, state, storage } = yield* make()
      yield* storage.set(fresh())
      const exit = yield* Effect.exit(run(forReason("First"), () => true))
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(state.held.token).toBe(undefined)
      expect(state.outage.isOngoing(start)).toBe(false)
    }))

  it.scoped("an acquisition that was given up during its request does not hold the token, and does not fail", () =>
    Effect.gen(function*() {
      let isGivenUp = false
      const { delivered, run, state } = yield* make(Effect.sync(() => {
        isGivenUp = true
        return fresh()
      }))
      const exit = yield* Effect.exit(run(forReason("First"), () => isGivenUp))
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(delivered).toEqual([])
      expect(state.held.token).toBe(undefined)
      expect(state.outage.isOngoing(start)).toBe(false)
    }))
})

describe("LeasedAcquisition: the refresh token of a request", () => {
  /** An expired token that was issued so many milliseconds before the request, with a refresh token. */
  const old = (age: number, refreshToken: string) =>
    makeToken({
      issuedAt: start - age,
      expiresAt: start - age + 1,
      scopes: [refreshToken],
      refreshToken: Redacted.make(refreshToken)
    })

  const presentedIn = ({ refreshToken }: Demand) => refreshToken && Redacted.value(refreshToken)

  it.scoped.each<readonly [which: string, held: number, stored: number, presented: string]>([
    ["the held token if that is the latest", 1000, 2000, "canary-held"],
    ["the stored token if that is the latest", 2000, 1000, "canary-stored"],
    ["the held token if both are from the same moment", 1000, 1000, "canary-held"]
  ])("is that of %s", ([, held, stored, presented]) =>
    Effect.gen(function*() {
      const { asked, run, state, storage } = yield* make(Effect.sync(fresh))
      state.loaded(old(held, "canary-held"), "First", start, 0)
      yield* storage.set(old(stored, "canary-stored"))
      yield* run(forReason("Expired"))
      expect(asked).toMatchObject([{
        refreshTokenIssuer: "https://auth.example.com",
        refreshTokenScopes: [presented],
        boundIssuer: "https://auth.example.com"
      }])
      expect(asked.map(presentedIn)).toEqual([presented])
    }))

  it.scoped("is that of the rejected token after a 401", () =>
    Effect.gen(function*() {
      const { asked, run } = yield* make(Effect.sync(fresh))
      yield* run({ ...forReason("Rejected"), rejected: old(1000, "canary-rejected") })
      expect(asked.map(presentedIn)).toEqual(["canary-rejected"])
    }))

  it.scoped("is missing in the first request, which no issuer binds", () =>
    Effect.gen(function*() {
      const { asked, run } = yield* make(Effect.sync(fresh))
      yield* run(forReason("First"))
      expect(asked.map(presentedIn)).toEqual([undefined])
      expect(asked.map(({ boundIssuer }) => boundIssuer)).toEqual([undefined])
    }))
})

describe("LeasedAcquisition: the scopes that step-ups have gained", () => {
  const makeGained = (...answers: ReadonlyArray<Acquired>) =>
    Effect.gen(function*() {
      const made = yield* make(Effect.succeed(makeToken({ issuedAt: start, scopes: ["admin"] })), ...answers)
      yield* made.run(stepUp("admin"))
      yield* TestClock.adjust("2 hours")
      const wanted = () => made.asked.slice(1).map(({ wanted }) => wanted)
      return { ...made, wanted }
    })

  it.scoped("are left out of a second request after invalid_scope, and of all later ones", () =>
    Effect.gen(function*() {
      const { run, state, wanted } = yield* makeGained(refusal("invalid_scope"), Effect.sync(fresh))
      yield* run(forReason("Expired"))
      expect(wanted()).toEqual([["admin"], []])
      expect(state.stepUps.gained).toEqual([])
    }))

  it.scoped("are left out of later requests after another final refusal, without a second request", () =>
    Effect.gen(function*() {
      const { run, state, wanted } = yield* makeGained(refusal("access_denied"))
      expect(yield* Effect.flip(run(forReason("Expired")))).toMatchObject({ code: "access_denied" })
      expect(wanted()).toEqual([["admin"]])
      expect(state.stepUps.gained).toEqual([])
    }))

  it.scoped("are left out of later requests after a final error of another part, without a second request", () =>
    Effect.gen(function*() {
      const error = new OAuthError.AssertionError({ reason: "Expired", description: "made up" })
      const { run, state, wanted } = yield* makeGained(error)
      expect(yield* Effect.flip(run(forReason("Expired")))).toMatchObject({ _tag: "AssertionError" })
      expect(wanted()).toEqual([["admin"]])
      expect(state.stepUps.gained).toEqual([])
    }))

  it.scoped("stay in later requests after a transient invalid_scope", () =>
    Effect.gen(function*() {
      const { run, state, wanted } = yield* makeGained(refusal("invalid_scope", "Unavailable"))
      expect(yield* Effect.flip(run(forReason("Expired")))).toMatchObject({ transient: true })
      expect(wanted()).toEqual([["admin"]])
      expect(state.stepUps.gained).toEqual(["admin"])
    }))

  it.scoped("stay in later requests after a step-up for other scopes is refused", () =>
    Effect.gen(function*() {
      const { run, state, wanted } = yield* makeGained(refusal("invalid_scope"))
      expect(yield* Effect.flip(run(stepUp("write")))).toMatchObject({ code: "invalid_scope" })
      expect(wanted()).toEqual([["write", "admin"]])
      expect(state.stepUps.gained).toEqual(["admin"])
    }))
})

describe("LeasedAcquisition: a failure", () => {
  it.scoped.each<readonly [what: string, failure: Acquired, demand: Demand]>([
    ["a renewal that is finally refused", finalError(), forReason("Expired")],
    ["a renewal that fails for the moment", transientError(), forReason("Expired")],
    ["a renewal that dies", Effect.dieMessage("a bug"), forReason("Expired")],
    ["a step-up that fails for the moment", transientError(), stepUp("admin")],
    ["a step-up that dies", Effect.dieMessage("a bug"), stepUp("admin")]
  ])("%s answers later callers for a while", ([, failure, demand]) =>
    Effect.gen(function*() {
      const { run, state } = yield* make(failure)
      const exit = yield* Effect.exit(run(demand))
      expect(Exit.isFailure(exit)).toBe(true)
      expect(state.outage.current(start)).toBeDefined()
      expect(state.stepUps.isWorthTrying(["admin"])).toBe(true)
    }))

  it.scoped("a step-up that is finally refused is not worth another try, and no other caller fails with it", () =>
    Effect.gen(function*() {
      const { run, state } = yield* make(finalError())
      yield* Effect.flip(run(stepUp("admin")))
      expect(state.outage.current(start)).toBe(undefined)
      expect(state.stepUps.isWorthTrying(["admin"])).toBe(false)
    }))

  it.scoped("an interruption from below is a defect that says where to look", () =>
    Effect.gen(function*() {
      const { run } = yield* make(Effect.interrupt)
      const exit = yield* Effect.exit(run(forReason("First")))
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("interrupted from below")
    }))
})

import { describe, expect, it } from "@effect/vitest"
import { Cause } from "effect"
import { RefreshPolicy } from "../../../src/index.ts"
import { forReason } from "../../../src/internal/lifecycle/demand.ts"
import { LifecycleState } from "../../../src/internal/lifecycle/lifecycleState.ts"
import { finalError, makeToken, transientError } from "./fixtures.ts"

const minutes = (count: number) => count * 60_000

const make = (options?: Partial<RefreshPolicy.Options>) => {
  let woken = 0
  const state = new LifecycleState(RefreshPolicy.make(options), () => woken++)
  return { state, woken: () => woken }
}

/** A state that holds a used token of an hour, issued at 0. */
const makeHolding = (options?: Partial<RefreshPolicy.Options>) => {
  const made = make(options)
  const token = makeToken({ scopes: ["mcp"] })
  made.state.acquisitionStarted(0)
  made.state.obtained(token, forReason("First"), 0, 0, 0)
  made.state.used()
  return { ...made, token }
}

const unavailable = Cause.fail(transientError())

describe("LifecycleState: transitions", () => {
  it("at first there is nothing to renew", () => {
    const { state } = make()
    expect(state.nextRenewal(0)).toBe(undefined)
    expect(state.lastStored).toBe(undefined)
    expect(state.backgroundPausedUntil).toBe(0)
  })

  it("acquisitionStarted: the moment is known until the next one", () => {
    const { state } = make()
    state.acquisitionStarted(5)
    expect(state.acquiringSince).toBe(5)
    state.failed(unavailable, 6, 0)
    state.acquisitionStarted(7)
    expect(state.acquiringSince).toBe(7)
  })

  it("foundInStorage: the last stored token stays known, also when another one is held", () => {
    const { state } = make()
    const stored = makeToken({ expiresAt: 1 })
    state.foundInStorage(stored)
    expect(state.held.token).toBe(undefined)
    state.obtained(makeToken(), forReason("First"), 0, 0, 0)
    expect(state.lastStored).toBe(stored)
  })

  it("obtained: the token is held, its renewal is planned, and the background is woken once", () => {
    const { state, token, woken } = makeHolding()
    expect(state.held.token).toBe(token)
    expect(state.nextRenewal(0)).toBe(minutes(45))
    expect(woken()).toBe(1)
  })

  it("obtained: the latency of the request brings this and later renewals forward", () => {
    const { state } = make()
    state.obtained(makeToken(), forReason("First"), 0, 0, minutes(10))
    expect(state.held.moments.renewAt).toBe(minutes(39))
    state.loaded(makeToken(), "Scheduled", 0, 0)
    expect(state.held.moments.renewAt).toBe(minutes(39))
  })

  it("obtained and loaded end an outage and a pause of the background", () => {
    const { state } = makeHolding()
    const endings = [
      () => state.obtained(makeToken(), forReason("Scheduled"), minutes(50), 0, 0),
      () => state.loaded(makeToken(), "Scheduled", minutes(50), 0)
    ]
    for (const end of endings) {
      state.failed(Cause.fail(finalError()), minutes(50), 0)
      state.backgroundPaused(minutes(50))
      expect(state.outage.isOngoing(minutes(50))).toBe(true)
      expect(state.backgroundPausedUntil).toBe(minutes(59))
      end()
      expect(state.outage.isOngoing(minutes(50))).toBe(false)
      expect(state.backgroundPausedUntil).toBe(0)
    }
  })

  it("obtained by a step-up: the granted scopes are gained, and the rest is refused for the life of the token", () => {
    const { state } = makeHolding()
    const demand = { reason: "StepUp" as const, wanted: ["mcp", "read", "admin"], missing: ["read", "admin"] }
    state.obtained(makeToken({ scopes: ["mcp", "read"] }), demand, 1, 0, 0)
    expect(state.stepUps.gained).toEqual(["mcp", "read"])
    expect(state.stepUps.isWorthTrying(["admin"])).toBe(false)
    state.obtained(makeToken(), forReason("Rejected"), 2, 0, 0)
    expect(state.stepUps.isWorthTrying(["admin"])).toBe(true)
    expect(state.stepUps.gained).toEqual(["mcp", "read"])
  })

  it("loaded by a step-up gains nothing, because the token may be of any scopes", () => {
    const { state } = makeHolding()
    state.loaded(makeToken({ scopes: ["mcp", "read"] }), "StepUp", 1, 0)
    expect(state.stepUps.gained).toEqual([])
  })

  it("the count of step-ups continues over granted ones and rejected tokens, and starts anew with a renewal", () => {
    const { state } = makeHolding()
    for (let count = 0; count < 7; count++) state.stepUpRefused([`x${count}`])
    const demand = { reason: "StepUp" as const, wanted: ["mcp", "read"], missing: ["read"] }
    state.obtained(makeToken({ scopes: ["mcp", "read"] }), demand, 1, 0, 0)
    expect(state.stepUps.isWorthTrying(["next"])).toBe(false)
    state.obtained(makeToken(), forReason("Rejected"), 1, 0, 0)
    expect(state.stepUps.isWorthTrying(["next"])).toBe(false)
    state.obtained(makeToken(), forReason("Scheduled"), 2, 0, 0)
    expect(state.stepUps.isWorthTrying(["next"])).toBe(true)
  })

  it("obtained for another reason does not count as a step-up", () => {
    const { state } = makeHolding()
    for (let count = 0; count < 7; count++) state.stepUpRefused([`x${count}`])
    state.obtained(makeToken(), forReason("Rejected"), 1, 0, 0)
    expect(state.stepUps.isWorthTrying(["next"])).toBe(true)
  })

  it("scopesWithdrawn: renewals leave out what step-ups had gained", () => {
    const { state } = makeHolding()
    state.obtained(makeToken({ scopes: ["read"] }), { reason: "StepUp", wanted: ["read"], missing: ["read"] }, 1, 0, 0)
    state.scopesWithdrawn()
    expect(state.stepUps.gained).toEqual([])
  })

  it("rejected: there is no held token until the next one, and the background has nothing to do", () => {
    const { state, token } = makeHolding()
    expect(state.rejected(1)).toBe(true)
    expect(state.held.token).toBe(undefined)
    expect(state.held.rejected).toBe(token)
    expect(state.nextRenewal(minutes(50))).toBe(undefined)
    state.obtained(makeToken(), forReason("Rejected"), 1, 0, 0)
    expect(state.rejected(2)).toBe(false)
    expect(state.held.token).toBeDefined()
  })

  it("failed: the held token stays, and its mandatory part limits the wait only while the token is valid", () => {
    const options = { backoff: { base: "10 minutes", max: "10 minutes" } } as const
    const { state, token } = makeHolding(options)
    state.failed(unavailable, minutes(55), 0)
    expect(state.held.token).toBe(token)
    expect(state.outage.current(minutes(55))?.until).toBe(minutes(65))
    state.failed(unavailable, minutes(60), 0)
    expect(state.outage.current(minutes(60))?.until).toBe(minutes(60) + 2000)
  })

  it("failed after rejected: callers depend on the next attempt, so the wait is that of the urgent backoff", () => {
    const { state } = makeHolding({ backoff: { base: "10 minutes", max: "10 minutes" } })
    state.rejected(minutes(1))
    state.failed(unavailable, minutes(1), 0)
    expect(state.outage.current(minutes(1))?.until).toBe(minutes(1) + 1000)
  })

  it("stepUpRefused: no outage begins", () => {
    const { state, token } = makeHolding()
    state.stepUpRefused(["admin"])
    expect(state.stepUps.isWorthTrying(["admin"])).toBe(false)
    expect(state.outage.isOngoing(1)).toBe(false)
    expect(state.held.valid(1)).toBe(token)
  })

  it("waiterArrived: the patience for an outage begins, and a token ends it", () => {
    const { state } = make()
    state.waiterArrived(0)
    state.failed(unavailable, 0, 0)
    expect(state.outage.isWorthWaiting(unavailable, 0)).toBe(true)
    state.obtained(makeToken(), forReason("First"), 1, 0, 0)
    expect(state.outage.isWorthWaiting(unavailable, 1)).toBe(false)
  })

  it("backgroundPaused: until the mandatory part, and for good from there on", () => {
    const { state } = makeHolding()
    state.backgroundPaused(minutes(50))
    expect(state.nextRenewal(minutes(50))).toBe(minutes(59))
    state.backgroundPaused(minutes(59))
    expect(state.backgroundPausedUntil).toBe(Number.POSITIVE_INFINITY)
    expect(state.nextRenewal(minutes(59))).toBe(undefined)
  })
})

describe("LifecycleState: the next renewal", () => {
  it("a used token is due from its planned moment on, also after its expiry with `renewUnused`", () => {
    const { state } = makeHolding({ renewUnused: true })
    expect([44, 45, 50, 61].map((at) => state.nextRenewal(minutes(at)))).toEqual([45, 45, 50, 61].map(minutes))
  })

  it("a token that no caller has used by its planned moment is left to expire, and a later use makes it due", () => {
    const { state } = makeHolding()
    state.loaded(makeToken(), "Scheduled", 0, 0)
    expect(state.nextRenewal(minutes(44))).toBe(minutes(45))
    expect(state.nextRenewal(minutes(45))).toBe(undefined)
    state.used()
    expect(state.nextRenewal(minutes(45))).toBe(minutes(45))
  })

  it("an expired token is left to the next caller", () => {
    const { state } = makeHolding()
    expect(state.nextRenewal(minutes(60) - 1)).toBe(minutes(60) - 1)
    expect(state.nextRenewal(minutes(60))).toBe(undefined)
  })

  it("a current failure postpones the renewal", () => {
    const { state } = makeHolding()
    state.failed(unavailable, minutes(50), 0)
    expect(state.nextRenewal(minutes(50))).toBe(minutes(50) + 1000)
    expect(state.nextRenewal(minutes(50) + 1000)).toBe(minutes(50) + 1000)
  })
})

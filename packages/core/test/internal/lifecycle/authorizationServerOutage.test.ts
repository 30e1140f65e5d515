import { describe, expect, it } from "@effect/vitest"
import { Cause, Duration } from "effect"
import { Outage } from "../../../src/internal/lifecycle/authorizationServerOutage.ts"
import { type OAuthError, RefreshPolicy } from "../../../src/index.ts"
import { finalError, transientError } from "./fixtures.ts"

const make = (options?: Partial<RefreshPolicy.Options>) => new Outage(RefreshPolicy.make(options))

const failWith = (outage: Outage, error: OAuthError.OAuthError, at: number, mandatoryAt?: number) => {
  outage.failed(Cause.fail(error), at, 0, mandatoryAt)
  return outage.current(at)
}

const untilOf = (outage: Outage, at: number) => outage.current(at)?.until

describe("Outage: how long a failure answers callers", () => {
  it("a failure is current until its wait is over, and the outage is ongoing after that", () => {
    const outage = make()
    const failure = failWith(outage, transientError(), 10_000)
    expect(failure).toMatchObject({ from: 10_000, until: 11_000 })
    expect(outage.current(10_999)).toBe(failure)
    expect(outage.current(11_000)).toBe(undefined)
    expect(outage.isOngoing(11_000)).toBe(true)
  })

  it("a failure from the future, left by a clock that was set back, neither answers nor counts as an outage", () => {
    const outage = make()
    failWith(outage, transientError(), 10_000)
    expect(outage.current(9999)).toBe(undefined)
    expect(outage.isOngoing(9999)).toBe(false)
  })

  it("without a token the wait doubles with each transient failure, by the urgent backoff", () => {
    const outage = make({ urgentBackoff: { base: "1 second", max: "4 seconds" } })
    const waits = [0, 1000, 3000, 7000].map((at) => (failWith(outage, transientError(), at)?.until ?? 0) - at)
    expect(waits).toEqual([1000, 2000, 4000, 4000])
  })

  it("transient and final failures are counted apart", () => {
    const outage = make({ refusalMemory: 0 })
    failWith(outage, transientError(), 0)
    failWith(outage, transientError(), 1000)
    expect(failWith(outage, finalError(), 3000)?.until).toBe(4000)
    expect(failWith(outage, transientError(), 4000)?.until).toBe(8000)
  })

  it("a bug below the provider counts as a final failure", () => {
    const outage = make()
    outage.failed(Cause.die("a bug"), 0, 0, undefined)
    expect(untilOf(outage, 0)).toBe(Duration.toMillis(RefreshPolicy.standard.refusalMemory))
  })

  it("before the mandatory part the wait ends at its beginning, and at the first step of the backoff at the earliest", () => {
    const outage = make({ backoff: { base: "1 second", max: "5 minutes" } })
    for (let times = 0; times < 8; times++) failWith(outage, transientError(), times, 60_000)
    expect(untilOf(outage, 7)).toBe(60_000)
    expect(failWith(outage, transientError(), 59_500, 60_000)?.until).toBe(60_500)
  })

  it("in the mandatory part the wait is that of the urgent backoff", () => {
    const outage = make({ backoff: { base: "1 minute", max: "5 minutes" } })
    expect(failWith(outage, transientError(), 0, 1_000_000)?.until).toBe(60_000)
    const other = make({ backoff: { base: "1 minute", max: "5 minutes" } })
    expect(failWith(other, transientError(), 1000, 1000)?.until).toBe(2000)
  })

  it("a token ends the outage and the count of failures", () => {
    const outage = make()
    failWith(outage, transientError(), 0)
    failWith(outage, transientError(), 1000)
    outage.ended()
    expect(outage.isOngoing(1000)).toBe(false)
    expect(failWith(outage, transientError(), 2000)?.until).toBe(3000)
  })

  it("a token ends the count of final failures too", () => {
    const outage = make({ refusalMemory: 0 })
    failWith(outage, finalError(), 0)
    failWith(outage, finalError(), 1000)
    outage.ended()
    expect(failWith(outage, finalError(), 3000)?.until).toBe(4000)
  })

  it("a failure long after the last one starts the backoff anew", () => {
    const outage = make()
    failWith(outage, transientError(), 0)
    failWith(outage, transientError(), 1000)
    // The failure is current until 3 s, and counts as recent for another 25 s.
    expect(failWith(outage, transientError(), 28_001)?.until).toBe(29_001)
  })
})

describe("Outage: how long callers without a token wait", () => {
  const error = Cause.fail(transientError())

  it("patience is counted from the first waiter, also for those who come later", () => {
    const outage = make({ patience: { withToken: 0, withoutToken: "10 seconds" } })
    expect(outage.isWorthWaiting(error, 0)).toBe(false)
    outage.waiterArrived(0)
    failWith(outage, transientError(), 500)
    outage.waiterArrived(9000)
    expect(outage.isWorthWaiting(error, 9999)).toBe(true)
    expect(outage.isWorthWaiting(error, 10_000)).toBe(false)
  })

  it("waiting is not worth it if the next attempt comes after the patience", () => {
    const outage = make()
    outage.waiterArrived(0)
    failWith(outage, transientError(60_000), 0)
    expect(outage.isWorthWaiting(error, 0)).toBe(false)
  })

  it("waiting is never worth it after a final failure or a bug", () => {
    const outage = make()
    outage.waiterArrived(0)
    expect(outage.isWorthWaiting(Cause.fail(finalError()), 0)).toBe(false)
    expect(outage.isWorthWaiting(Cause.die("a bug"), 0)).toBe(false)
    expect(outage.isWorthWaiting(error, 0)).toBe(true)
  })

  it("a waiter who comes long after the last failure starts a patience of its own", () => {
    const outage = make()
    outage.waiterArrived(0)
    failWith(outage, transientError(), 0)
    // The failure is current until 1 s, and counts as recent for another 25 s.
    outage.waiterArrived(26_000)
    expect(outage.isWorthWaiting(error, 26_000)).toBe(false)
    outage.waiterArrived(26_001)
    expect(outage.isWorthWaiting(error, 26_001)).toBe(true)
    expect(outage.isOngoing(26_001)).toBe(false)
  })

  it("a clock that was set back to before the first waiter starts the patience anew", () => {
    const outage = make()
    outage.waiterArrived(50_000)
    outage.waiterArrived(40_000)
    expect(outage.isWorthWaiting(error, 64_999)).toBe(true)
    expect(outage.isWorthWaiting(error, 65_000)).toBe(false)
  })

  it("a clock that was set back to before the outage ends the outage", () => {
    const outage = make()
    failWith(outage, transientError(), 50_000)
    outage.waiterArrived(40_000)
    expect(outage.isOngoing(60_000)).toBe(false)
    expect(outage.isWorthWaiting(error, 64_999)).toBe(true)
    expect(outage.isWorthWaiting(error, 65_000)).toBe(false)
  })
})

import { describe, expect } from "@effect/vitest"
import { Cause } from "effect"
import * as FastCheck from "effect/FastCheck"
import { type OAuthError, RefreshPolicy } from "../../../src/index.ts"
import { Outage } from "../../../src/internal/lifecycle/authorizationServerOutage.ts"
import { jitter, millis } from "../../support/arbitraries/token.ts"
import { finalError, transientError } from "./fixtures.ts"
import { property } from "../../support/property.ts"

type Failing = "transient" | "final" | "bug"

interface Step {
  readonly kind: "Fail" | "Wait" | "End"
  /** How long after the step before, in milliseconds. */
  readonly after: number
  readonly failing: Failing
  readonly jitter: number
  /** When the mandatory part of the held token begins, counted from this step. `undefined` without a token. */
  readonly mandatoryIn: number | undefined
}

const step = FastCheck.record<Step>({
  kind: FastCheck.constantFrom("Fail", "Fail", "Fail", "Wait", "End"),
  after: FastCheck.oneof(FastCheck.constant(0), millis(1, 5000), millis(1, 10 ** 6)),
  failing: FastCheck.constantFrom("transient", "transient", "final", "bug"),
  jitter,
  mandatoryIn: FastCheck.option(FastCheck.integer({ min: -100_000, max: 1_000_000 }), { nil: undefined })
})

const causes: Readonly<Record<Failing, Cause.Cause<OAuthError.OAuthError>>> = {
  transient: Cause.fail(transientError()),
  final: Cause.fail(finalError()),
  bug: Cause.die("a bug")
}

/** Of the standard policy, in milliseconds. */
const withoutToken = 25_000
const refusalMemory = 5000

/** The expected state of the outage, by rules that look at the whole past. */
class Model {
  last: { readonly from: number; readonly until: number } | undefined
  transient = 0
  final = 0
  waitingSince: number | undefined

  end(): void {
    this.last = undefined
    this.transient = this.final = 0
    this.waitingSince = undefined
  }

  /** An outage of which nobody has heard for the patience of a caller after its last wait is over. */
  forget(at: number): void {
    if (this.last !== undefined && at > this.last.until + withoutToken) this.end()
  }
}

describe("an outage, after any steps", () => {
  property("answers and waits as the whole past says", [FastCheck.array(step, { maxLength: 30 })], ([steps]) => {
    const outage = new Outage(RefreshPolicy.standard)
    const model = new Model()
    let at = 0
    for (const { after, failing, jitter, kind, mandatoryIn } of steps) {
      at += after
      if (kind === "End") {
        outage.ended()
        model.end()
      } else if (kind === "Wait") {
        outage.waiterArrived(at)
        model.forget(at)
        model.waitingSince ??= at
      } else {
        const mandatoryAt = mandatoryIn === undefined ? undefined : at + mandatoryIn
        outage.failed(causes[failing], at, jitter, mandatoryAt)
        model.forget(at)
        const times = failing === "transient" ? model.transient++ : model.final++
        const urgent = mandatoryAt === undefined || at >= mandatoryAt
        const longest = urgent ? 30_000 : 300_000
        const least = failing === "transient" ? 0 : refusalMemory
        const doubled = Math.min(longest, 1000 * 2 ** times)
        const until = outage.current(at)?.until ?? Number.NaN
        const wait = until - at
        // Before the mandatory part the wait ends where that part begins, and after the first step at the earliest.
        const limit = urgent ? Number.POSITIVE_INFINITY : Math.max(at + Math.max(1000, least), mandatoryAt ?? 0)
        expect(until).toBeLessThanOrEqual(limit)
        expect(wait).toBeLessThanOrEqual(Math.max(least, doubled * 1.5 + 1))
        expect(wait).toBeGreaterThanOrEqual(Math.min(Math.max(least, doubled), limit - at))
        model.last = { from: at, until }
      }
      expect(outage.isOngoing(at)).toBe(model.last !== undefined)
      expect(outage.current(at) !== undefined).toBe(model.last !== undefined && at < model.last.until)
      const next = Math.max(at, model.last?.until ?? at)
      const isWorth = model.waitingSince !== undefined && next < model.waitingSince + withoutToken
      expect(outage.isWorthWaiting(causes.transient, at)).toBe(isWorth)
      expect(outage.isWorthWaiting(causes.final, at)).toBe(false)
      expect(outage.isWorthWaiting(causes.bug, at)).toBe(false)
    }
  })

  property(
    "that has ended is forgotten: the same steps have the same outcome as at the beginning",
    [FastCheck.array(step, { maxLength: 10 }), FastCheck.array(step, { maxLength: 10 })],
    ([before, steps]) => {
      const run = (outage: Outage, steps: ReadonlyArray<Step>, from: number) => {
        let at = from
        return steps.map(({ after, failing, jitter, kind, mandatoryIn }) => {
          at += after
          if (kind === "End") outage.ended()
          else if (kind === "Wait") outage.waiterArrived(at)
          else outage.failed(causes[failing], at, jitter, mandatoryIn === undefined ? undefined : at + mandatoryIn)
          const until = outage.current(at)?.until
          return [outage.isOngoing(at), until && until - at, outage.isWorthWaiting(causes.transient, at)]
        })
      }
      const used = new Outage(RefreshPolicy.standard)
      run(used, before, 0)
      used.ended()
      const from = before.reduce((at, { after }) => at + after, 0)
      expect(run(used, steps, from)).toEqual(run(new Outage(RefreshPolicy.standard), steps, from))
    }
  )

  property("from the future, left by a clock that was set back, says nothing", [step, millis(1, 10 ** 6)], ([
    { failing, jitter },
    back
  ]) => {
    const outage = new Outage(RefreshPolicy.standard)
    const at = 10 ** 9
    outage.waiterArrived(at)
    outage.failed(causes[failing], at, jitter, undefined)
    expect([outage.isOngoing(at - back), outage.current(at - back)]).toEqual([false, undefined])
    outage.waiterArrived(at - back)
    expect(outage.isOngoing(at)).toBe(false)
    expect(outage.isWorthWaiting(causes.transient, at - back)).toBe(true)
  })
})

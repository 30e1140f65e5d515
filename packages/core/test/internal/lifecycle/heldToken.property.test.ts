import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { AccessToken, type OAuthEvent, RefreshPolicy } from "../../../src/index.ts"
import { HeldToken } from "../../../src/internal/lifecycle/heldToken.ts"
import { jitter, lifetime, millis } from "../../support/arbitraries/token.ts"
import { makeToken } from "./fixtures.ts"
import { property } from "../../support/property.ts"

/** Few tokens, whose times the tests set: the recorder of the tests would search for each further secret. */
const token = FastCheck.constantFrom(makeToken(), makeToken(), makeToken())

const reason: FastCheck.Arbitrary<OAuthEvent.Reason> = FastCheck.constantFrom(
  "First",
  "Expired",
  "Scheduled",
  "Rejected",
  "StepUp"
)

/** An event in the life of a held token, and its distance from the event before, in milliseconds. */
type Step =
  | { readonly kind: "Hold"; readonly after: number; readonly token: AccessToken.AccessToken; readonly life: number }
    & { readonly reason: OAuthEvent.Reason; readonly jitter: number; readonly latency: number }
  | { readonly kind: "Reject" | "RejectAtOnce"; readonly after: number }

const after = FastCheck.oneof(FastCheck.constant(0), millis(1, 3000), millis(1, 10 ** 8))

const step: FastCheck.Arbitrary<Step> = FastCheck.oneof(
  FastCheck.record({
    kind: FastCheck.constant("Hold" as const),
    after,
    token,
    life: lifetime,
    reason,
    jitter,
    latency: millis(1, 60_000)
  }),
  FastCheck.record({ kind: FastCheck.constantFrom("Reject" as const, "RejectAtOnce" as const), after })
)

const steps = FastCheck.array(step, { maxLength: 20 })

/** Runs the steps. `check` is called after each one. */
const run = (
  steps: ReadonlyArray<Step>,
  check: (held: HeldToken, at: number, step: Step, before: AccessToken.AccessToken | undefined, result: unknown) => void
) => {
  const held = new HeldToken(RefreshPolicy.standard)
  let at = 0
  for (const step of steps) {
    at += step.after
    const before = held.token
    let result: unknown
    if (step.kind === "Hold") {
      const { jitter, latency, life, reason } = step
      const next = AccessToken.copy(step.token, { issuedAt: at, expiresAt: at + life, refreshAt: undefined })
      held.hold(next, reason, at, jitter, latency)
    } else if (before !== undefined) {
      result = step.kind === "Reject" ? held.reject(at) : held.rejectedAtOnce()
    }
    check(held, at, step, before, result)
  }
}

describe("a held token, after any steps", () => {
  property(
    "is returned from its issue until just before its expiry, and never outside of that time",
    [steps],
    ([steps]) => {
      run(steps, (held) => {
        const { token } = held
        if (token === undefined) return expect([held.valid(0), held.valid(10 ** 12)]).toEqual([undefined, undefined])
        const at = [token.issuedAt - 1, token.issuedAt, token.expiresAt - 1, token.expiresAt]
        expect(at.map((at) => held.valid(at) !== undefined)).toEqual([false, true, true, false])
      })
    }
  )

  property("is planned within its life and is unused when it is new", [steps], ([steps]) => {
    run(steps, (held, _, step) => {
      if (step.kind !== "Hold" || held.token === undefined) return
      const { moments: { mandatoryAt, renewAt }, token: { expiresAt, issuedAt } } = held
      expect([issuedAt, renewAt, mandatoryAt, expiresAt].toSorted((a, b) => a - b))
        .toEqual([issuedAt, renewAt, mandatoryAt, expiresAt])
      expect(held.used).toBe(false)
      held.used = true
    })
  })

  property("that is rejected is either dropped and remembered as rejected, or stays; nothing else changes", [steps], ([
    steps
  ]) => {
    run(steps, (held, _, step, before, result) => {
      if (step.kind !== "Reject" || before === undefined) return
      expect([held.token, held.rejected === before]).toEqual(result === true ? [undefined, true] : [before, false])
    })
  })

  property(
    "for another reason than a rejection, and one that lived for `2 * rejectionMemory`, is always replaced",
    [steps],
    ([steps]) => {
      let heldSince = 0
      let reason: OAuthEvent.Reason = "First"
      let isFirst = true
      run(steps, (_, at, step, before, result) => {
        if (step.kind === "Hold") {
          heldSince = at
          reason = step.reason
          isFirst = true
        } else if (before !== undefined) {
          if (step.kind === "Reject" && (reason !== "Rejected" || (isFirst && at - heldSince >= 2000))) {
            expect(result).toBe(true)
          }
          isFirst = false
        }
      })
    }
  )

  property(
    "of a server that rejects every token at once: the replacements become rarer, up to one for each `backoff.max`",
    [FastCheck.integer({ min: 2, max: 30 }), token],
    ([rejections, token]) => {
      const held = new HeldToken(RefreshPolicy.standard)
      let at = 0
      let kept = 0
      for (let count = 0; count < rejections; count++) {
        held.hold(AccessToken.copy(token, { issuedAt: at, expiresAt: 10 ** 12 }), "Rejected", at, 0, 0)
        const since = at
        while (!held.reject(at)) at += 500
        expect(at - since).toBeGreaterThanOrEqual(kept)
        expect(at - since).toBeLessThanOrEqual(300_000)
        kept = at - since
      }
    }
  )
})

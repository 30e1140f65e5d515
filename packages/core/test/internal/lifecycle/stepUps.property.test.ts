import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { StepUps } from "../../../src/internal/lifecycle/stepUps.ts"
import { scopes } from "../../support/arbitraries/scope.ts"
import { property } from "../../support/property.ts"

interface Step {
  readonly kind: "Granted" | "Refused" | "Withdrawn" | "ForgetRefusals" | "ForgetAttempts"
  readonly wanted: ReadonlyArray<string>
  readonly granted: ReadonlyArray<string>
}

const step = FastCheck.record<Step>({
  kind: FastCheck.constantFrom("Granted", "Granted", "Refused", "Withdrawn", "ForgetRefusals", "ForgetAttempts"),
  wanted: scopes,
  granted: scopes
})

const nameOf = (scopes: ReadonlyArray<string>) => scopes.toSorted().join(" ")

describe("step-ups, after any steps", () => {
  property(
    "gain what was wanted and granted, and allow 8 attempts of combinations that were not refused",
    [FastCheck.array(step, { maxLength: 30 }), FastCheck.array(scopes, { maxLength: 3 })],
    ([steps, probes]) => {
      const stepUps = new StepUps()
      let gained: ReadonlyArray<string> = []
      let refused = new Set<string>()
      let attempts = 0
      for (const { granted, kind, wanted } of steps) {
        switch (kind) {
          case "Granted": {
            stepUps.granted(wanted, granted)
            attempts++
            const denied = wanted.filter((scope) => !granted.includes(scope))
            gained = [...new Set([...gained, ...wanted.filter((scope) => granted.includes(scope))])].slice(0, 64)
            if (denied.length > 0) refused.add(nameOf(denied))
            break
          }
          case "Refused":
            stepUps.refused(wanted)
            attempts++
            refused.add(nameOf(wanted))
            break
          case "Withdrawn":
            stepUps.withdrawn()
            gained = []
            break
          case "ForgetRefusals":
            stepUps.forgetRefusals()
            refused = new Set()
            break
          case "ForgetAttempts":
            stepUps.forgetAttempts()
            attempts = 0
        }
        expect(stepUps.gained).toEqual(gained)
        for (const probe of [wanted, granted, ...probes]) {
          const isWorth = probe.length > 0 && attempts < 8 && !refused.has(nameOf(probe))
          expect(stepUps.isWorthTrying(probe)).toBe(isWorth)
          expect(stepUps.isWorthTrying(probe.toReversed())).toBe(isWorth)
        }
      }
    }
  )

  property(
    "of a server that names other scopes each time: at most 8 attempts for each token, and 64 gained scopes",
    [FastCheck.integer({ min: 9, max: 200 })],
    ([count]) => {
      const stepUps = new StepUps()
      let attempts = 0
      for (let index = 0; index < count; index++) {
        const wanted = [`a${index}`, `b${index}`]
        if (index % 20 === 0) stepUps.forgetAttempts()
        if (!stepUps.isWorthTrying(wanted)) continue
        attempts++
        stepUps.granted(wanted, wanted)
      }
      expect(attempts).toBe(8 * Math.floor(count / 20) + Math.min(8, count % 20))
      expect(stepUps.gained.length).toBe(Math.min(64, 2 * attempts))
    }
  )
})

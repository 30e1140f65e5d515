import { describe, expect, it } from "@effect/vitest"
import { StepUps } from "../../../src/internal/lifecycle/stepUps.ts"

describe("StepUps", () => {
  it("the granted ones of the wanted scopes are gained, in order and each once", () => {
    const stepUps = new StepUps()
    stepUps.granted(["mcp", "read"], ["mcp", "read", "unasked"])
    stepUps.granted(["read", "write", "admin"], ["read", "write"])
    expect(stepUps.gained).toEqual(["mcp", "read", "write"])
  })

  it("a scope that was not granted is not worth trying again until refusals are forgotten", () => {
    const stepUps = new StepUps()
    stepUps.granted(["mcp", "admin"], ["mcp"])
    expect(stepUps.isWorthTrying(["admin"])).toBe(false)
    stepUps.forgetRefusals()
    expect(stepUps.isWorthTrying(["admin"])).toBe(true)
  })

  it("refused scopes are refused together, in any order, and each alone is still worth trying", () => {
    const stepUps = new StepUps()
    stepUps.refused(["read", "write"])
    expect(stepUps.isWorthTrying(["write", "read"])).toBe(false)
    expect(stepUps.isWorthTrying(["read"])).toBe(true)
    expect(stepUps.isWorthTrying(["read", "write", "admin"])).toBe(true)
    expect(stepUps.gained).toEqual([])
  })

  it("a challenge without a missing scope is not worth a request", () => {
    expect(new StepUps().isWorthTrying([])).toBe(false)
  })

  it("a token is worth eight step-ups, granted or refused, and the next token eight more", () => {
    const stepUps = new StepUps()
    for (let count = 0; count < 4; count++) {
      stepUps.granted([`granted-${count}`], [`granted-${count}`])
      expect(stepUps.isWorthTrying(["next"])).toBe(true)
      stepUps.refused([`refused-${count}`])
    }
    expect(stepUps.isWorthTrying(["next"])).toBe(false)
    stepUps.forgetRefusals()
    expect(stepUps.isWorthTrying(["next"])).toBe(false)
    stepUps.forgetAttempts()
    expect(stepUps.isWorthTrying(["next"])).toBe(true)
  })

  it("withdrawn scopes are no longer gained, and what is gained later is", () => {
    const stepUps = new StepUps()
    stepUps.granted(["read"], ["read"])
    stepUps.withdrawn()
    expect(stepUps.gained).toEqual([])
    stepUps.granted(["write"], ["write"])
    expect(stepUps.gained).toEqual(["write"])
  })

  it("at most 64 scopes are gained, the first ones, however many a server names over time", () => {
    const stepUps = new StepUps()
    const scopes = Array.from({ length: 100 }, (_, index) => `scope-${index}`)
    for (const scope of scopes) stepUps.granted([scope], [scope])
    expect(stepUps.gained).toEqual(scopes.slice(0, 64))
  })
})

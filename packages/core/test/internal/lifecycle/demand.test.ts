import { describe, expect, it } from "@effect/vitest"
import {
  type Demand,
  forReason,
  isAnsweredBy,
  isMetBy,
  waitsOutOutage
} from "../../../src/internal/lifecycle/demand.ts"
import { makeToken } from "./fixtures.ts"

const rejected = makeToken()
const replace: Demand = { ...forReason("Rejected"), rejected }
const stepUp = (...wanted: ReadonlyArray<string>): Demand => ({ reason: "StepUp", wanted, missing: wanted })

describe("Demand", () => {
  it("for any token is met by any token", () => {
    expect(isMetBy(forReason("First"), makeToken())).toBe(true)
  })

  it("for a replacement is met by any token but the rejected one", () => {
    expect(isMetBy(replace, makeToken())).toBe(true)
    expect(isMetBy(replace, rejected)).toBe(false)
  })

  it("for scopes is met by a token that has all of them", () => {
    expect(isMetBy(stepUp("read", "write"), makeToken({ scopes: ["write", "read", "mcp"] }))).toBe(true)
    expect(isMetBy(stepUp("read", "write"), makeToken({ scopes: ["read"] }))).toBe(false)
  })

  it("for any token is answered by every acquisition but a step-up", () => {
    for (const reason of ["First", "Scheduled", "Expired"] as const) {
      expect(isAnsweredBy(forReason("Expired"), forReason(reason))).toBe(true)
    }
    expect(isAnsweredBy(forReason("Expired"), replace)).toBe(true)
    expect(isAnsweredBy(forReason("Expired"), stepUp("read"))).toBe(false)
  })

  it("for a replacement is answered only by an acquisition in place of the same token", () => {
    expect(isAnsweredBy(replace, { ...replace })).toBe(true)
    expect(isAnsweredBy(replace, forReason("Scheduled"))).toBe(false)
    expect(isAnsweredBy(replace, { ...replace, rejected: makeToken() })).toBe(false)
  })

  it("for a step-up is answered only by a step-up for the same scopes or more", () => {
    expect(isAnsweredBy(stepUp("read"), stepUp("read", "write"))).toBe(true)
    expect(isAnsweredBy(stepUp("read", "write"), stepUp("read"))).toBe(false)
    expect(isAnsweredBy(stepUp("read"), { ...forReason("First"), wanted: ["read"] })).toBe(false)
  })

  it("of a caller without a token waits out an outage, and that of a step-up or of the background does not", () => {
    const waiting = (["First", "Scheduled", "Expired", "Rejected", "StepUp"] as const).filter((reason) =>
      waitsOutOutage(forReason(reason))
    )
    expect(waiting).toEqual(["First", "Expired", "Rejected"])
  })
})

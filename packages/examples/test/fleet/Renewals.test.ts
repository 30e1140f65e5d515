import { describe, expect, it } from "@effect/vitest"
import { delays, Renewals } from "../../src/fleet/Renewals.ts"
import { lifetime, renewalsOf } from "./runs.ts"

describe("Renewals", () => {
  it("counts requests within a third of the lifetime as requests for the same token", () => {
    const renewals = new Renewals(lifetime)
    for (const at of [0, 100, 1900, 4600, 5700]) renewals.arrived("the fleet", at)
    expect(renewals.all.map(({ requests }) => requests)).toEqual([3, 2])
  })

  it("counts the tokens of each process separately if the processes share nothing", () => {
    const renewals = new Renewals(lifetime)
    for (const name of ["a", "b", "c", "b"]) renewals.arrived(name, 0)
    expect(renewals.all.map(({ requests, users }) => [users, requests])).toEqual([["a", 1], ["b", 2], ["c", 1]])
  })

  it("measures a takeover from the kill to the next request, or to now if there was none", () => {
    expect(delays(renewalsOf(true), 20_000)).toEqual([900, 900, 900])
    expect(delays([{ users: "the fleet", beganAt: 0, requests: 1, killedAt: 50 }], 750)).toEqual([700])
    expect(delays(renewalsOf(false), 20_000)).toEqual([])
    const renewals = new Renewals(lifetime)
    renewals.arrived("the fleet", 0).killedAt = 100
    renewals.arrived("the fleet", 5000)
    expect(delays(renewals.all, 20_000)).toEqual([4900])
  })
})

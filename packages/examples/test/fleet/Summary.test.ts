import { describe, expect, it } from "@effect/vitest"
import { none } from "../../src/fleet/Messages.ts"
import * as Summary from "../../src/fleet/Summary.ts"
import { lifetime, renewalsOf } from "./runs.ts"

const runOf = (changes: Partial<Summary.Run> = {}): Summary.Run => ({
  shares: true,
  kill: false,
  processes: 4,
  duration: 20_000,
  accessTokenLifetime: lifetime,
  leaseDuration: 1000,
  counts: [{ ...none, calls: 1000, obtained: 4, loaded: 12, slowest: 12.3 }],
  crashed: 0,
  renewals: renewalsOf(changes.kill ?? false),
  now: 20_000,
  stall: 0,
  ...changes
})

describe("Summary", () => {
  it("prints a table of what sharing saves", () => {
    expect(Summary.table(runOf()).split("\n").map((row) => row.trim().replace(/ {2,}/, ": "))).toEqual([
      "calls: 1000",
      "calls that failed: 0",
      "the slowest call: 12 ms",
      "failures of the storage: 0",
      "tokens: 4, each for all 4 processes",
      "token requests: 4",
      "without sharing: 16: every process asks for every token",
      "saved: 12 of 16 token requests (75 %)"
    ])
    expect(Summary.table(runOf({ shares: false }))).toMatch(/saved +nothing/)
    expect(Summary.table(runOf({ kill: true }))).toMatch(
      /token requests +7: 3 of them died with their process\n[^]*processes killed +3,[^]*took over +900 ms later at most; a lease lasts 1000 ms/
    )
  })

  it("prints a live line of counts", () => {
    expect(Summary.line(runOf({ kill: true }))).toBe(
      "  1000 calls, 0 failed; 7 token requests, 12 tokens read from others; 3 killed"
    )
  })

  it("reports no problem for a correct run: shared, with --kill, and not shared", () => {
    const own = ["a", "b", "c", "d"].flatMap((users) => renewalsOf(false).map((renewal) => ({ ...renewal, users })))
    const counts = [{ ...none, calls: 1000, obtained: 16 }]
    expect(Summary.problems(runOf())).toEqual([])
    expect(Summary.problems(runOf({ kill: true }))).toEqual([])
    expect(Summary.problems(runOf({ shares: false, renewals: own, counts }))).toEqual([])
  })

  const rest = renewalsOf(true).slice(1)
  const late = rest.map((renewal) => ({ ...renewal, resumedAt: renewal.beganAt + 2200 }))
  const served = { ...none, calls: 1 }
  it.each<[what: string, changes: Partial<Summary.Run>, problem: string]>([
    ["a process that ends by itself", { crashed: 1 }, "ended by themselves"],
    ["that no call was made", { counts: [none] }, "no call was made"],
    ["a call that fails", { counts: [{ ...served, failed: 1, failure: "status 401" }] }, "the last with: status 401"],
    [
      "a storage that fails",
      { counts: [{ ...served, storageFailures: 1, storageFailure: "no" }] },
      "the last time with: no"
    ],
    [
      "a storage that fails with --kill",
      { kill: true, counts: [{ ...served, storageFailures: 1 }] },
      "the storage failed"
    ],
    ["tokens that are not renewed", { renewals: renewalsOf(false).slice(0, 1) }, "only 1 tokens"],
    ["too few tokens for processes that do not share", { shares: false, counts: [served] }, "in which 12 are due"],
    ["tokens read from others without a shared storage", { shares: false }, "is not shared"],
    [
      "two requests for a token",
      { renewals: renewalsOf(true).map(({ killedAt: _, ...it }) => it) },
      "2 requests were made for one"
    ],
    [
      "three requests for a token whose process was killed",
      { kill: true, renewals: rest.map((it) => ({ ...it, requests: 3 })) },
      "3 requests were made for"
    ],
    ["that --kill killed no process", { kill: true, renewals: renewalsOf(false) }, "no process was killed"],
    ["a takeover that takes longer than a lease", { kill: true, renewals: late }, "2100 ms passed after"]
  ])("reports %s", (_, changes, problem) => {
    expect(Summary.problems(runOf(changes)).join("; ")).toContain(problem)
  })

  it("allows a takeover the time for which the machine paused", () => {
    expect(Summary.problems(runOf({ kill: true, renewals: late, stall: 200 }))).toEqual([])
  })
})

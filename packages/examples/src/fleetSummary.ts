/**
 * What a run of `pnpm demo:fleet` comes to: the figures, and what is wrong with them. Times are in milliseconds.
 */
import type { Counts } from "./fleetMessages.ts"
import { delays, type Renewal } from "./fleetRenewals.ts"

export interface Run {
  readonly shares: boolean
  readonly kill: boolean
  readonly processes: number
  readonly duration: number
  readonly accessTokenLifetime: number
  readonly leaseDuration: number
  readonly counts: ReadonlyArray<Counts>
  readonly crashed: number
  readonly renewals: ReadonlyArray<Renewal>
  /** When it was over, by the clock of the renewals. */
  readonly endedAt: number
}

/**
 * What the end of a lease may be noticed too late by: files are looked at every 50 milliseconds, the request has its way
 * to go, and at this very time another process is started, on a machine that may be busy.
 */
export const slack = 500

export const sum = (
  counts: ReadonlyArray<Counts>,
  of: "calls" | "failed" | "obtained" | "loaded" | "storageFailures"
) => counts.reduce((total, one) => total + one[of], 0)

const requestsOf = ({ renewals }: Run) => renewals.reduce((total, { requests }) => total + requests, 0)

const killedOf = ({ renewals }: Run) => renewals.filter(({ killedAt }) => killedAt !== undefined).length

const longest = ({ endedAt, renewals }: Run) => Math.max(0, ...delays(renewals, endedAt))

export const table = (run: Run): string => {
  const { counts, kill, leaseDuration, renewals, shares } = run
  const requests = requestsOf(run)
  // Each process would have asked for every token that it took into use.
  const unshared = sum(counts, "obtained") + sum(counts, "loaded")
  const saved = Math.max(0, unshared - requests)
  const rows = [
    ["calls", `${sum(counts, "calls")}`],
    ["calls that failed", `${sum(counts, "failed")}`],
    ["the slowest call", `${Math.round(Math.max(...counts.map(({ slowest }) => slowest)))} ms`],
    ["tokens", `${renewals.length}${shares ? ", each used by all processes" : ", each used by one process"}`],
    ["token requests", `${requests}`],
    ["without sharing", `${unshared}: each process asks for its own`],
    ["saved", `${saved} token requests of ${unshared} (${Math.round(100 * saved / Math.max(1, unshared))} %)`],
    ["failures of the storage", `${sum(counts, "storageFailures")}`],
    ...(kill
      ? [
        ["processes killed", `${killedOf(run)}, each with a token request under way`],
        [
          "another took over",
          `${Math.round(longest(run))} ms later at most; the lease of the dead is ${leaseDuration} ms`
        ]
      ]
      : [])
  ]
  return rows.map(([name = "", value]) => `  ${name.padEnd(25)}${value}`).join("\n")
}

/** None if the fleet did what it should. */
export const problems = (run: Run): ReadonlyArray<string> => {
  const { accessTokenLifetime, counts, crashed, duration, kill, leaseDuration, processes, renewals, shares } = run
  const last = (of: "failure" | "storageFailure") => counts.map((one) => one[of]).findLast((text) => text !== "")
  // Nobody goes without a token for longer than a lease.
  const least = Math.max(2, Math.floor(duration / (accessTokenLifetime + leaseDuration))) * (shares ? 1 : processes)
  const tooMany = renewals.filter(({ killedAt, requests }) => requests > (killedAt === undefined ? 1 : 2))
  const found: Array<string> = []
  const check = (isWrong: boolean, problem: () => string) => {
    if (isWrong) found.push(problem())
  }
  check(crashed > 0, () => `${crashed} processes ended by themselves`)
  check(sum(counts, "calls") === 0, () => "nobody was served")
  check(sum(counts, "failed") > 0, () => `calls failed, the last with: ${last("failure")}`)
  check(sum(counts, "storageFailures") > 0, () => `the storage failed, at last with: ${last("storageFailure")}`)
  check(renewals.length < least, () => `${renewals.length} tokens in all this time: at least ${least} were due`)
  check(!shares && sum(counts, "loaded") > 0, () => "tokens came from others although nothing is shared")
  check(tooMany.length > 0, () => {
    const most = Math.max(...tooMany.map(({ requests }) => requests))
    return `${most} requests for one token: one is enough, and one more where a process was killed`
  })
  check(kill && killedOf(run) === 0, () => "no process was killed, so that this run shows nothing")
  check(
    longest(run) > leaseDuration + slack,
    () =>
      `${Math.round(longest(run))} ms passed after a kill until another process asked for the token: ` +
      `the lease is ${leaseDuration} ms, and ${slack} ms are allowed for noticing its end`
  )
  return found
}

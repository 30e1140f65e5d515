/**
 * What a run of `pnpm demo:fleet` comes to: the figures, and what is wrong with them. Times are in milliseconds.
 */
import type { Counts } from "./Messages.ts"
import { delays, type Renewal } from "./Renewals.ts"

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
  /** By the clock of the renewals. */
  readonly now: number
  /** The longest that the machine let this program stand still, and so perhaps another of its processes. */
  readonly stall: number
}

/**
 * What a takeover may need beyond the lease. Files are looked at every 50 milliseconds, whoever has only read tokens so
 * far asks the authorization server where its token endpoint is, and a new process starts at that very moment.
 */
const slack = 1000

const sum = (
  counts: ReadonlyArray<Counts>,
  of: "calls" | "failed" | "obtained" | "loaded" | "storageFailures"
) => counts.reduce((total, one) => total + one[of], 0)

const requestsOf = ({ renewals }: Run) => renewals.reduce((total, { requests }) => total + requests, 0)

const killedOf = ({ renewals }: Run) => renewals.filter(({ killedAt }) => killedAt !== undefined).length

const longestDelay = ({ now, renewals }: Run) => Math.round(Math.max(0, ...delays(renewals, now)))

const longestAllowed = ({ leaseDuration, stall }: Run) => Math.round(leaseDuration + slack + stall)

export const line = (run: Run): string =>
  `${String(sum(run.counts, "calls")).padStart(6)} calls, ${sum(run.counts, "failed")} failed; ` +
  `${requestsOf(run)} token requests, ${sum(run.counts, "loaded")} tokens read from others` +
  (run.kill ? `; ${killedOf(run)} killed` : "")

export const table = (run: Run): string => {
  const { counts, kill, leaseDuration, processes, renewals, shares } = run
  const requests = requestsOf(run)
  const killed = killedOf(run)
  // As often has a process taken a token into use.
  const unshared = sum(counts, "obtained") + sum(counts, "loaded")
  const saved = Math.max(0, unshared - requests)
  const rows: Array<readonly [string, string]> = [
    ["calls", `${sum(counts, "calls")}`],
    ["calls that failed", `${sum(counts, "failed")}`],
    ["the slowest call", `${Math.round(Math.max(...counts.map(({ slowest }) => slowest)))} ms`],
    ["failures of the storage", `${sum(counts, "storageFailures")}`]
  ]
  if (shares) {
    rows.push(
      ["tokens", `${renewals.length}, each for all ${processes} processes`],
      ["token requests", `${requests}${kill ? `: ${killed} of them died with their process` : ""}`],
      ["without sharing", `${unshared}: every process asks for every token`],
      ["saved", `${saved} of ${unshared} token requests (${Math.round(100 * saved / Math.max(1, unshared))} %)`]
    )
  } else {
    rows.push(
      ["tokens", `${renewals.length}, each for one of ${processes} processes`],
      ["token requests", `${requests}`],
      ["saved", "nothing: every process asks for its own tokens"]
    )
  }
  if (kill) {
    rows.push(
      ["processes killed", `${killed}, each in the middle of a renewal`],
      ["another took over", `${longestDelay(run)} ms later at most; a lease lasts ${leaseDuration} ms`]
    )
  }
  return rows.map(([name, value]) => `  ${name.padEnd(25)}${value}`).join("\n")
}

/** None if the fleet did what it should. */
export const problems = (run: Run): ReadonlyArray<string> => {
  const { accessTokenLifetime, counts, crashed, duration, kill, leaseDuration, processes, renewals, shares } = run
  const last = (of: "failure" | "storageFailure") => counts.map((one) => one[of]).findLast((text) => text !== "")
  // Who is killed delays the next token by no more than a lease.
  const longestLife = accessTokenLifetime + (kill ? leaseDuration : 0)
  const due = Math.max(2, Math.floor(duration / longestLife)) * (shares ? 1 : processes)
  const excess = renewals.filter(({ killedAt, requests }) => requests > (killedAt === undefined ? 1 : 2))
  const most = Math.max(0, ...excess.map(({ requests }) => requests))
  const checks: ReadonlyArray<readonly [isWrong: boolean, problem: string]> = [
    [crashed > 0, `${crashed} processes ended by themselves`],
    [sum(counts, "calls") === 0, "nobody was served"],
    [sum(counts, "failed") > 0, `calls failed, the last with: ${last("failure")}`],
    // A process that dies does nothing to the storage: the others are to notice no failure, with --kill or without.
    [sum(counts, "storageFailures") > 0, `the storage failed, at last with: ${last("storageFailure")}`],
    [renewals.length < due, `only ${renewals.length} tokens were asked for in a time in which ${due} are due`],
    [!shares && sum(counts, "loaded") > 0, "tokens came from other processes although nothing is shared"],
    [most > 0, `${most} requests for one token: there is to be one, and one more where a process was killed`],
    [kill && killedOf(run) === 0, "no process was killed, since none renewed a token"],
    [
      longestDelay(run) > longestAllowed(run),
      `${longestDelay(run)} ms passed after a process was killed until another asked for the token: with a lease of ` +
      `${leaseDuration} ms it is to be ${longestAllowed(run)} ms at most`
    ]
  ]
  return checks.flatMap(([isWrong, problem]) => isWrong ? [problem] : [])
}

/**
 * The result of a run of `pnpm demo:fleet`: the figures, and what is wrong with them. Times are in milliseconds.
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
  /** The present, by the clock of the renewals. */
  readonly now: number
  /** The longest pause that the machine imposed on this process, and so perhaps on others. */
  readonly stall: number
}

/**
 * How long a takeover may take after the lease has expired. Waiting processes look at the files every 50 ms, a process
 * that has only read tokens so far has to discover the token endpoint first, and a new process starts at the same
 * moment.
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
  // How often a process began to use a token: without sharing, each of these is a request.
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

/** The problems of a run. Empty for a correct run. */
export const problems = (run: Run): ReadonlyArray<string> => {
  const { accessTokenLifetime, counts, crashed, duration, kill, leaseDuration, processes, renewals, shares } = run
  const last = (of: "failure" | "storageFailure") => counts.map((one) => one[of]).findLast((text) => text !== "")
  // A killed process delays the next token by at most one lease.
  const longestLife = accessTokenLifetime + (kill ? leaseDuration : 0)
  const due = Math.max(2, Math.floor(duration / longestLife)) * (shares ? 1 : processes)
  const excess = renewals.filter(({ killedAt, requests }) => requests > (killedAt === undefined ? 1 : 2))
  const most = Math.max(0, ...excess.map(({ requests }) => requests))
  const checks: ReadonlyArray<readonly [isWrong: boolean, problem: string]> = [
    [crashed > 0, `${crashed} processes ended by themselves`],
    [sum(counts, "calls") === 0, "no call was made"],
    [sum(counts, "failed") > 0, `calls failed, the last with: ${last("failure")}`],
    // A process that dies does not damage the storage: no other process may see a failure, with --kill or without.
    [sum(counts, "storageFailures") > 0, `the storage failed, the last time with: ${last("storageFailure")}`],
    [renewals.length < due, `only ${renewals.length} tokens were requested in a time in which ${due} are due`],
    [!shares && sum(counts, "loaded") > 0, "tokens came from other processes although the storage is not shared"],
    [most > 0, `${most} requests were made for one token: one is allowed, and one more where a process was killed`],
    [kill && killedOf(run) === 0, "no process was killed, because none renewed a token"],
    [
      longestDelay(run) > longestAllowed(run),
      `${longestDelay(run)} ms passed after a process was killed until another requested the token: with a lease of ` +
      `${leaseDuration} ms, ${longestAllowed(run)} ms are allowed`
    ]
  ]
  return checks.flatMap(([isWrong, problem]) => isWrong ? [problem] : [])
}

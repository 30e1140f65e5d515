/**
 * The authorization server is away for two lives of a token, longer than any client can wait. Calls must fail when the
 * token has expired and not before, and name the cause. The server must not get a storm of requests when it returns.
 */
import { renewing } from "../clients.ts"
import { atRate } from "../load.ts"
import { atMost, clientBars, promised, together, trial } from "../workload.ts"
import type { Workload } from "../workload.ts"
import { goAway } from "./outage.ts"

const lifeSeconds = 4
const awayFrom = 1
const awaySeconds = 8
const awayTo = awayFrom + awaySeconds
/** The next step of a backoff that has doubled from one second for so long is over by then. */
const seconds = awayTo + 7
const perSecond = 50
const toleranceMillis = 100

/** The most that fell into any one second. */
export const busiestSecond = (times: ReadonlyArray<number>): number => {
  const sorted = times.toSorted((a, b) => a - b)
  let most = 0
  let first = 0
  for (const [i, time] of sorted.entries()) {
    while ((sorted[first] ?? time) <= time - 1000) first++
    most = Math.max(most, i - first + 1)
  }
  return most
}

/** Where it was asked, and what came of it. */
const namesCause = (problem: string, issuer: string): boolean =>
  problem.includes(new URL(issuer).host) && /connect|reset|closed|refused|unreachable|no answer/i.test(problem)

export const outageOfALife: Workload = {
  name: "outage-of-a-life",
  run: async (bench) => {
    const settings = { tokenLifetimeMillis: lifeSeconds * 1000 }
    const results = await together(bench, renewing, async (competitor, bench) => {
      const { issuer } = await bench.servers.look()
      const { refusedAt, result } = await trial(bench, competitor, settings, async ({ call }) => {
        const asked = performance.now()
        await call()
        const expiresAt = lifeSeconds * 1000 - (performance.now() - asked)
        const [outcome] = await Promise.all([
          atRate(call, perSecond, seconds),
          goAway(bench.servers, awayFrom, awaySeconds)
        ])
        return { outcome, expiresAt }
      })
      const { expiresAt, outcome } = result
      const failed = outcome.finished.filter(({ letIn }) => !letIn)
      const back = awayTo * 1000
      const recovered = outcome.finished.find(({ from, letIn }) => letIn && from >= back)
      // The delay doubles, and jitter adds up to half of it.
      const lastGap = (refusedAt.at(-1) ?? 0) - (refusedAt.at(-2) ?? 0)
      return {
        competitor,
        calls: outcome.calls,
        failed: failed.length,
        early: failed.filter(({ to }) => to < expiresAt - toleranceMillis).length,
        unnamed: failed.filter(({ problem }) => !namesCause(problem ?? "", issuer)).length,
        refused: refusedAt.length,
        busiest: busiestSecond(refusedAt),
        recovery: recovered === undefined ? Number.POSITIVE_INFINITY : Math.max(0, recovered.from - back) / 1000,
        step: (lastGap * 3 + toleranceMillis) / 1000,
        said: failed.at(-1)?.problem
      }
    })
    const lines = results.map(({ competitor, ...values }) => ({ client: competitor.name, values }))
    const said = results.find(({ competitor, said }) => competitor.name === "OAuthFetch" && said !== undefined)?.said
    return {
      name: "outage-of-a-life",
      title: `Tokens live ${lifeSeconds} s, AS down from second ${awayFrom} to second ${awayTo}, ${perSecond} calls/s`,
      columns: [
        { key: "calls", title: "calls" },
        { key: "failed", title: "failed" },
        { key: "early", title: "before the expiry" },
        { key: "unnamed", title: "cause not named" },
        { key: "refused", title: "attempts at the AS" },
        { key: "busiest", title: "most in a second" },
        { key: "recovery", title: "back after s", digits: 1 }
      ],
      lines,
      targets: promised(results, ({ busiest, competitor, early, recovery, step, unnamed }) => [
        atMost(competitor, "AS down for two lives: failures before the expiry", early, 0),
        atMost(competitor, "AS down for two lives: errors that do not name the cause", unnamed, 0),
        atMost(competitor, "AS down for two lives: most requests that it sees in a second", busiest, 1),
        {
          client: competitor.name,
          claim: "AS down for two lives: calls are served again, after it is back",
          wanted: "within one backoff step",
          measured: `${recovery.toFixed(1)} s`,
          met: recovery <= step
        }
      ]),
      charts: [clientBars({
        name: "outage-of-a-life",
        title: "The authorization server is away for two lives of a token",
        description:
          `Down for ${awaySeconds} s, tokens of ${lifeSeconds} s, ${perSecond} calls a second: what it sees of ` +
          "it, and what becomes of calls",
        lines,
        panels: [
          { key: "busiest", title: "most requests in a second", limit: 1 },
          { key: "early", title: "failed before the expiry" },
          { key: "recovery", title: "served again after, s", digits: 1 }
        ]
      })],
      ...(said === undefined ? {} : { note: `What a failed call says (its causes after \`<\`): \`${said}\`` })
    }
  }
}

/**
 * The authorization server is away for 2 s, and the token in use would expire in the middle of that.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Competitor } from "../client.ts"
import { ours, renewing } from "../clients.ts"
import { atRate } from "../load.ts"
import type { ServerProcess } from "../serverProcess.ts"
import { atMost, clientBars, forEach, promised, together, trial } from "../workload.ts"
import type { Bench, Workload } from "../workload.ts"

const awaySeconds = 2
const perSecond = 50
/** What a call may need to get to the server: a token that expires on its way is nobody's fault. */
const toleranceMillis = 100

/**
 * Clients that renew ahead of the expiry renew the longer lives before the outage. The shortest life is due for renewal
 * during the outage: in the second half of the outage no token is valid, whatever a client does.
 */
const lives = [3, 8] as const
const longLife = 30

export const goAway = async (servers: ServerProcess, fromSecond: number, seconds: number): Promise<void> => {
  await sleep(fromSecond * 1000)
  await servers.setDown(true)
  await sleep(seconds * 1000)
  await servers.setDown(false)
}

const expiringIn = async (bench: Bench, competitors: ReadonlyArray<Competitor>, lifeSeconds: number) => {
  const awayFrom = lifeSeconds - awaySeconds / 2
  const awayTo = awayFrom + awaySeconds
  const settings = { tokenLifetimeMillis: lifeSeconds * 1000 }
  return together(bench, competitors, async (competitor, bench) => {
    const { counters, result } = await trial(bench, competitor, settings, async ({ call }) => {
      const asked = performance.now()
      await call()
      const expiresAt = lifeSeconds * 1000 - (performance.now() - asked)
      const [outcome] = await Promise.all([
        atRate(call, perSecond, awayTo + 1),
        goAway(bench.servers, awayFrom, awaySeconds)
      ])
      return { outcome, expiresAt }
    })
    const { expiresAt, outcome } = result
    const needlessly = outcome.finished.filter((call) =>
      !call.letIn && (call.to < expiresAt - toleranceMillis || call.from > awayTo * 1000 + toleranceMillis)
    )
    return { competitor, outcome, counters, needlessly: needlessly.length, lifeSeconds }
  })
}

export const outage: Workload = {
  name: "outage",
  run: async (bench) => {
    // Takes half a minute. Only two clients take part, so the others are not disturbed.
    const [long, ...short] = await Promise.all([
      bench.quick ? [] : expiringIn(bench, ours, longLife),
      forEach(lives, (life) => expiringIn(bench, renewing, life))
    ])
    const results = [...short.flat(2), ...long]
    const chosen = bench.quick ? lives : [...lives, longLife]
    const panels = chosen.map((life) => ({ key: `life${life}`, title: `tokens of ${life} s: failed` }))
    return {
      name: "outage",
      title: `AS down for ${awaySeconds} s around what would be the expiry, ${perSecond} calls/s`,
      columns: [
        { key: "life", title: "life s" },
        { key: "calls", title: "calls" },
        { key: "failed", title: "failed" },
        { key: "needlessly", title: "needlessly" },
        { key: "token", title: "token" },
        { key: "refused", title: "reset" }
      ],
      lines: results.map(({ competitor, counters, lifeSeconds, needlessly, outcome: { calls, failed } }) => ({
        client: competitor.name,
        values: { life: lifeSeconds, calls, failed, needlessly, token: counters.token, refused: counters.refused }
      })),
      targets: promised(results, ({ competitor, lifeSeconds, needlessly, outcome }) => [
        lifeSeconds === lives[0]
          ? atMost(competitor, `failures while a token of ${lifeSeconds} s lives or can be had`, needlessly, 0)
          : atMost(competitor, `failures in an outage around the expiry of ${lifeSeconds} s`, outcome.failed, 0)
      ]),
      charts: [clientBars({
        name: "outage",
        title: "The authorization server is away around an expiry",
        description: `Calls that fail when it is down for ${awaySeconds} s, at ${perSecond} a second`,
        lines: renewing.map((competitor) => ({
          client: competitor.name,
          values: Object.fromEntries(
            results.filter((result) => result.competitor === competitor)
              .map(({ lifeSeconds, outcome }) => [`life${lifeSeconds}`, outcome.failed])
          )
        })),
        panels
      })],
      note:
        `Needlessly: while a token was valid or could be obtained. Tokens of ${
          lives[0]
        } s are due for renewal during ` +
        "the outage; for one second no token is valid, whatever a client does."
    }
  }
}

/**
 * The authorization server is away for 2 s, and the token in use expires in the middle of that.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { renewing } from "../clients.ts"
import { atRate } from "../load.ts"
import type { ServerProcess } from "../serverProcess.ts"
import { atMost, outcomeColumns, outcomeLine, promised, requestColumns, together, trial } from "../workload.ts"
import type { Workload } from "../workload.ts"

const awaySeconds = 2
const perSecond = 50
/** What a call may need to get to the server: a token that expires on its way is nobody's fault. */
const toleranceMillis = 100

const goAway = async (servers: ServerProcess, fromSecond: number): Promise<void> => {
  await sleep(fromSecond * 1000)
  await servers.setDown(true)
  await sleep(awaySeconds * 1000)
  await servers.setDown(false)
}

const expiringIn = (name: string, lifeSeconds: number): Workload => {
  const awayFrom = lifeSeconds - awaySeconds / 2
  const awayTo = awayFrom + awaySeconds
  const seconds = awayTo + 1
  /** Whether a call that was due then could be served: a token lived, or one could be had. */
  const couldBeServed = (millis: number): boolean =>
    millis < lifeSeconds * 1000 - toleranceMillis || millis > awayTo * 1000 + toleranceMillis

  return {
    name,
    run: async (bench) => {
      const settings = { tokenLifetimeMillis: lifeSeconds * 1000 }
      const results = await together(bench, renewing, async (competitor, bench) => {
        const { counters, result } = await trial(bench, competitor, settings, async ({ call }) => {
          await call()
          const [outcome] = await Promise.all([
            atRate(call, perSecond, seconds),
            goAway(bench.servers, awayFrom)
          ])
          return outcome
        })
        return { competitor, outcome: result, counters, needlessly: result.failedAt.filter(couldBeServed).length }
      })
      return {
        name,
        title: `Tokens live ${lifeSeconds} s, AS down from second ${awayFrom} to second ${awayTo}, ` +
          `${perSecond} calls/s for ${seconds} s`,
        columns: [...outcomeColumns, ...requestColumns, { key: "refused", title: "reset" }],
        lines: results.map(({ competitor, counters, outcome }) => outcomeLine(competitor, outcome, counters)),
        targets: promised(results, ({ competitor, needlessly }) => [
          atMost(competitor, `${name}: failures while a token lives or can be had`, needlessly, 0)
        ])
      }
    }
  }
}

/** Long enough a life to be renewed before the outage, by those who renew ahead of the expiry. */
export const outage = expiringIn("outage", 8)

/** So short a life that the time to renew it falls into the outage: no token lives for the second half of it. */
export const outageAtRenewal = expiringIn("outage-at-renewal", 3)

/**
 * All tokens are revoked while they look fresh, then 100 calls at once.
 */
import { competitors } from "../clients.ts"
import { atOnce } from "../load.ts"
import {
  atMost,
  clientBars,
  forEach,
  outcomeColumns,
  outcomeLine,
  promised,
  requestColumns,
  since,
  trial
} from "../workload.ts"
import type { Workload } from "../workload.ts"

const callers = 100

export const revoked: Workload = {
  name: "revoked",
  run: async (bench) => {
    const results = await forEach(competitors, async (competitor) => {
      const { counters, result } = await trial(bench, competitor, {}, async ({ call }) => {
        await call()
        const before = await bench.servers.revokeAll()
        return { outcome: await atOnce(call, callers), before: before.counters }
      })
      return { competitor, outcome: result.outcome, counters: since(counters, result.before) }
    })
    const lines = results.map(({ competitor, counters, outcome }) => outcomeLine(competitor, outcome, counters))
    return {
      name: "revoked",
      title: `All tokens revoked, then ${callers} calls at once`,
      columns: [...outcomeColumns, ...requestColumns],
      lines,
      targets: promised(results, ({ competitor, counters, outcome }) => [
        atMost(competitor, "token requests after revocation", counters.token, 1),
        atMost(competitor, "failures after revocation", outcome.failed, 0),
        // Each call was sent once, and once more after a 401: the server accepted or refused no other requests.
        atMost(competitor, "times that a request was resent after revocation", counters.unauthorized / callers, 1)
      ]),
      charts: [clientBars({
        name: "revoked",
        title: `All tokens revoked, then ${callers} calls at once`,
        description: "Nobody could have known; what becomes of the calls, and what the authorization server sees",
        lines,
        panels: [
          { key: "token", title: "token requests", limit: 1 },
          { key: "failed", title: "failed" },
          { key: "unauthorized", title: "401s", limit: callers }
        ]
      })]
    }
  }
}

/**
 * The requests of one renewal, whatever starts it: tokens live 1 s, one call every 50 ms.
 */
import { renewing } from "../clients.ts"
import { atRate } from "../load.ts"
import { atMost, clientBars, promised, requestColumns, since, together, trial } from "../workload.ts"
import type { Workload } from "../workload.ts"

const tokenLifetimeMillis = 1_000
const perSecond = 20
const seconds = 3

export const renewal: Workload = {
  name: "renewal",
  run: async (bench) => {
    const results = await together(bench, renewing, async (competitor, bench) => {
      const { counters, result } = await trial(bench, competitor, { tokenLifetimeMillis }, async ({ call }) => {
        await call()
        const before = await bench.servers.look()
        return { outcome: await atRate(call, perSecond, seconds), before: before.counters }
      })
      const added = since(counters, result.before)
      const requests = added.token + added.resourceMetadata + added.serverMetadata + added.unauthorized + added.notFound
      return { competitor, counters: added, failed: result.outcome.failed, perRenewal: requests / added.token }
    })
    const lines = results.map(({ competitor, counters, failed, perRenewal }) => ({
      client: competitor.name,
      values: { ...counters, failed, perRenewal }
    }))
    return {
      name: "renewal",
      title: `Requests per renewal: tokens live 1 s, ${perSecond} calls/s for ${seconds} s`,
      columns: [
        { key: "perRenewal", title: "requests per renewal", digits: 2 },
        ...requestColumns,
        { key: "failed", title: "failed calls" }
      ],
      lines,
      targets: promised(results, ({ competitor, perRenewal }) => [
        atMost(competitor, "requests per renewal", perRenewal, 1)
      ]),
      charts: [clientBars({
        name: "renewal",
        title: "What one renewal costs the servers",
        description: "Requests of all kinds for each new token: tokens of 1 s, a call every 50 ms",
        lines,
        panels: [{ key: "perRenewal", title: "requests per renewal", digits: 1, limit: 1 }]
      })]
    }
  }
}

/**
 * 200 callers and no token yet: a program that starts all its work at once.
 */
import { renewing } from "../clients.ts"
import { atOnce } from "../load.ts"
import {
  atMost,
  clientBars,
  forEach,
  outcomeColumns,
  outcomeLine,
  participants,
  promised,
  requestColumns,
  trial
} from "../workload.ts"
import type { Workload } from "../workload.ts"

const callers = 200
const hopMillis = 20

export const burst: Workload = {
  name: "burst",
  turns: 5,
  run: async (bench) => {
    const results = await forEach(participants(bench, renewing), async (competitor) => {
      const { counters, result } = await trial(bench, competitor, { hopMillis }, ({ call }) => atOnce(call, callers))
      return { competitor, outcome: result, counters }
    })
    const lines = results.map(({ competitor, counters, outcome }) => outcomeLine(competitor, outcome, counters))
    return {
      name: "burst",
      title: `${callers} first calls at once, ${hopMillis} ms a hop`,
      columns: [...outcomeColumns, ...requestColumns],
      lines,
      targets: promised(results, ({ competitor, counters, outcome }) => [
        atMost(competitor, `token requests of ${callers} first calls`, counters.token, 1),
        atMost(competitor, `resource metadata requests of ${callers} first calls`, counters.resourceMetadata, 1),
        atMost(competitor, `AS metadata requests of ${callers} first calls`, counters.serverMetadata, 1),
        atMost(competitor, `401s among ${callers} first calls`, counters.unauthorized, 0),
        atMost(competitor, `failures among ${callers} first calls`, outcome.failed, 0)
      ]),
      charts: [clientBars({
        name: "burst",
        title: `${callers} first calls at once`,
        description: `What the servers were asked besides, and how long the slowest waited at ${hopMillis} ms a hop`,
        lines,
        panels: [
          { key: "token", title: "token requests", limit: 1 },
          { key: "unauthorized", title: "401s" },
          { key: "p99", title: "p99, ms" }
        ]
      })]
    }
  }
}

/**
 * The first call of a process, when every request takes 20 ms: how many hops it waits for, one after the other.
 */
import { competitors } from "../clients.ts"
import { describeHops, hopsOf } from "../hops.ts"
import { median } from "../statistics.ts"
import { atMost, clientBars, forEach, participants, promised, trial } from "../workload.ts"
import type { Workload } from "../workload.ts"

const hopMillis = 20

export const firstCall: Workload = {
  name: "first-call",
  turns: 5,
  run: async (bench) => {
    const results = await forEach(participants(bench, competitors), async (competitor) => {
      const once = () =>
        trial(bench, competitor, { hopMillis }, async ({ call }) => {
          const start = performance.now()
          const status = await call()
          return { status, millis: performance.now() - start }
        })
      await once()
      const runs = await forEach(Array.from({ length: bench.quick ? 3 : 9 }), once)
      const last = runs.at(-1)
      if (last === undefined || runs.some(({ result }) => result.status !== 200)) {
        throw new Error(`${competitor.name}: the first call was not let in`)
      }
      const hops = hopsOf(last.log)
      return {
        competitor,
        hops: hops.length,
        millis: median(runs.map(({ result }) => result.millis)),
        sequence: describeHops(hops),
        unauthorized: last.counters.unauthorized
      }
    })
    const lines = results.map(({ competitor, hops, millis, sequence }) => ({
      client: competitor.name,
      values: { hops, millis, sequence }
    }))
    return {
      name: "first-call",
      title: `First call, ${hopMillis} ms a hop`,
      columns: [
        { key: "hops", title: "hops", compared: { better: "less" } },
        { key: "millis", title: "ms", digits: 1, compared: { better: "less" } },
        { key: "sequence", title: "requests" }
      ],
      lines,
      targets: promised(results, ({ competitor, hops, unauthorized }) => [
        atMost(competitor, "hops of a first call", hops, 3),
        atMost(competitor, "unauthenticated probes of a first call", unauthorized, 0)
      ]),
      charts: [clientBars({
        name: "first-call",
        title: "The first call of a process",
        description: `Requests that it waits for, one after the other, at ${hopMillis} ms each`,
        lines,
        panels: [{ key: "hops", title: "hops", limit: 3 }, { key: "millis", title: "ms" }]
      })]
    }
  }
}

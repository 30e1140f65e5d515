/**
 * Warm `accessToken`: how often a second a running fiber can ask for it.
 */
import { bars } from "../chart.ts"
import { accessToken as measurement, measure } from "../measurements.ts"
import { summarize } from "../statistics.ts"
import type { Workload } from "../workload.ts"

const fewestPerSecond = 1_000_000

export const accessToken: Workload = {
  name: "access-token",
  turns: 4,
  run: async ({ quick }) => {
    const { ways } = await measure(measurement, { perRound: 500_000, rounds: quick ? 3 : 9 })
    const results = ways.map(({ name, perSecond }) => ({ name, ...summarize(perSecond) }))
    const lines = results.map(({ error, median, name }) => ({
      client: name,
      values: { millions: median / 1e6, error: error / 1e6, nanos: 1e9 / median }
    }))
    const first = results[0]
    return {
      name: "access-token",
      title: "Warm accessToken, one core, inside a running fiber",
      head: "how",
      columns: [
        { key: "millions", title: "millions a second", digits: 2, compared: { better: "more" } },
        { key: "error", title: "±", digits: 2 },
        { key: "nanos", title: "ns each" }
      ],
      lines,
      targets: first === undefined ? [] : [{
        client: "OAuthProvider",
        claim: "warm accessToken a second, one core, in Effect.gen",
        wanted: "at least 1 million",
        measured: `${(first.median / 1e6).toFixed(2)} ± ${(first.error / 1e6).toFixed(2)} million`,
        met: first.median >= fewestPerSecond
      }],
      charts: [bars({
        name: "access-token",
        title: "Warm accessToken",
        description: "Millions a second of CPU time, in a fiber that does nothing else; 1 is wanted",
        // `unsafeFresh` needs no fiber and is many times faster, so the chart leaves it out.
        lines: lines.filter(({ client }) => !client.startsWith("unsafeFresh")).map(({ client, values }) => ({
          client: client.replace("accessToken, ", "").replace("to compare: ", ""),
          values
        })),
        ours: new Set(["yield* in Effect.gen", "Effect.whileLoop"]),
        panels: [{ key: "millions", title: "millions a second", digits: 2 }]
      })]
    }
  }
}

/**
 * Ten thousand providers on one authorization server: an agent platform with as many tenants.
 */
import { measure, providers as measurement } from "../measurements.ts"
import type { Target } from "../report.ts"
import type { Workload } from "../workload.ts"

const mostKib = 20
const mostTimesMean = 3
const mostCpuPercent = 1
/** How much dearer one of many may be than one of few, and building still be called linear. */
const mostGrowth = 1.5

const target = (claim: string, wanted: string, measured: string, met: boolean): Target => ({
  client: "OAuthProvider",
  claim,
  wanted,
  measured,
  met
})

export const manyProviders: Workload = {
  name: "many-providers",
  sideBySide: true,
  turns: 3,
  run: async ({ isTurn, quick }) => {
    const { hour, sizes } = await measure(measurement, {
      sizes: isTurn ? [1_000] : quick ? [300, 600, 1_000] : [1_000, 2_000, 5_000, 10_000]
    })
    const [first, last] = [sizes[0], sizes.at(-1)]
    if (first === undefined || last === undefined) throw new Error("no providers were measured")
    const count = last.providers.toLocaleString("en-US")
    const growth = last.buildMicros / first.buildMicros
    const timesMean = hour.busiestSecond / hour.meanPerSecond
    // Of fewer providers it would be that much less.
    const cpuPercent = (hour.cpuMicrosPerRenewal * hour.renewals / last.providers) * 10_000 / 3_600e6 * 100
    const curve = (key: "buildMicros" | "builtKib" | "heldKib" | "firstTokenMicros", unit = 1) =>
      sizes.map((size) => [size.providers, size[key] / unit] as const)
    return {
      name: "many-providers",
      title: `${count} providers on one authorization server, without a network`,
      head: "providers",
      columns: [
        { key: "buildMicros", title: "to make one, CPU µs", compared: { better: "less" } },
        { key: "builtKib", title: "heap KiB, made", digits: 1, compared: { better: "less" } },
        { key: "heldKib", title: "heap KiB, with a token", digits: 1, compared: { better: "less" } },
        { key: "firstTokenMicros", title: "first token, CPU µs", compared: { better: "less" } },
        { key: "renewalMicros", title: "renewal, CPU µs", compared: { better: "less" } }
      ],
      lines: sizes.map(({ providers, ...values }) => ({
        client: providers.toLocaleString("en-US"),
        // The hour is that of the largest number of providers.
        values: { ...values, renewalMicros: providers === last.providers ? hour.cpuMicrosPerRenewal : undefined }
      })),
      targets: [
        target(
          `heap of each of ${count} providers with a token`,
          `at most ${mostKib} KiB`,
          `${last.heldKib.toFixed(1)} KiB`,
          last.heldKib <= mostKib
        ),
        target(
          `to make one of ${count}, as a ratio to one of ${first.providers.toLocaleString("en-US")}`,
          `at most ${mostGrowth}`,
          growth.toFixed(2),
          growth <= mostGrowth
        ),
        target(
          "renewals in the busiest second, as a ratio to the mean",
          `at most ${mostTimesMean}`,
          `${timesMean.toFixed(2)} (${hour.busiestSecond} and ${hour.meanPerSecond.toFixed(1)})`,
          timesMean <= mostTimesMean
        ),
        target(
          "CPU of the renewals of 10,000 providers, tokens of an hour",
          `at most ${mostCpuPercent} % of a core`,
          `${cpuPercent.toFixed(2)} % (${(hour.cpuMicrosPerRenewal / 1000).toFixed(2)} ms each)`,
          cpuPercent <= mostCpuPercent
        ),
        target("providers without a token after an hour", "0", String(hour.failed), hour.failed === 0)
      ],
      charts: [
        {
          kind: "curves",
          name: "providers-heap",
          title: "Heap of each provider",
          description: "All clients of one authorization server, in one process",
          x: { title: "providers", scale: "linear" },
          y: { title: "KiB each", scale: "linear" },
          limit: mostKib,
          series: [{ name: "with a token in hand", points: curve("heldKib") }, {
            name: "made",
            points: curve("builtKib")
          }]
        },
        {
          kind: "curves",
          name: "providers-build",
          title: "Time to make a provider, and to get its first token",
          description: "CPU time of each, discovery included, without a network: flat is linear",
          x: { title: "providers", scale: "linear" },
          y: { title: "CPU time, ms each", scale: "linear" },
          series: [
            { name: "made", points: curve("buildMicros", 1000) },
            { name: "first token", points: curve("firstTokenMicros", 1000) }
          ]
        },
        {
          kind: "curves",
          name: "providers-renewals",
          title: `Renewals of ${count} providers in an hour`,
          description: "All got their first tokens, of one hour, in the same instant",
          x: { title: "minutes since", scale: "linear" },
          y: { title: "renewals in a second", scale: "linear" },
          limit: hour.meanPerSecond * mostTimesMean,
          series: [{ name: "renewals", points: hour.perSecond }]
        }
      ],
      note: `An hour passes in virtual time: ${hour.renewals.toLocaleString("en-US")} renewals in ` +
        `${
          hour.cpuSeconds.toFixed(1)
        } s of CPU time, that of the servers' answers and of the clock included, that of ` +
        "sockets and TLS not."
    }
  }
}

/**
 * From one caller to a thousand: the token requests and the waiting time of first calls, and the cost of a warm call.
 */
import { oauthFetch, oauthHttpClient, ours, plainFetch, renewing } from "../clients.ts"
import { atOnce } from "../load.ts"
import { median, shuffled } from "../statistics.ts"
import { atMost, forEach, promised, trial } from "../workload.ts"
import type { Bench, Workload } from "../workload.ts"

const hopMillis = 20
const levels = [1, 10, 30, 100, 300, 1_000] as const
const warmLevels = [1, 4, 16, 64, 256, 1_000] as const
const warmField = [plainFetch, oauthFetch, oauthHttpClient]

const cold = (bench: Bench) =>
  forEach(renewing, async (competitor) => {
    const chosen = bench.quick ? levels.filter((level) => level <= 100) : levels
    const measured = await forEach(chosen, async (callers) => {
      const { counters, result } = await trial(bench, competitor, { hopMillis }, ({ call }) => atOnce(call, callers))
      return { callers, token: counters.token, p99: result.p99, failed: result.failed }
    })
    return { competitor, measured }
  })

/** CPU time of a warm call, with so many at a time: the median of rounds in which everybody has a turn. */
const warm = async (bench: Bench) => {
  const { issuer, resource } = await bench.servers.reset()
  const runners = await forEach(warmField, async (competitor) => {
    const client = await competitor.make({
      issuer,
      resource,
      issueToken: bench.servers.issueToken,
      fetch: globalThis.fetch
    })
    await client.calls(16, 32)
    return { competitor, client, measured: new Map(warmLevels.map((level) => [level, new Array<number>()])) }
  })
  for (let round = 0; round < (bench.quick ? 1 : 5); round++) {
    await forEach(
      shuffled(warmLevels, bench.random),
      (workers) =>
        forEach(shuffled(runners, bench.random), async ({ client, measured }) => {
          const each = Math.ceil((bench.quick ? 128 : 512) / workers)
          const before = process.cpuUsage()
          await client.calls(workers, each)
          const { system, user } = process.cpuUsage(before)
          measured.get(workers)?.push((user + system) / (workers * each))
        })
    )
  }
  await forEach(runners, ({ client }) => client.close())
  return runners.map(({ competitor, measured }) => ({
    name: competitor.name,
    peer: !ours.includes(competitor),
    points: [...measured].map(([workers, micros]) => [workers, median(micros)] as const)
  }))
}

export const callers: Workload = {
  name: "callers",
  run: async (bench) => {
    const results = await cold(bench)
    const warmSeries = await warm(bench)
    const most = results[0]?.measured.at(-1)?.callers ?? 0
    const curve = (key: "token" | "p99") =>
      results.map(({ competitor, measured }) => ({
        name: competitor.name,
        peer: !ours.includes(competitor),
        points: measured.map((one) => [one.callers, one[key]] as const)
      }))
    return {
      name: "callers",
      title: `From one caller to ${most.toLocaleString("en-US")} at once`,
      columns: [
        { key: "callers", title: "callers" },
        { key: "token", title: "token requests" },
        { key: "p99", title: "p99 ms", digits: 1 },
        { key: "failed", title: "failed" }
      ],
      lines: results.flatMap(({ competitor, measured }) =>
        measured.map((values) => ({ client: competitor.name, values }))
      ),
      targets: promised(results, ({ competitor, measured }) => [
        atMost(
          competitor,
          `token requests, however many of 1 to ${most} callers there are`,
          Math.max(...measured.map(({ token }) => token)),
          1
        )
      ]),
      charts: [
        {
          kind: "curves",
          name: "callers-token-requests",
          title: "Token requests of first calls at once",
          description: "No token yet, and so many callers",
          x: { title: "callers", scale: "log" },
          y: { title: "token requests", scale: "log" },
          series: curve("token")
        },
        {
          kind: "curves",
          name: "callers-p99",
          title: "How long first callers wait",
          description: `No token yet, so many callers at once, ${hopMillis} ms a hop`,
          x: { title: "callers", scale: "log" },
          y: { title: "p99, ms", scale: "log" },
          series: curve("p99")
        },
        {
          kind: "curves",
          name: "callers-warm",
          title: "What a warm call costs, so many at a time",
          description: "A fresh token in memory; over loopback",
          x: { title: "calls at a time", scale: "log" },
          y: { title: "CPU time, µs each", scale: "linear" },
          series: warmSeries
        }
      ]
    }
  }
}

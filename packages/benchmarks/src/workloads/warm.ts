/**
 * A fresh token in memory, 32 calls at a time: what a library costs when it has nothing to do.
 *
 * The machine is noisy, so CPU time is measured and not elapsed time; the servers run in another process. Clients take
 * turns in short rounds, in an order drawn anew for each. A ratio is taken within a round, and the median of the ratios
 * is reported between its quartiles. Plain `fetch` takes part twice: the difference between its two figures shows how
 * certain the others are. No garbage collection is forced, since V8 then drops what it has learned of the code, and the
 * calls of the turn cost twice as much.
 *
 * The same is measured again with answers from within the process. Without sockets and parsers, differences of a few
 * microseconds are visible: `adds` is that difference, and its share of a call over loopback.
 */
import type { Client, Competitor, Endpoints } from "../client.ts"
import {
  bareHttpClient,
  oauthFetch,
  oauthHttpClient,
  officialSdk,
  openidClient,
  plainFetch,
  plainFetchAgain
} from "../clients.ts"
import { differences, median, ratios, shuffled, summarize } from "../statistics.ts"
import { clientBars, forEach, participants, promised } from "../workload.ts"
import type { Bench, Workload } from "../workload.ts"

const workers = 32
const mostRatio = 1.05
/** On a slow machine as well. A turn is one of several. */
const fewestRounds = ({ isTurn }: Bench): number => isTurn ? 5 : 10

/** Each competitor and what it is compared with. */
const field: ReadonlyArray<{ readonly competitor: Competitor; readonly base: Competitor }> = [
  { competitor: plainFetch, base: plainFetch },
  { competitor: plainFetchAgain, base: plainFetch },
  { competitor: officialSdk, base: plainFetch },
  { competitor: openidClient, base: plainFetch },
  { competitor: oauthFetch, base: plainFetch },
  { competitor: bareHttpClient, base: bareHttpClient },
  { competitor: oauthHttpClient, base: bareHttpClient }
]

/** The clients that take part. In a turn `fetch` takes part as well, whose ratio shows the noise. */
const taking = (bench: Bench): typeof field => {
  const chosen = participants(bench, field.map(({ competitor }) => competitor))
  return field.filter(({ base, competitor }) => competitor === base || chosen.includes(competitor))
}

/** The figures of one competitor, one for each round. */
interface Figures {
  readonly cpuMicros: ReadonlyArray<number>
  readonly perSecond: ReadonlyArray<number>
}

const takeTurn = async (client: Client, callsPerWorker: number) => {
  const calls = workers * callsPerWorker
  const start = performance.now()
  const before = process.cpuUsage()
  await client.calls(workers, callsPerWorker)
  const { system, user } = process.cpuUsage(before)
  return { cpuMicros: (user + system) / calls, perSecond: (calls * 1000) / (performance.now() - start) }
}

/** Rounds until the time is up. In each round every competitor has a turn. */
const race = async (
  bench: Bench,
  endpoints: Endpoints,
  { budgetMillis, callsPerWorker, warmUp }: {
    readonly callsPerWorker: number
    readonly warmUp: number
    readonly budgetMillis: number
  }
): Promise<ReadonlyMap<Competitor, Figures>> => {
  const runners = await forEach(taking(bench), async ({ competitor }) => {
    const client = await competitor.make(endpoints)
    // The first call asks for the token.
    await client.call()
    return { competitor, client, turns: new Array<Awaited<ReturnType<typeof takeTurn>>>() }
  })
  const start = performance.now()
  for (let round = -warmUp; round < fewestRounds(bench) || performance.now() - start < budgetMillis; round++) {
    await forEach(shuffled(runners, bench.random), async ({ client, turns }) => {
      const turn = await takeTurn(client, callsPerWorker)
      if (round >= 0) turns.push(turn)
    })
  }
  await forEach(runners, ({ client }) => client.close())
  return new Map(runners.map(({ competitor, turns }) => [competitor, {
    cpuMicros: turns.map((turn) => turn.cpuMicros),
    perSecond: turns.map((turn) => turn.perSecond)
  }]))
}

const answer = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "done" }] } })

/** Answers calls of the resource at once. Makes a `Request` of its arguments, as `fetch` does. */
const answering = (resource: string): typeof globalThis.fetch => async (input, init) => {
  const request = new Request(input, init)
  if (request.url !== resource) return globalThis.fetch(request)
  if (!request.headers.has("authorization")) return new Response(undefined, { status: 401 })
  return new Response(answer, { headers: { "content-type": "application/json" } })
}

const figuresOf = (race: ReadonlyMap<Competitor, Figures>, competitor: Competitor): Figures =>
  race.get(competitor) ?? { cpuMicros: [], perSecond: [] }

export const warm: Workload = {
  name: "warm",
  turns: 5,
  run: async (bench) => {
    const { issuer, resource } = await bench.servers.reset()
    const endpoints = { issuer, resource, issueToken: bench.servers.issueToken, fetch: globalThis.fetch }
    const warmUp = bench.quick ? 3 : 8
    const overLoopback = await race(bench, endpoints, {
      callsPerWorker: 6,
      warmUp,
      budgetMillis: bench.warmSeconds * 1000
    })
    const inProcess = await race(bench, { ...endpoints, fetch: answering(resource) }, {
      callsPerWorker: 32,
      warmUp: 3,
      budgetMillis: bench.warmSeconds * 300
    })

    const results = taking(bench).map(({ base, competitor }) => {
      const { cpuMicros, perSecond } = figuresOf(overLoopback, competitor)
      const baseMicros = figuresOf(overLoopback, base).cpuMicros
      const added = median(
        differences(figuresOf(inProcess, competitor).cpuMicros, figuresOf(inProcess, base).cpuMicros)
      )
      return {
        competitor,
        base,
        cpuMicros: median(cpuMicros),
        perSecond: median(perSecond),
        ratio: summarize(ratios(cpuMicros, baseMicros)),
        added,
        addedShare: added / median(baseMicros)
      }
    })
    const lines = results.map(({ added, addedShare, base, competitor, cpuMicros, perSecond, ratio }) => ({
      client: competitor.name,
      values: base === competitor ? { cpuMicros, perSecond } : {
        cpuMicros,
        perSecond,
        ratio: ratio.median,
        error: ratio.error,
        quartiles: `${ratio.lower.toFixed(3)} to ${ratio.upper.toFixed(3)}`,
        added,
        addedPercent: addedShare * 100,
        base: base.name
      }
    }))
    const rounds = figuresOf(overLoopback, plainFetch).cpuMicros.length
    return {
      name: "warm",
      title: `Warm, ${workers} at a time, ${rounds} rounds`,
      columns: [
        { key: "perSecond", title: "calls/s" },
        { key: "cpuMicros", title: "CPU µs", compared: { better: "less" } },
        {
          key: "ratio",
          title: "ratio",
          digits: 3,
          compared: { better: "less", title: "CPU, as a ratio to the same by hand" }
        },
        { key: "error", title: "±", digits: 3 },
        { key: "quartiles", title: "quartiles" },
        { key: "added", title: "adds µs", digits: 1, compared: { better: "less", withoutRatio: true } },
        { key: "addedPercent", title: "adds %", digits: 1 },
        { key: "base", title: "compared with" }
      ],
      lines,
      targets: promised(results, ({ added, addedShare, competitor, ratio }) => [
        {
          client: competitor.name,
          claim: "CPU of a warm call, as a ratio to the same by hand",
          wanted: `at most ${mostRatio}`,
          measured: `${ratio.median.toFixed(3)} ± ${ratio.error.toFixed(3)}`,
          // Missed only if the noise does not explain it. The figure without a network, below, allows for no noise.
          met: ratio.median - ratio.error <= mostRatio
        },
        {
          client: competitor.name,
          claim: "the same, from what is added without a network",
          wanted: `at most ${mostRatio}`,
          measured: `${(1 + addedShare).toFixed(3)} (${added.toFixed(1)} µs)`,
          met: 1 + addedShare <= mostRatio
        }
      ]),
      charts: [clientBars({
        name: "warm",
        title: `Warm calls, ${workers} at a time`,
        description: "A fresh token in memory: CPU time of a call, and what of it is there without a network",
        lines,
        panels: [
          { key: "cpuMicros", title: "CPU, µs" },
          { key: "ratio", title: "ratio to the same by hand", digits: 3, limit: mostRatio },
          { key: "added", title: "adds, µs", digits: 1 }
        ]
      })]
    }
  }
}

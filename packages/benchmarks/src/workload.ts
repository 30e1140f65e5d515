/**
 * A kind of work, and what all of them share.
 */
import type { Client, Competitor } from "./client.ts"
import { bars } from "./chart.ts"
import type { Bars } from "./chart.ts"
import { ours } from "./clients.ts"
import type { Counters, LogEntry, Settings } from "./control.ts"
import type { Outcome } from "./load.ts"
import type { Column, Line, Section, Target } from "./report.ts"
import { start } from "./serverProcess.ts"
import type { ServerProcess } from "./serverProcess.ts"
import type { Random } from "./statistics.ts"

export interface Bench {
  readonly servers: ServerProcess
  readonly random: Random
  /** Fewer rounds and shorter ones: to see that it runs, not to quote it. */
  readonly quick: boolean
  /** How long the warm calls over loopback go on. */
  readonly warmSeconds: number
}

export interface Workload {
  /** What `--only` takes. */
  readonly name: string
  readonly run: (bench: Bench) => Promise<Section>
  /** Whether it counts, or looks at processes of its own: such work is done side by side, at the end. */
  readonly sideBySide?: boolean
}

/** What came of one client's work, and what the servers saw of it. */
export interface Trial<A> {
  readonly result: A
  readonly counters: Counters
  readonly log: ReadonlyArray<LogEntry>
  /** When connections were reset, in milliseconds since the servers were told to forget. */
  readonly refusedAt: ReadonlyArray<number>
}

/** The work of one new client, against servers that have forgotten the one before. */
export const trial = async <A>(
  { servers }: Bench,
  competitor: Competitor,
  settings: Partial<Settings>,
  work: (client: Client) => Promise<A>
): Promise<Trial<A>> => {
  const { issuer, resource } = await servers.reset(settings)
  const client = await competitor.make({
    issuer,
    resource,
    issueToken: servers.issueToken,
    fetch: globalThis.fetch
  })
  try {
    const result = await work(client)
    const { counters, log, refusedAt } = await servers.look()
    return { result, counters, log, refusedAt }
  } finally {
    await client.close()
  }
}

/** Goes through them one after the other: they would disturb each other's figures. */
export const forEach = async <A, B>(items: ReadonlyArray<A>, f: (item: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const results: Array<B> = []
  for (const item of items) results.push(await f(item))
  return results
}

/** For work that is long and light: all of them at the same time, each against servers of its own. */
export const together = <B>(
  bench: Bench,
  competitors: ReadonlyArray<Competitor>,
  f: (competitor: Competitor, bench: Bench) => Promise<B>
): Promise<ReadonlyArray<B>> =>
  Promise.all(competitors.map((competitor) => apart(bench, (bench) => f(competitor, bench))))

/** With servers of their own. */
export const apart = async <B>(bench: Bench, f: (bench: Bench) => Promise<B>): Promise<B> => {
  const servers = start()
  try {
    return await f({ ...bench, servers })
  } finally {
    await servers.close()
  }
}

/** What came on top since `before`. */
export const since = (after: Counters, before: Counters): Counters => ({
  token: after.token - before.token,
  resourceMetadata: after.resourceMetadata - before.resourceMetadata,
  serverMetadata: after.serverMetadata - before.serverMetadata,
  calls: after.calls - before.calls,
  unauthorized: after.unauthorized - before.unauthorized,
  forbidden: after.forbidden - before.forbidden,
  notFound: after.notFound - before.notFound,
  refused: after.refused - before.refused
})

const ourNames = new Set(ours.map(({ name }) => name))

/** Bars for clients, in which ours stand out. */
export const clientBars = (options: Omit<Parameters<typeof bars>[0], "ours">): Bars =>
  bars({ ...options, ours: ourNames })

/** Requests that were counted at the servers. */
export const requestColumns: ReadonlyArray<Column> = [
  { key: "token", title: "token" },
  { key: "resourceMetadata", title: "resource md" },
  { key: "serverMetadata", title: "AS md" },
  { key: "unauthorized", title: "401" },
  { key: "notFound", title: "404" }
]

export const outcomeColumns: ReadonlyArray<Column> = [
  { key: "calls", title: "calls" },
  { key: "failed", title: "failed" },
  { key: "p50", title: "p50 ms", digits: 1 },
  { key: "p99", title: "p99 ms", digits: 1 }
]

export const outcomeLine = (competitor: Competitor, outcome: Outcome, counters: Counters): Line => {
  const { calls, failed, p50, p99 } = outcome
  return { client: competitor.name, values: { ...counters, calls, failed, p50, p99 } }
}

/** A promise about a count: `measured` is no more than `most`. */
export const atMost = ({ name }: Pick<Competitor, "name">, claim: string, measured: number, most: number): Target => ({
  client: name,
  claim,
  wanted: most === 0 ? "0" : `at most ${most}`,
  measured: String(measured),
  met: measured <= most
})

/** The promises are ours: the others are there to be compared with. */
export const promised = <A extends { readonly competitor: Competitor }>(
  results: ReadonlyArray<A>,
  promise: (result: A) => ReadonlyArray<Target>
): ReadonlyArray<Target> => results.filter(({ competitor }) => ours.includes(competitor)).flatMap(promise)

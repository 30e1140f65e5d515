/**
 * A kind of work that is measured, and what all kinds share.
 */
import type { Client, Competitor } from "./client.ts"
import { bars } from "./chart.ts"
import type { Bars } from "./chart.ts"
import { ofEffect, ours } from "./clients.ts"
import type { Counters, LogEntry, Settings } from "./control.ts"
import type { Outcome } from "./load.ts"
import type { Column, Line, Section, Target } from "./report.ts"
import { start } from "./serverProcess.ts"
import type { ServerProcess } from "./serverProcess.ts"
import type { Random } from "./statistics.ts"

export interface Bench {
  readonly servers: ServerProcess
  readonly random: Random
  /** Fewer and shorter rounds: to check that the benchmark runs, not to quote its figures. */
  readonly quick: boolean
  /** How long warm calls over loopback are measured, in seconds. */
  readonly warmSeconds: number
  /** One turn of many, in which two lines of Effect alternate: short, and without the clients of other projects. */
  readonly isTurn: boolean
}

export interface Workload {
  /** What `--only` takes. */
  readonly name: string
  readonly run: (bench: Bench) => Promise<Section>
  /**
   * Whether the work counts requests or measures its own processes. Such kinds of work run side by side, at the end.
   */
  readonly sideBySide?: boolean
  /** How many turns each line of Effect has in a comparison. Left out where the work is not compared. */
  readonly turns?: number
}

/** The result of one client's work, and what the servers recorded of it. */
export interface Trial<A> {
  readonly result: A
  readonly counters: Counters
  readonly log: ReadonlyArray<LogEntry>
  /** When connections were reset, in milliseconds since the servers were told to forget. */
  readonly refusedAt: ReadonlyArray<number>
}

/** The work of one new client, against servers that have been reset. */
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

/** The clients that take part. Clients of other projects have no turn, because every line of Effect has the same. */
export const participants = (
  { isTurn }: Bench,
  competitors: ReadonlyArray<Competitor>
): ReadonlyArray<Competitor> => isTurn ? competitors.filter((competitor) => ofEffect.includes(competitor)) : competitors

/** Runs `f` for one item after the other: at once they would disturb each other's figures. */
export const forEach = async <A, B>(items: ReadonlyArray<A>, f: (item: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const results: Array<B> = []
  for (const item of items) results.push(await f(item))
  return results
}

/** For work that is long and light: all competitors at the same time, each against its own servers. */
export const together = <B>(
  bench: Bench,
  competitors: ReadonlyArray<Competitor>,
  f: (competitor: Competitor, bench: Bench) => Promise<B>
): Promise<ReadonlyArray<B>> =>
  Promise.all(competitors.map((competitor) => apart(bench, (bench) => f(competitor, bench))))

/** Runs `f` with servers of its own. */
export const apart = async <B>(bench: Bench, f: (bench: Bench) => Promise<B>): Promise<B> => {
  const servers = start()
  try {
    return await f({ ...bench, servers })
  } finally {
    await servers.close()
  }
}

/** The requests since `before`. */
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

/** Bars for clients, with our clients highlighted. */
export const clientBars = (options: Omit<Parameters<typeof bars>[0], "ours">): Bars =>
  bars({ ...options, ours: ourNames })

/** Requests that the servers counted. */
export const requestColumns: ReadonlyArray<Column> = [
  { key: "token", title: "token", compared: { better: "less" } },
  { key: "resourceMetadata", title: "resource md" },
  { key: "serverMetadata", title: "AS md" },
  { key: "unauthorized", title: "401" },
  { key: "notFound", title: "404" }
]

export const outcomeColumns: ReadonlyArray<Column> = [
  { key: "calls", title: "calls" },
  { key: "failed", title: "failed" },
  { key: "p50", title: "p50 ms", digits: 1 },
  { key: "p99", title: "p99 ms", digits: 1, compared: { better: "less" } }
]

export const outcomeLine = (competitor: Competitor, outcome: Outcome, counters: Counters): Line => {
  const { calls, failed, p50, p99 } = outcome
  return { client: competitor.name, values: { ...counters, calls, failed, p50, p99 } }
}

/** A promise about a count: `measured` is at most `most`. */
export const atMost = ({ name }: Pick<Competitor, "name">, claim: string, measured: number, most: number): Target => ({
  client: name,
  claim,
  wanted: most === 0 ? "0" : `at most ${most}`,
  measured: String(measured),
  met: measured <= most
})

/** Promises are made for our clients only; the others are there for comparison. */
export const promised = <A extends { readonly competitor: Competitor }>(
  results: ReadonlyArray<A>,
  promise: (result: A) => ReadonlyArray<Target>
): ReadonlyArray<Target> => results.filter(({ competitor }) => ours.includes(competitor)).flatMap(promise)

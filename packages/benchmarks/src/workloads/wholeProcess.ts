/**
 * A process that starts, makes one authenticated call, and ends: what a job that runs every minute pays.
 *
 * Most of that is loading modules, so each way of importing has a base of its own: a program of Effect's `HttpClient`
 * that is imported in the same way and makes the call with a header set by hand. A second base makes the same four
 * requests by hand: Node itself works more from about the third request on, when V8 compiles the HTTP parser of its
 * `fetch` once more, optimized.
 *
 * The members of a group run one after the other, in an order drawn anew for each round; a ratio is taken within a
 * round.
 */
import { bars } from "../chart.ts"
import { credentials } from "../control.ts"
import * as Installation from "../installation.ts"
import { median, ratios, shuffled, summarize } from "../statistics.ts"
import { forEach } from "../workload.ts"
import type { Bench, Workload } from "../workload.ts"
import * as WholeProcess from "../wholeProcess.ts"

const mostRatio = 1.1

interface Program {
  readonly name: string
  /** Its module in `processes`. */
  readonly module: string
  readonly isOurs?: boolean
}

/** The first of a group is what the others are compared with. */
interface Group {
  readonly base: Program
  readonly sameRequests?: Program
  readonly subject: Program
}

const groups: ReadonlyArray<Group> = [
  {
    base: { name: "fetch, by hand", module: "plainFetch" },
    subject: { name: "openid-client", module: "openidClient" }
  },
  {
    base: { name: "HttpClient, by hand, barrels", module: "bareByBarrel" },
    sameRequests: { name: "the same requests by hand, barrels", module: "sameRequestsByBarrel" },
    subject: { name: "OAuthHttpClient, barrels", module: "oursByBarrel", isOurs: true }
  },
  {
    base: { name: "HttpClient, by hand, modules", module: "bareByPath" },
    sameRequests: { name: "the same requests by hand, modules", module: "sameRequestsByPath" },
    subject: { name: "OAuthHttpClient, modules", module: "oursByPath", isOurs: true }
  }
]

const members = ({ base, sameRequests, subject }: Group): ReadonlyArray<Program> =>
  [base, sameRequests, subject].filter((program) => program !== undefined)

const cpu = (costs: ReadonlyArray<WholeProcess.Cost>) => costs.map(({ cpuMillis }) => cpuMillis)
const wall = (costs: ReadonlyArray<WholeProcess.Cost>) => costs.map(({ wallMillis }) => wallMillis)

/** Programs without Effect have no turn: they are the same on every line of Effect. */
const taking = ({ isTurn }: Bench): ReadonlyArray<Group> => groups.filter(({ subject }) => subject.isOurs || !isTurn)

/** Whether the programs' files are in the system's cache. */
let isCached = false

type Costs = ReadonlyMap<Program, ReadonlyArray<WholeProcess.Cost>>

const measure = async (bench: Bench): Promise<Costs> => {
  const { isTurn, quick, random, servers } = bench
  const { pathOf } = await Installation.make()
  const { issuer, resource } = await servers.reset()
  const { clientId, clientSecret, scope } = credentials
  const args = [resource, issuer, await servers.issueToken(), clientId, clientSecret, scope]
  const costs = new Map<Program, ReadonlyArray<WholeProcess.Cost>>()
  const rounds = isTurn ? 1 : quick ? 5 : 25
  for (let round = isCached ? 0 : -1; round < rounds; round++) {
    await forEach(
      shuffled(taking(bench), random).flatMap((group) => shuffled(members(group), random)),
      async (program) => {
        const cost = await WholeProcess.run(pathOf(program.module), args)
        if (round >= 0) costs.set(program, [...costs.get(program) ?? [], cost])
      }
    )
    isCached = true
  }
  return costs
}

const rowsOf = (bench: Bench, costs: Costs) => {
  const costsOf = (program: Program): ReadonlyArray<WholeProcess.Cost> => costs.get(program) ?? []
  return taking(bench).flatMap((group) =>
    members(group).map((program) => {
      const { base, sameRequests, subject } = group
      const own = costsOf(program)
      return {
        program,
        group,
        cpuMillis: median(cpu(own)),
        wallMillis: median(wall(own)),
        ratio: program === base ? undefined : summarize(ratios(cpu(own), cpu(costsOf(base)))),
        wallRatio: program === base ? undefined : median(ratios(wall(own), wall(costsOf(base)))),
        toSameRequests: program !== subject || sameRequests === undefined
          ? undefined
          : median(ratios(cpu(own), cpu(costsOf(sameRequests))))
      }
    })
  )
}

export const wholeProcess: Workload = {
  name: "whole-process",
  turns: 6,
  run: async (bench) => {
    const rows = rowsOf(bench, await measure(bench))
    const lines = rows.map(({ cpuMillis, group, program, ratio, toSameRequests, wallMillis, wallRatio }) => ({
      client: program.name,
      values: {
        cpuMillis,
        wallMillis,
        ...(ratio === undefined ? {} : {
          ratio: ratio.median,
          error: ratio.error,
          quartiles: `${ratio.lower.toFixed(2)} to ${ratio.upper.toFixed(2)}`,
          wallRatio,
          toSameRequests,
          base: group.base.name
        })
      }
    }))
    return {
      name: "whole-process",
      title: "A whole process: start, one authenticated call, end",
      columns: [
        { key: "cpuMillis", title: "CPU ms", compared: { better: "less" } },
        { key: "wallMillis", title: "wall ms", compared: { better: "less" } },
        {
          key: "ratio",
          title: "CPU ratio",
          digits: 2,
          compared: { better: "less", title: "CPU, as a ratio to HttpClient, by hand" }
        },
        { key: "error", title: "±", digits: 2 },
        { key: "quartiles", title: "quartiles" },
        { key: "wallRatio", title: "wall ratio", digits: 2 },
        {
          key: "toSameRequests",
          title: "same requests",
          digits: 2,
          compared: { better: "less", title: "CPU, as a ratio to the same requests by hand" }
        },
        { key: "base", title: "compared with" }
      ],
      lines,
      targets: rows.flatMap(({ group, program, ratio }) =>
        program.isOurs === true && ratio !== undefined
          ? [{
            client: "OAuthHttpClient",
            claim: `CPU of a whole process, as a ratio to ${group.base.name}`,
            wanted: `at most ${mostRatio.toFixed(2)}`,
            measured: `${ratio.median.toFixed(2)} ± ${ratio.error.toFixed(2)}`,
            met: ratio.median - ratio.error <= mostRatio
          }]
          : []
      ),
      charts: [bars({
        name: "whole-process",
        title: "A whole process with one authenticated call",
        description: "CPU time from start to end, tokens in memory, in ms",
        lines,
        ours: new Set(groups.map(({ subject }) => subject).filter(({ isOurs }) => isOurs).map(({ name }) => name)),
        panels: [{ key: "cpuMillis", title: "CPU, ms" }, {
          key: "ratio",
          title: "ratio to the call by hand",
          digits: 2
        }]
      })],
      note:
        "Same requests: the CPU ratio to a program that makes the same four requests by hand. Programs are built and " +
        "run where the packages are installed; the servers run in another process."
    }
  }
}

/**
 * `pnpm bench`: the same work for this project and for comparable libraries, in one run.
 */
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { parseArgs } from "node:util"
import { write } from "./documents.ts"
import { renderJson, renderMachine, renderSection, renderTargets } from "./report.ts"
import type { Section } from "./report.ts"
import { start } from "./serverProcess.ts"
import { seeded } from "./statistics.ts"
import { forEach } from "./workload.ts"
import type { Workload } from "./workload.ts"
import { accessToken } from "./workloads/accessToken.ts"
import { burst } from "./workloads/burst.ts"
import { callers } from "./workloads/callers.ts"
import { firstCall } from "./workloads/firstCall.ts"
import { interrupted } from "./workloads/interrupted.ts"
import { manyProviders } from "./workloads/manyProviders.ts"
import { outage } from "./workloads/outage.ts"
import { outageOfALife } from "./workloads/outageOfALife.ts"
import { renewal } from "./workloads/renewal.ts"
import { revoked } from "./workloads/revoked.ts"
import { shortTokens } from "./workloads/shortTokens.ts"
import { signing } from "./workloads/signing.ts"
import { soak } from "./workloads/soak.ts"
import { warm } from "./workloads/warm.ts"
import { wholeProcess } from "./workloads/wholeProcess.ts"

const workloads: ReadonlyArray<Workload> = [
  wholeProcess,
  firstCall,
  burst,
  interrupted,
  callers,
  warm,
  accessToken,
  shortTokens,
  renewal,
  revoked,
  outage,
  outageOfALife,
  signing,
  manyProviders,
  soak
]

const usage = `pnpm bench [--only row,row] [--quick] [--json] [--charts] [--warm seconds] [--seed number]

  --only   some of: ${workloads.map(({ name }) => name).join(", ")}
  --quick  fewer and shorter rounds: to check that it runs, not to quote its figures
  --json   one JSON document on standard output, nothing else
  --charts writes the charts to packages/benchmarks/docs, and the page if no row is left out
  --warm   how long warm calls are measured, in seconds (default 40; an error of 0.01 takes ten minutes)
  --seed   for the order of rounds and the choice of interrupted callers (default 1)`

/** A wrong option is answered with the usage, not with a stack trace. */
const refuse = (problem: string): never => {
  console.error(`${problem}\n\n${usage}`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: {
        only: { type: "string" },
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        charts: { type: "boolean", default: false },
        warm: { type: "string" },
        seed: { type: "string", default: "1" },
        help: { type: "boolean", short: "h", default: false }
      }
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const options = parse()

const documents = new URL("../docs/", import.meta.url)

const chosen = (): ReadonlyArray<Workload> => {
  if (options.only === undefined) return workloads
  const names = options.only.split(",")
  const unknown = names.filter((name) => !workloads.some((workload) => workload.name === name))
  return unknown.length > 0
    ? refuse(`No such row: ${unknown.join(", ")}`)
    : workloads.filter(({ name }) => names.includes(name))
}

const whole = (text: string): number => /^\d+$/.test(text) ? Number(text) : refuse(`Not a whole number: ${text}`)

const PackageJson = Schema.parseJson(
  Schema.Struct({ dependencies: Schema.Record({ key: Schema.String, value: Schema.String }) })
)
const { dependencies } = Schema.decodeSync(PackageJson)(
  readFileSync(new URL("../package.json", import.meta.url), "utf8")
)
const versionOf = (name: string): string => dependencies[name] ?? "unknown"

const machine = () => ({
  node: process.version,
  cpus: cpus().length,
  model: cpus()[0]?.model ?? "unknown",
  load: Number((loadavg()[0] ?? 0).toFixed(2)),
  effect: versionOf("effect"),
  "official SDK": versionOf("@modelcontextprotocol/client"),
  "openid-client": versionOf("openid-client"),
  ...(process.argv.length > 2 ? { options: process.argv.slice(2).join(" ") } : {}),
  seed: whole(options.seed)
})

/** Prints for people. With `--json` only the document is printed. */
const say = (text: string): void => {
  if (!options.json) console.log(text)
}

const run = async (): Promise<void> => {
  const rows = chosen()
  const about = machine()
  const warmSeconds = whole(options.warm ?? (options.quick ? "8" : "40"))
  say(`${renderMachine(about)}\n`)
  const servers = start()
  try {
    const bench = { servers, quick: options.quick, warmSeconds, random: seeded(about.seed) }
    const done = async ({ run }: Workload): Promise<Section> => {
      const section = await run(bench)
      say(renderSection(section))
      return section
    }
    const sections = [
      ...await forEach(rows.filter(({ sideBySide }) => sideBySide !== true), done),
      ...await Promise.all(rows.filter(({ sideBySide }) => sideBySide === true).map(done))
    ]
    say(renderTargets(sections))
    const report = { machine: about, sections }
    if (options.json) console.log(renderJson(report))
    if (options.charts) {
      const written = await write(documents, report, rows.length === workloads.length)
      say(`Written: ${written.join(", ")}`)
    }
  } finally {
    await servers.close()
  }
}

if (options.help) console.log(usage)
else await run()

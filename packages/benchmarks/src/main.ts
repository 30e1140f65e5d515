/**
 * `pnpm bench`: the same work for this project and for comparable libraries, in one run.
 */
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { parseArgs } from "node:util"
import { write } from "./documents.ts"
import * as EffectLines from "./effectLines.ts"
import { renderJson, renderMachine, renderSection, renderTargets } from "./report.ts"
import type { Section } from "./report.ts"
import { rows as workloads } from "./rows.ts"
import { start } from "./serverProcess.ts"
import { seeded } from "./statistics.ts"
import { forEach } from "./workload.ts"
import type { Workload } from "./workload.ts"

/** The rows that are compared on two lines of Effect. */
const compared = workloads.filter(({ turns }) => turns !== undefined)

const usage = `pnpm bench [--only row,row] [--quick] [--json] [--charts] [--warm seconds] [--seed number] [--effect 4]

  --only   some of: ${workloads.map(({ name }) => name).join(", ")}
  --quick  fewer and shorter rounds: to check that it runs, not to quote its figures
  --json   one JSON document on standard output, nothing else
  --charts writes the charts to packages/benchmarks/docs, and the page if no row is left out
  --warm   how long warm calls are measured, in seconds (default 40; an error of 0.01 takes ten minutes)
  --seed   for the order of rounds and the choice of interrupted callers (default 1)
  --effect 4 compares this project on Effect 4 and on Effect 3; \`pnpm effect4 install write\` writes it for Effect 4
           rows: ${compared.map(({ name }) => name).join(", ")}; --warm is for one turn (default 2)`

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
        effect: { type: "string" },
        help: { type: "boolean", short: "h", default: false }
      }
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const options = parse()

const documents = new URL("../docs/", import.meta.url)

const chosen = (workloads: ReadonlyArray<Workload>): ReadonlyArray<Workload> => {
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
  const rows = chosen(workloads)
  const about = machine()
  const warmSeconds = whole(options.warm ?? (options.quick ? "8" : "40"))
  say(`${renderMachine(about)}\n`)
  const servers = start()
  try {
    const bench = { servers, quick: options.quick, warmSeconds, random: seeded(about.seed), isTurn: false }
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

/** The same work on two lines of Effect. */
const runOnBothLines = async (): Promise<void> => {
  if (options.effect !== "4") refuse(`Not a line that is generated: Effect ${options.effect}`)
  if (options.charts) refuse("There are no charts of two lines of Effect")
  const rows = chosen(compared)
  const problem = EffectLines.problem()
  if (problem !== undefined) {
    console.error(problem)
    return process.exit(1)
  }
  const own = machine()
  const about = { ...own, effect: `${own.effect} and ${EffectLines.version()}` }
  say(`${renderMachine(about)}\n`)
  const lines = EffectLines.startLines()
  try {
    const settings = {
      quick: options.quick,
      warmSeconds: whole(options.warm ?? "2"),
      seed: about.seed,
      random: seeded(about.seed)
    }
    const sections = await forEach(rows, async (row) => {
      const section = await EffectLines.compareRow(lines, row, settings)
      say(renderSection(section))
      return section
    })
    say(renderTargets(sections))
    if (options.json) console.log(renderJson({ machine: about, sections }))
  } finally {
    await Promise.all([lines.three.close(), lines.four.close()])
  }
}

if (options.help) console.log(usage)
else if (options.effect === undefined) await run()
else await runOnBothLines()

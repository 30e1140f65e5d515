/**
 * `pnpm mutation [package] [file or folder …]`: how many changes of the sources the tests notice.
 * `packages/mutation/README.md` describes the options and the report.
 */
import { readPackages, repository } from "@effect-mcp-auth/tooling/packages"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { OutcomeFile } from "../outcomeFile.ts"
import { BOUND, isSurvivor, percent, type Score, scoreOf, scoresByFile, survivor, table } from "../report.ts"
import { run, TestsFail } from "../run.ts"
import { withScores } from "../scoresPage.ts"
import { chooseSources, sourcesOf } from "../sources.ts"

/** The packages whose score is bound. */
const PACKAGES = ["client-secret", "private-key-jwt", "jwt-bearer", "core"]

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    survivors: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    json: { type: "string" },
    resume: { type: "string" },
    budget: { type: "string", default: "10" },
    concurrency: { type: "string", default: String(availableParallelism()) }
  }
})
const [name, ...files] = positionals
if (name === undefined && (values.json ?? values.resume) !== undefined) {
  throw new Error("`--json` and `--resume` name the file of one package. Name the package.")
}

let lastProgress = 0

/** A terminal shows each step on one line. Anything else gets a line in 30 seconds. */
const progress = (line: string): void => {
  if (process.stderr.isTTY) return void process.stderr.write(`\r\u001B[K${line}`)
  if (line === "" || performance.now() - lastProgress < 30_000) return
  lastProgress = performance.now()
  process.stderr.write(`${line}\n`)
}

const page = join(import.meta.dirname, "..", "..", "docs", "scores.md")

/** Writes the scores of a whole package into the page. Scores of some files would hide those of the others. */
const write = (scores: ReadonlyArray<Score>, total: Score): void => {
  if (files.length > 0) throw new Error("`--write` needs a run of a whole package. Leave out the files.")
  mkdirSync(dirname(page), { recursive: true })
  writeFileSync(page, withScores(existsSync(page) ? readFileSync(page, "utf8") : "", scores, total))
}

const test = async (folder: string): Promise<boolean> => {
  const directory = readPackages(repository).find((candidate) => candidate.folder === folder)?.directory
  if (directory === undefined) throw new Error(`No package is named ${folder}.`)
  const start = performance.now()
  const outcomes = await run({
    directory,
    files: chooseSources(sourcesOf(directory), files),
    outcomeFile: new OutcomeFile(directory, { written: values.json, resumed: values.resume }),
    concurrency: Number(values.concurrency),
    budget: Number(values.budget) * 1000,
    onProgress: progress,
    onOutcome: (outcome) => {
      if (values.survivors && isSurvivor(outcome)) console.log(survivor(outcome))
    }
  })
  progress("")
  const total = scoreOf(folder, outcomes)
  console.log(table([...scoresByFile(outcomes), total]))
  if (values.write) write(scoresByFile(outcomes), total)
  const minutes = (performance.now() - start) / 60_000
  console.log(
    `\n${folder}: ${percent(total.score)} of ${outcomes.length} mutants noticed, in ${minutes.toFixed(1)} min.\n`
  )
  return total.score >= BOUND
}

for (const folder of name === undefined ? PACKAGES : [name]) {
  try {
    if (await test(folder)) continue
    console.log(`The score of ${folder} is below ${BOUND} %.`)
  } catch (error) {
    if (!(error instanceof TestsFail)) throw error
    console.error(error.message)
  }
  process.exitCode = 1
}

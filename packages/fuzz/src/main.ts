/**
 * `pnpm fuzz [target …] [--minutes N] [--seed S] [--executions N] [--save]`: fuzzes the targets one after the other,
 * prints what was found, and with `--save` writes the inputs that reach something new into the corpus.
 */
import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import { writeCorpus } from "./corpus.ts"
import type { Found, Report } from "./engine.ts"
import { targets } from "./targets.ts"

/** How long one input may run before its thread is ended, in milliseconds. */
const HANG = 60_000

/** The longest input that is named if it never ends, in code units. */
const SHARED = 128 * 1024

/** The longest input that is printed whole, in code units. */
const MAX_SHOWN = 1000

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    executions: { type: "string", default: "Infinity" },
    save: { type: "boolean", default: false }
  }
})

const fuzzOne = (target: string): Promise<Report | Found> =>
  new Promise((resolve, reject) => {
    const running = new SharedArrayBuffer(4 * (SHARED + 2))
    const view = new Uint32Array(running)
    const until = Date.now() + Number(values.minutes) * 60_000
    const worker = new Worker(new URL("worker.ts", import.meta.url), {
      workerData: { target, seed: Number(values.seed), until, maxExecutions: Number(values.executions), running }
    })
    let last = 0
    let since = Date.now()
    const watch = setInterval(() => {
      const count = Atomics.load(view, 0)
      if (count !== last || count === 0) [last, since] = [count, Date.now()]
      if (Date.now() - since < HANG) return
      const length = Atomics.load(view, 1)
      const input = String.fromCharCode(...view.subarray(2, 2 + Math.min(length, 4096)))
      void worker.terminate()
      resolve({ target, what: `did not end within ${HANG} ms`, input })
    }, 1000)
    worker.once("message", resolve)
    worker.once("error", reject)
    worker.once("exit", () => clearInterval(watch))
  })

let failed = false
const complain = ({ input, target, what }: Found) => {
  failed = true
  const shown = input.length > MAX_SHOWN ? `${input.slice(0, MAX_SHOWN)}… (${input.length} characters)` : input
  console.log(`FOUND ${target}: ${what}\n  ${JSON.stringify(shown)}`)
}

for (const name of positionals.length > 0 ? positionals : targets.map(({ name }) => name)) {
  const report = await fuzzOne(name)
  if ("what" in report) {
    complain(report)
    continue
  }
  const { corpus, executions, findings, isNew, reached, steps } = report
  console.log(
    `${name}: ${executions} inputs, ${reached} branches reached (${isNew} of them new), corpus of ${corpus.length}, ` +
      `${findings.length} findings, at most ${steps} steps for each character of a long input`
  )
  for (const finding of findings) complain(finding)
  if (values.save) writeCorpus(name, corpus)
}
process.exit(failed ? 1 : 0)

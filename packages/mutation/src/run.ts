/** A run: instrument, run every test once, then run the covering tests of each mutant. */
import { relative } from "node:path"
import { instrument } from "./instrument.ts"
import type { Mutant, Outcome } from "./mutant.ts"
import { type Coverage, coverageOf, History, isCovered, isLoading, planJob } from "./plan.ts"
import type { DryRun, Job } from "./protocol.ts"
import { importersOf, sourcesOf, testFilesOf } from "./sources.ts"
import { openSite, Silent, type Site, Worker } from "./workers.ts"

export interface Options {
  /** The absolute path of the package. */
  readonly directory: string
  /** The source files to change, relative to the package. */
  readonly files: ReadonlyArray<string>
  /** How many worker processes run at a time. */
  readonly concurrency: number
  /** Called with a line for the person who waits. */
  readonly onProgress: (line: string) => void
}

/** A test fails without any mutant, so no run with mutants means anything. */
export class TestsFail extends Error {}

export const run = async (options: Options): Promise<ReadonlyArray<Outcome>> => {
  const { directory, files } = options
  const { code, mutants } = await instrument(directory, files)
  const site = await openSite(code)
  try {
    return await new Run(options, site, mutants).outcomes()
  } finally {
    site.close()
  }
}

class Run {
  readonly #options: Options
  readonly #site: Site
  readonly #mutants: ReadonlyArray<Mutant>
  /** Workers start one after the other, so that a connection belongs to the worker that was started last. */
  #starting: Promise<unknown> = Promise.resolve()

  constructor(options: Options, site: Site, mutants: ReadonlyArray<Mutant>) {
    this.#options = options
    this.#site = site
    this.#mutants = mutants
  }

  async outcomes(): Promise<ReadonlyArray<Outcome>> {
    const { directory } = this.#options
    const slots = Array.from({ length: this.#options.concurrency }, () => new Slot(() => this.#startWorker()))
    try {
      const runs = await this.#dryRuns(slots)
      const importers = importersOf(directory, sourcesOf(directory))
      const coverage = coverageOf({ directory, mutants: this.#mutants, runs, importers })
      const outcomes = new Map<string, Outcome>()
      for (const mutant of this.#mutants) {
        if (mutant.explanation !== undefined) outcomes.set(mutant.id, { mutant, status: "explained" })
        else if (!isCovered(coverage, mutant)) outcomes.set(mutant.id, { mutant, status: "uncovered" })
      }
      const covered = this.#mutants.filter(({ id }) => !outcomes.has(id))
      await this.#runMutants(slots, coverage, covered, outcomes)
      return this.#mutants.flatMap(({ id }) => outcomes.get(id) ?? [])
    } finally {
      for (const slot of slots) slot.kill()
    }
  }

  #startWorker(): Promise<Worker> {
    const worker = this.#starting.then(() => Worker.start(this.#site, this.#options.directory))
    this.#starting = worker.catch(() => undefined)
    return worker
  }

  async #dryRuns(slots: ReadonlyArray<Slot>): Promise<ReadonlyArray<DryRun>> {
    const { directory, onProgress } = this.#options
    const files = [...testFilesOf(directory)]
    const all = files.length
    const runs: Array<DryRun> = []
    await Promise.all(slots.map(async (slot) => {
      for (let file = files.shift(); file !== undefined; file = files.shift()) {
        const worker = await slot.worker()
        const { run } = await worker.ask({ _tag: "DryRun", file }, "DryRunDone")
        if (run.failures.length > 0) {
          throw new TestsFail(
            `Without any mutant, tests of ${relative(directory, file)} fail:\n${run.failures.join("\n")}`
          )
        }
        runs.push(run)
        onProgress(`tests without mutants: ${runs.length} of ${all} files`)
      }
    }))
    return runs
  }

  /** Mutants in the order of the sources. Those that need modules loaded anew come last, so that the rest shares them. */
  async #runMutants(
    slots: ReadonlyArray<Slot>,
    coverage: Coverage,
    mutants: ReadonlyArray<Mutant>,
    outcomes: Map<string, Outcome>
  ): Promise<void> {
    const queue = mutants.toSorted((a, b) => Number(isLoading(coverage, a)) - Number(isLoading(coverage, b)))
    const history = new History()
    let done = 0
    await Promise.all(slots.map(async (slot) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const { message, status, test } = await slot.run(planJob(coverage, mutant, history))
        if (test !== undefined) history.add(mutant, test)
        outcomes.set(mutant.id, { mutant, status, message })
        this.#options.onProgress(`mutants: ${++done} of ${mutants.length}`)
      }
    }))
  }
}

/** A place for one worker at a time. */
class Slot {
  readonly #start: () => Promise<Worker>
  #worker: Worker | undefined

  constructor(start: () => Promise<Worker>) {
    this.#start = start
  }

  async worker(): Promise<Worker> {
    return this.#worker ??= await this.#start()
  }

  kill(): void {
    this.#worker?.kill()
    this.#worker = undefined
  }

  /** Runs the tests of a mutant. The next mutant gets a new worker if this one may still be busy. */
  async run(job: Job): Promise<Pick<Outcome, "status" | "message"> & { readonly test?: string | undefined }> {
    const worker = await this.worker()
    try {
      const { message, spoiled, status, test } = await worker.ask({ _tag: "Job", job }, "JobDone")
      if (spoiled) this.kill()
      return { status, test, message }
    } catch (error) {
      if (!(error instanceof Silent)) throw error
      this.kill()
      return { status: "timedOut" }
    }
  }
}

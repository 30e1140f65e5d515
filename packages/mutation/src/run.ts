/** A run: instrument, run every test once, then run the covering tests of each mutant. */
import { relative } from "node:path"
import { instrument } from "./instrument.ts"
import type { Mutant, Outcome } from "./mutant.ts"
import { DryRunCache } from "./dryRunCache.ts"
import type { Basis, OutcomeFile } from "./outcomeFile.ts"
import { type Coverage, coverageOf, History, isLoading, planJob, testFilesFor } from "./plan.ts"
import type { DryRun, Job } from "./protocol.ts"
import { importersOf, sourcesOf, testFilesOf } from "./sources.ts"
import { Host, openSite, Silent, type Site, type Worker } from "./workers.ts"

export interface Options {
  /** The absolute path of the package. */
  readonly directory: string
  /** The source files whose mutants to run, relative to the package, in this order. */
  readonly files: ReadonlyArray<string>
  /**
   * The milliseconds of CPU time that a test may take beyond five times what it takes without a mutant.
   *
   * @default 4000
   */
  readonly patience?: number | undefined
  /**
   * The milliseconds of CPU time for the tests of one mutant. Some code runs in almost every test, and a mutant there
   * that no likely test notices would cost as much as the whole suite.
   *
   * @default 10000
   */
  readonly budget?: number | undefined
  /** Has the outcomes of earlier runs, and keeps those of this run. */
  readonly outcomeFile: OutcomeFile
  /** How many worker processes run at a time. */
  readonly concurrency: number
  /** Called with a line for the person who waits. */
  readonly onProgress: (line: string) => void
  /** Called with each mutant as soon as its outcome is known. */
  readonly onOutcome: (outcome: Outcome) => void
}

const PATIENCE = 4_000

const BUDGET = 10_000

/** A test fails without any mutant, so no run with mutants means anything. */
export class TestsFail extends Error {}

export const run = async (options: Options): Promise<ReadonlyArray<Outcome>> => {
  const { code, mutants } = await instrument(options.directory, sourcesOf(options.directory))
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
  constructor(options: Options, site: Site, mutants: ReadonlyArray<Mutant>) {
    this.#options = options
    this.#site = site
    this.#mutants = mutants
  }

  async outcomes(): Promise<ReadonlyArray<Outcome>> {
    const { directory } = this.#options
    const slots = Array.from(
      { length: this.#options.concurrency },
      () => new Slot(() => new Host(this.#site, directory))
    )
    try {
      const runs = await this.#dryRuns(slots)
      const importers = importersOf(directory, sourcesOf(directory))
      const coverage = coverageOf({ directory, mutants: this.#mutants, runs, importers })
      const ofFile = Map.groupBy(this.#mutants, ({ file }) => file)
      const chosen = this.#options.files.flatMap((file) => ofFile.get(file) ?? [])
      return await this.#runMutants(slots, coverage, chosen)
    } finally {
      for (const slot of slots) slot.kill()
    }
  }

  async #dryRuns(slots: ReadonlyArray<Slot>): Promise<ReadonlyArray<DryRun>> {
    const { directory, onProgress } = this.#options
    const cache = new DryRunCache(directory)
    const files = [...testFilesOf(directory)]
    const all = files.length
    const runs: Array<DryRun> = []
    await Promise.all(slots.map(async (slot) => {
      for (let file = files.shift(); file !== undefined; file = files.shift()) {
        const known = cache.get(file)
        const run = known ?? await slot.dryRun(file)
        if (run.failures.length > 0) {
          throw new TestsFail(
            `Without any mutant, tests of ${relative(directory, file)} fail:\n${run.failures.join("\n")}`
          )
        }
        if (known === undefined) cache.set(file, run)
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
    mutants: ReadonlyArray<Mutant>
  ): Promise<ReadonlyArray<Outcome>> {
    const queue = mutants.toSorted((a, b) => Number(isLoading(coverage, a)) - Number(isLoading(coverage, b)))
    const history = new History()
    const outcomes: Array<Outcome> = []
    await Promise.all(slots.map(async (slot) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const outcome = await this.#runMutant(slot, coverage, mutant, history)
        outcomes.push(outcome)
        this.#options.onOutcome(outcome)
        this.#options.onProgress(`mutants: ${outcomes.length} of ${mutants.length}`)
      }
    }))
    return outcomes
  }

  async #runMutant(slot: Slot, coverage: Coverage, mutant: Mutant, history: History): Promise<Outcome> {
    const { budget = BUDGET, outcomeFile, patience = PATIENCE } = this.#options
    const basisOf = (outcome: Outcome): Basis => ({ testFiles: testFilesBehind(coverage, outcome), budget })
    const known = outcomeFile.find(mutant, basisOf)
    const outcome = known ?? await test(slot, mutant, planJob(coverage, mutant, history, { budget, patience }))
    if (known === undefined) outcomeFile.add(outcome, basisOf(outcome))
    if (outcome.test !== undefined) history.add(mutant, outcome.test)
    return outcome
  }
}

const test = async (slot: Slot, mutant: Mutant, job: Job): Promise<Outcome> => {
  if (mutant.explanation !== undefined) return { mutant, status: "explained" }
  if (job.files.length === 0) return { mutant, status: "uncovered" }
  return { mutant, ...await slot.run(job) }
}

/** The test file that noticed a mutant, or all that run its code. */
const testFilesBehind = (coverage: Coverage, { mutant, test: id }: Outcome): ReadonlyArray<string> => {
  const noticing = id === undefined ? undefined : coverage.tests.get(id)
  return noticing === undefined ? testFilesFor(coverage, mutant) : [noticing.file]
}

/** A place for one host and its worker at a time. */
class Slot {
  readonly #start: () => Host
  #host: Host | undefined
  #worker: Worker | undefined

  constructor(start: () => Host) {
    this.#start = start
  }

  kill(): void {
    this.#host?.kill()
    this.#host = undefined
    this.#worker = undefined
  }

  /** Runs a test file without a mutant. */
  dryRun(file: string): Promise<DryRun> {
    return this.#again(async () => (await (await this.#ready()).ask({ _tag: "DryRun", file }, "DryRunDone")).run)
  }

  /** Runs the tests of a mutant. The next mutant gets a new worker if this one may still be busy. */
  async run(job: Job): Promise<Omit<Outcome, "mutant">> {
    const worker = await this.#again(() => this.#ready())
    try {
      const { message, spoiled, status, test: id } = await worker.ask({ _tag: "Job", job }, "JobDone")
      if (spoiled) this.kill()
      return { status, test: id, message }
    } catch (error) {
      if (!(error instanceof Silent)) throw error
      this.kill()
      return { status: "timedOut" }
    }
  }

  async #ready(): Promise<Worker> {
    this.#host ??= this.#start()
    return this.#worker ??= await this.#host.worker()
  }

  /** Replaces a worker once that ends without a mutant: the machine may have been out of memory. */
  async #again<A>(action: () => Promise<A>): Promise<A> {
    try {
      return await action()
    } catch (error) {
      if (!(error instanceof Silent)) throw error
      this.kill()
      return await action()
    }
  }
}

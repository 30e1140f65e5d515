/** The tests of one worker process: each file without a mutant, then chosen tests with one mutant at a time. */
import { startTests, type VitestRunner } from "@vitest/runner"
import { vi } from "vitest"
import type { VitestTestRunner } from "vitest/runners"
import type { DryRun, Job, Response } from "../protocol.ts"
import { ignoreLongTimers } from "./limits.ts"
import { moduleCacheOf } from "./moduleCache.ts"
import { RepeatingRunner } from "./repeatingRunner.ts"
import { switchboard } from "./switchboard.ts"

export class Session {
  readonly #runner: RepeatingRunner
  /** The same runner, in the type that vitest wants. */
  readonly #vitestRunner: VitestRunner
  readonly #cache: ReturnType<typeof moduleCacheOf>
  #rejections: Array<string> = []

  constructor(outer: VitestTestRunner) {
    this.#cache = moduleCacheOf(outer)
    this.#runner = new RepeatingRunner(outer)
    this.#vitestRunner = Object.assign(this.#runner, { config: vitestConfig(outer) })
    ignoreLongTimers()
    // Vitest maps each frame of each stack trace to its source, and nobody reads the traces of these tests.
    Reflect.deleteProperty(Error, "prepareStackTrace")
    for (const event of ["unhandledRejection", "uncaughtException"] as const) {
      process.on(event, (error: unknown) => this.#rejections.push(`${event}: ${String(error)}`))
    }
  }

  async dryRun(file: string): Promise<DryRun> {
    // The first load of the file loads its modules as well, and runs no test. The second shows what the file alone does.
    switchboard.currentTestId = undefined
    this.#runner.only([], 0)
    await this.#start(file)
    this.#runner.dry()
    await this.#start(file)
    return { ...this.#runner.report(file), loading: Object.keys(switchboard.mutantCoverage?.static ?? {}) }
  }

  async run(job: Job): Promise<Omit<Extract<Response, { readonly _tag: "JobDone" }>, "_tag">> {
    this.#rejections = []
    switchboard.activate(job.mutant, job.hitLimit)
    if (job.reload !== undefined) this.#cache.invalidateDepTree([job.reload])
    try {
      for (const { file, tests } of job.files) {
        this.#runner.only(tests, job.patience)
        const crash = await this.#start(file)
        const { ran, spoiled, test, timedOut, ...verdict } = this.#runner.verdict()
        if (timedOut) return { status: "timedOut", test, message: verdict.message, spoiled }
        // A mutant that changes which tests a file has is noticed as well.
        const missing = ran < tests.length ? `${file} has no such test` : undefined
        const message = verdict.message ?? crash ?? this.#rejections[0] ?? missing
        if (message !== undefined) return { status: "killed", test, message, spoiled: false }
      }
      return { status: "survived", test: undefined, message: undefined, spoiled: false }
    } finally {
      switchboard.activate(undefined, 0)
      if (job.reload !== undefined) this.#cache.invalidateDepTree([job.reload])
    }
  }

  /** Runs a file, and returns the error of a file that could not be loaded. */
  async #start(file: string): Promise<string | undefined> {
    const [result] = await startTests([file], this.#vitestRunner)
    vi.restoreAllMocks()
    const error = result?.result?.errors?.[0]
    return error === undefined ? undefined : `${file}: ${error.message}`
  }
}

/** The type of a runner's config forbids `undefined` where vitest's own config allows it. */
const vitestConfig = ({ config }: VitestTestRunner): VitestRunner["config"] => ({
  ...config,
  name: config.name ?? "",
  testNamePattern: config.testNamePattern ?? /(?:)/,
  chaiConfig: config.chaiConfig ?? {},
  includeTaskLocation: config.includeTaskLocation ?? false
})

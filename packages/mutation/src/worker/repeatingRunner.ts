/** A vitest runner that runs the same test files many times in one process, whole or only some of their tests. */
import type { File, Suite, Task, Test } from "@vitest/runner"
import { getFn } from "@vitest/runner"
import { VitestTestRunner } from "vitest/runners"
import type { DryRun, Job, TestRecord } from "../protocol.ts"
import { cpuTime } from "./cpuLimit.ts"
import { Limits, TimedOut } from "./limits.ts"
import { executorOf, moduleCacheOf } from "./moduleCache.ts"
import { switchboard } from "./switchboard.ts"

const collectingId = (file: string): string => `collecting ${file}`

export class RepeatingRunner extends VitestTestRunner {
  readonly #executor: ReturnType<typeof executorOf>
  readonly #cache: ReturnType<typeof moduleCacheOf>
  /** The tests to run with their durations in milliseconds, or `undefined` for a dry run of all. */
  #chosen: ReadonlyMap<string, number> | undefined
  #patience = 0
  /** The CPU time when the present test began, in milliseconds. */
  #startedAt = 0
  #records: Array<TestRecord> = []
  #failures: Array<string> = []
  /** The id of the first test that failed. */
  #failed: string | undefined
  #ran = 0
  #timedOut: TimedOut | undefined

  constructor(outer: VitestTestRunner) {
    super(outer.config)
    this.#executor = executorOf(outer)
    this.#cache = moduleCacheOf(outer)
  }

  /** All tests of the next file run, and the runner keeps what each of them runs. */
  dry(): void {
    this.#reset(undefined)
  }

  /** Of the next file only these tests run, until the first failure. */
  only(tests: Job["files"][number]["tests"], patience: number): void {
    this.#patience = patience
    this.#reset(new Map(tests.map(({ duration, id }) => [id, duration])))
  }

  #reset(chosen: ReadonlyMap<string, number> | undefined): void {
    this.#chosen = chosen
    this.#records = []
    this.#failures = []
    this.#failed = undefined
    this.#ran = 0
    this.#timedOut = undefined
  }

  report(file: string): Omit<DryRun, "loading"> {
    const collecting = switchboard.hits(collectingId(file))
    const hits: Record<string, number> = {}
    for (const counts of [collecting, ...this.#records.map(({ id }) => switchboard.hits(id))]) {
      for (const [mutant, count] of Object.entries(counts)) hits[mutant] = (hits[mutant] ?? 0) + count
    }
    return { tests: this.#records, failures: this.#failures, hits, collecting: Object.keys(collecting) }
  }

  verdict(): {
    readonly test: string | undefined
    readonly message: string | undefined
    readonly ran: number
    readonly timedOut: boolean
    readonly spoiled: boolean
  } {
    return {
      test: this.#failed,
      message: this.#failures[0],
      ran: this.#ran,
      timedOut: this.#timedOut !== undefined,
      spoiled: this.#timedOut?.idle === false
    }
  }

  override async importFile(path: string): Promise<unknown> {
    this.#cache.delete(path)
    return this.#executor.executeId(path)
  }

  override onCollectStart(file: File): void {
    super.onCollectStart(file)
    if (this.#chosen === undefined) switchboard.currentTestId = collectingId(file.filepath)
  }

  onCollected(files: ReadonlyArray<File>): void {
    if (this.#chosen !== undefined) { for (const file of files) this.#choose(file, [...this.#chosen.keys()]) }
  }

  /** Skips the tests that are not chosen, and puts the others in the chosen order. */
  #choose(suite: Suite, chosen: ReadonlyArray<string>): void {
    for (const task of suite.tasks) {
      if (task.type === "suite") this.#choose(task, chosen)
      else if (!chosen.includes(task.id)) task.mode = "skip"
    }
    suite.tasks = suite.tasks.toSorted((a, b) => firstOf(a, chosen) - firstOf(b, chosen))
  }

  override async onBeforeRunTask(test: Test): Promise<void> {
    if (this.#chosen !== undefined && this.#failures.length > 0) test.mode = "skip"
    await super.onBeforeRunTask(test)
    if (this.#chosen === undefined) switchboard.currentTestId = test.id
    this.#startedAt = cpuTime()
  }

  async runTask(test: Test): Promise<void> {
    const limits = new Limits(this.#chosen?.get(test.id), this.#patience)
    try {
      await limits.run(getFn(test))
    } catch (error) {
      if (error instanceof TimedOut) this.#timedOut = error
      throw error
    }
  }

  override onAfterRunTask(test: Test): void {
    super.onAfterRunTask(test)
    this.#ran++
    if (test.result?.state === "fail") {
      this.#failed ??= test.id
      this.#failures.push(`${titleOf(test)}: ${test.result.errors?.[0]?.message ?? "no error"}`)
    }
    if (this.#chosen !== undefined) return
    switchboard.currentTestId = collectingId(test.file.filepath)
    this.#records.push({
      id: test.id,
      file: test.file.filepath,
      title: titleOf(test),
      duration: cpuTime() - this.#startedAt,
      covers: Object.keys(switchboard.hits(test.id))
    })
  }

  override async onAfterRunSuite(): Promise<void> {
    // The base class saves snapshots here. A run with a mutant must save none.
  }
}

/** The position of a test among the chosen ones, or of the first test of a suite. */
const firstOf = (task: Task, chosen: ReadonlyArray<string>): number => {
  if (task.type === "suite") return Math.min(...task.tasks.map((child) => firstOf(child, chosen)), Infinity)
  const index = chosen.indexOf(task.id)
  return index === -1 ? Number.MAX_SAFE_INTEGER : index
}

const titleOf = (task: Task): string => task.suite === undefined ? task.name : `${titleOf(task.suite)} › ${task.name}`

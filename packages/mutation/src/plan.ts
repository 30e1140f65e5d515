/** Which tests to run for a mutant, in which order. */
import { dirname, join } from "node:path"
import type { Mutant } from "./mutant.ts"
import type { DryRun, Job, TestRecord } from "./protocol.ts"
import { isMirror } from "./sources.ts"

/** A mutant is given up after the code has run so many times as often as it does without a mutant. */
const HIT_FACTOR = 100

export interface Coverage {
  readonly directory: string
  readonly tests: ReadonlyMap<string, TestRecord>
  /** The ids of the tests that run each mutant's code. */
  readonly testsOf: ReadonlyMap<string, ReadonlySet<string>>
  readonly hitsOf: ReadonlyMap<string, number>
  /** The mutants whose code runs while modules are loaded. */
  readonly loading: ReadonlySet<string>
  /** The ids of the tests that run code of each source file. */
  readonly testsOfFile: ReadonlyMap<string, ReadonlySet<string>>
  readonly importers: ReadonlyMap<string, ReadonlySet<string>>
}

const addTo = <K, V>(map: Map<K, Set<V>>, key: K, value: V): void => {
  const set = map.get(key)
  if (set === undefined) map.set(key, new Set([value]))
  else set.add(value)
}

export const coverageOf = (options: {
  readonly directory: string
  readonly mutants: ReadonlyArray<Mutant>
  readonly runs: ReadonlyArray<DryRun>
  readonly importers: ReadonlyMap<string, ReadonlySet<string>>
}): Coverage => {
  const fileOf = new Map(options.mutants.map(({ file, id }) => [id, file]))
  const tests = new Map<string, TestRecord>()
  const testsOf = new Map<string, Set<string>>()
  const testsOfFile = new Map<string, Set<string>>()
  const hitsOf = new Map<string, number>()
  for (const { collecting, hits, tests: records } of options.runs) {
    for (const [mutant, count] of Object.entries(hits)) hitsOf.set(mutant, (hitsOf.get(mutant) ?? 0) + count)
    for (const test of records) {
      tests.set(test.id, test)
      for (const mutant of test.covers) addTo(testsOfFile, fileOf.get(mutant) ?? "", test.id)
      for (const mutant of [...test.covers, ...collecting]) addTo(testsOf, mutant, test.id)
    }
  }
  return {
    directory: options.directory,
    tests,
    testsOf,
    testsOfFile,
    hitsOf,
    loading: new Set(options.runs.flatMap(({ loading }) => loading)),
    importers: options.importers
  }
}

/** Which tests have noticed mutants so far: what noticed a mutant is the likeliest to notice its neighbours. */
export class History {
  readonly #kills = new Map<string, Array<{ readonly line: number; readonly test: string }>>()

  add({ file, start }: Mutant, test: string): void {
    const kills = this.#kills.get(file) ?? []
    kills.push({ line: start.line, test })
    this.#kills.set(file, kills)
  }

  /** How likely tests are to notice a mutant, relative to each other. A test without an entry never noticed one. */
  weights({ file, start }: Mutant): ReadonlyMap<string, number> {
    const weights = new Map<string, number>()
    for (const { line, test } of this.#kills.get(file) ?? []) {
      weights.set(test, (weights.get(test) ?? 0) + 1 / (1 + Math.abs(line - start.line)))
    }
    return weights
  }
}

/** The weight of a test that has noticed no mutant of the file yet. */
const UNPROVEN = 0.02

/** The number of the likeliest tests that run before all others, whichever files they are in. */
const FIRST = 4

/** Whether the module of a mutant must be loaded anew. */
export const isLoading = (coverage: Coverage, mutant: Mutant): boolean => coverage.loading.has(mutant.id)

/** The job of a mutant. It has no files if no test runs the code of the mutant. */
export const planJob = (
  coverage: Coverage,
  mutant: Mutant,
  history: History,
  { budget, patience }: { readonly budget: number; readonly patience: number }
): Job => {
  const weights = history.weights(mutant)
  const costs = new Map(
    testsFor(coverage, mutant).map((test) => {
      const likely = (weights.get(test.id) ?? 0) + UNPROVEN
      return [test, cost(coverage, mutant, test) / likely]
    })
  )
  const ordered = affordable([...costs.keys()].toSorted((a, b) => (costs.get(a) ?? 0) - (costs.get(b) ?? 0)), budget)
  const rest = Map.groupBy(ordered.slice(FIRST), ({ file }) => file)
  return {
    mutant: mutant.id,
    patience,
    reload: isLoading(coverage, mutant) ? join(coverage.directory, mutant.file) : undefined,
    hitLimit: Math.max(1_000, (coverage.hitsOf.get(mutant.id) ?? 0) * HIT_FACTOR),
    files: [...ordered.slice(0, FIRST).map((test) => [test]), ...[...rest.values()].toSorted((a, b) => sum(a) - sum(b))]
      .map((tests) => ({
        file: tests[0]?.file ?? "",
        tests: tests.map(({ duration, id }) => ({ id, duration }))
      }))
  }
}

/** The first tests of a list that the budget allows, and the first one in any case. */
const affordable = (tests: ReadonlyArray<TestRecord>, budget: number): ReadonlyArray<TestRecord> => {
  let rest = budget
  return tests.filter(({ duration }, index) => {
    rest -= duration
    return index === 0 || rest >= 0
  })
}

const sum = (tests: ReadonlyArray<TestRecord>): number => tests.reduce((total, { duration }) => total + duration, 0)

const testsFor = (coverage: Coverage, mutant: Mutant): ReadonlyArray<TestRecord> => {
  const covering = [...coverage.testsOf.get(mutant.id) ?? []].flatMap((id) => coverage.tests.get(id) ?? [])
  return isLoading(coverage, mutant) ? [...new Set([...covering, ...candidates(coverage, mutant)])] : covering
}

/** The files of the tests from which the job of a mutant is chosen. */
export const testFilesFor = (coverage: Coverage, mutant: Mutant): ReadonlyArray<string> => [
  ...new Set(testsFor(coverage, mutant).map(({ file }) => file))
]

/** The tests near a mutant that no test is known to run. */
const candidates = (coverage: Coverage, mutant: Mutant): ReadonlyArray<TestRecord> => {
  const near = [mutant.file, ...coverage.importers.get(mutant.file) ?? []]
  const ids = new Set(near.flatMap((file) => [...coverage.testsOfFile.get(file) ?? []]))
  return [...coverage.tests.values()].filter(({ file, id }) =>
    ids.has(id) || isMirror(coverage.directory, mutant.file, file)
  )
}

/** Tests of the mirroring file come first, then those of the mirroring folder: they are the likeliest to notice. */
const cost = (coverage: Coverage, mutant: Mutant, test: TestRecord): number => {
  const folder = join(coverage.directory, dirname(mutant.file).replace(/^src/, "test"))
  const bonus = isMirror(coverage.directory, mutant.file, test.file) ? 20 : dirname(test.file) === folder ? 5 : 1
  return (test.duration + 1) / bonus
}

import { assert, describe, expect, it } from "@effect/vitest"
import type { Mutant } from "../src/mutant.ts"
import { coverageOf, History, planJob } from "../src/plan.ts"
import type { DryRun, TestRecord } from "../src/protocol.ts"

const mutant = (id: string, file = "src/A.ts", line = 1): Mutant => ({
  id,
  file,
  start: { line, column: 1 },
  end: { line, column: 2 },
  mutator: "BooleanLiteral",
  original: "true",
  replacement: "false",
  explanation: undefined
})

const test = (id: string, file: string, duration: number, covers: ReadonlyArray<string>): TestRecord => ({
  id,
  file: `/package/test/${file}.test.ts`,
  title: id,
  duration,
  covers
})

const mutants = [mutant("1"), mutant("2", "src/B.ts"), mutant("3"), mutant("4", "src/C.ts")]

const plan = (runs: ReadonlyArray<Partial<DryRun>>, id: string, history = new History()) => {
  const coverage = coverageOf({
    directory: "/package",
    mutants,
    runs: runs.map((run) => ({ tests: [], hits: {}, collecting: [], loading: [], failures: [], ...run })),
    importers: new Map([["src/A.ts", new Set(["src/B.ts"])]])
  })
  const job = planJob(coverage, mutants.find((one) => one.id === id) ?? mutant(id), history, {
    budget: 4_000,
    patience: 1
  })
  return { ...job, tests: job.files.flatMap(({ tests }) => tests.map((test) => test.id)) }
}

describe("planJob", () => {
  it("runs the tests that cover the mutant, those of the mirroring file first, then quick ones", () => {
    const { files, reload, tests } = plan([{
      tests: [
        test("slow", "C", 90, ["1"]),
        test("quick", "C", 3, ["1"]),
        test("mirror", "A", 10, ["1", "2"]),
        test("other", "C", 1, ["2"])
      ]
    }], "1")
    assert.deepStrictEqual(tests, ["mirror", "quick", "slow"])
    expect(reload).toBeUndefined()
    expect(files[0]?.file).toBe("/package/test/A.test.ts")
  })

  it("runs a test first that has noticed a mutant of a line nearby", () => {
    const history = new History()
    history.add(mutant("3", "src/A.ts", 2), "slow")
    history.add(mutant("4", "src/C.ts", 1), "slower")
    const { tests } = plan(
      [{ tests: [test("slower", "C", 100, ["1"]), test("quick", "C", 3, ["1"]), test("slow", "C", 90, ["1"])] }],
      "1",
      history
    )
    assert.deepStrictEqual(tests, ["slow", "quick", "slower"])
  })

  it("groups the tests after the first four by their files", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"]
    const { files } = plan(
      [{ tests: names.map((name, index) => test(name, index % 2 === 0 ? "C" : "D", index, ["1"])) }],
      "1"
    )
    assert.deepStrictEqual(files.map(({ tests }) => tests.map(({ id }) => id)), [
      ["a"],
      ["b"],
      ["c"],
      ["d"],
      ["f"],
      ["e", "g"]
    ])
  })

  it("runs all tests of a file whose own code runs the mutant", () => {
    const { tests } = plan([{ tests: [test("a", "C", 1, []), test("b", "C", 2, [])], collecting: ["1"] }], "1")
    assert.deepStrictEqual(tests, ["a", "b"])
  })

  it("loads the module of a mutant anew that runs while the module loads, and runs tests near it", () => {
    const { reload, tests } = plan([{
      tests: [
        test("same file", "D", 1, ["3"]),
        test("importer", "D", 2, ["2"]),
        test("elsewhere", "D", 3, ["4"]),
        test("mirror", "A", 4, [])
      ],
      loading: ["1"]
    }], "1")
    expect(reload).toBe("/package/src/A.ts")
    assert.deepStrictEqual(tests, ["mirror", "same file", "importer"])
  })

  it("runs tests of 4 seconds with a budget of 4 seconds, and one test in any case", () => {
    assert.deepStrictEqual(plan([{ tests: [test("a", "C", 3_500, ["1"]), test("b", "C", 500, ["1"])] }], "1").tests, [
      "b",
      "a"
    ])
    assert.deepStrictEqual(plan([{ tests: [test("a", "C", 3_501, ["1"]), test("b", "C", 500, ["1"])] }], "1").tests, [
      "b"
    ])
    assert.deepStrictEqual(plan([{ tests: [test("a", "C", 15_000, ["1"])] }], "1").tests, ["a"])
  })

  it("has no test for a mutant that nothing covers", () => {
    assert.deepStrictEqual(plan([{ tests: [test("a", "C", 1, ["2"])] }], "1").tests, [])
  })

  it("allows a hundred times the runs of the mutant's code, and a thousand at the least", () => {
    expect(plan([{ hits: { 1: 50 } }, { hits: { 1: 1 } }], "1").hitLimit).toBe(5100)
    expect(plan([{ hits: { 1: 2 } }], "1").hitLimit).toBe(1000)
  })
})

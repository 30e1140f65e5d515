import { assert, describe, expect, it } from "@effect/vitest"
import { appendFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Mutant, Outcome } from "../src/mutant.ts"
import { type Basis, OutcomeFile } from "../src/outcomeFile.ts"
import { packageWith } from "./support.ts"

const mutant = (id: string, file = "src/A.ts"): Mutant => ({
  id,
  file,
  start: { line: 1, column: 1 },
  end: { line: 1, column: 6 },
  mutator: "EqualityOperator",
  original: "a < b",
  replacement: "a <= b",
  explanation: undefined
})

/** A package with two sources and two test files, and the file of outcomes. */
const setup = () => {
  const directory = packageWith({ "src/A.ts": "1", "src/B.ts": "1", "test/A.test.ts": "1", "test/B.test.ts": "1" })
  const path = (name: string): string => join(directory, name)
  const json = path("outcomes.jsonl")
  const basis = (names: ReadonlyArray<string>, budget = 10): Basis => ({ testFiles: names.map(path), budget })
  return {
    json,
    basis,
    write: (name: string, text: string): void => writeFileSync(path(name), text),
    open: (): OutcomeFile => new OutcomeFile(directory, { written: json, resumed: json })
  }
}

const killed: Outcome = { mutant: mutant("1"), status: "killed", test: "t", message: "t: expected 1 to be 2" }
const survived: Outcome = { mutant: mutant("1"), status: "survived" }

describe("OutcomeFile", () => {
  it("finds the outcome of an earlier run, for the mutant as it is numbered now", () => {
    const { basis, open } = setup()
    open().add(killed, basis(["test/A.test.ts"]))
    const found = open().find(mutant("7"), () => basis(["test/A.test.ts"]))
    assert.deepStrictEqual(found, { ...killed, mutant: mutant("7") })
    expect(open().find({ ...mutant("7"), replacement: "a >= b" }, () => basis([]))).toBeUndefined()
  })

  it("has no outcome if the source file of the mutant has changed", () => {
    const { basis, open, write } = setup()
    open().add(killed, basis([]))
    write("src/B.ts", "2")
    expect(open().find(mutant("1"), () => basis([]))).toBeDefined()
    write("src/A.ts", "2")
    expect(open().find(mutant("1"), () => basis([]))).toBeUndefined()
  })

  it("has no outcome if a test file behind it has changed, or others are behind it now", () => {
    const { basis, open, write } = setup()
    const both = basis(["test/A.test.ts", "test/B.test.ts"])
    open().add(survived, both)
    expect(open().find(mutant("1"), () => basis(["test/A.test.ts"]))).toBeUndefined()
    expect(open().find(mutant("1"), () => basis(["test/B.test.ts", "test/A.test.ts"]))).toBeDefined()
    write("test/B.test.ts", "2")
    expect(open().find(mutant("1"), () => both)).toBeUndefined()
  })

  it("has a survivor only for the same budget or a smaller one", () => {
    const { basis, open } = setup()
    open().add(survived, basis([], 10))
    const found = [9, 10, 11].map((budget) => open().find(mutant("1"), () => basis([], budget)) !== undefined)
    assert.deepStrictEqual(found, [true, true, false])
  })

  it("has a noticed mutant for each budget", () => {
    const { basis, open } = setup()
    open().add(killed, basis([], 10))
    expect(open().find(mutant("1"), () => basis([], 11))).toBeDefined()
  })

  it("keeps outcomes of files that a run leaves out, and drops those of changed ones", () => {
    const { basis, json, open, write } = setup()
    const first = open()
    first.add(killed, basis([]))
    first.add({ ...killed, mutant: mutant("2", "src/B.ts") }, basis([]))
    write("src/A.ts", "2")
    open()
    expect(readFileSync(json, "utf8").trimEnd().split("\n")).toHaveLength(1)
    expect(open().find(mutant("2", "src/B.ts"), () => basis([]))).toBeDefined()
  })

  it("reads a file whose last line is cut off", () => {
    const { basis, json, open } = setup()
    open().add(killed, basis([]))
    appendFileSync(json, `{"outcome":{"mut`)
    expect(open().find(mutant("1"), () => basis([]))).toBeDefined()
  })

  it("writes nothing without `--json`", () => {
    const { basis, json, open } = setup()
    open().add(killed, basis([]))
    const before = readFileSync(json, "utf8")
    new OutcomeFile(join(json, ".."), { resumed: json }).add({ ...killed, mutant: mutant("2", "src/B.ts") }, basis([]))
    expect(readFileSync(json, "utf8")).toBe(before)
  })
})

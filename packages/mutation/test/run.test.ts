import { assert, describe, expect, it } from "@effect/vitest"
import { describeMutant, type Outcome, type Status } from "../src/mutant.ts"
import { OutcomeFile } from "../src/outcomeFile.ts"
import { run, TestsFail } from "../src/run.ts"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { packageWith } from "./support.ts"

const config = `
import { defineProject } from "vitest/config"
export default defineProject({ test: { name: "a", include: ["test/**/*.test.ts"], setupFiles: ["./test/setup.ts"] } })
`

const setup = `
import { afterEach } from "vitest"
afterEach(() => {
  const leak = Reflect.get(globalThis, "leak")
  Reflect.set(globalThis, "leak", undefined)
  if (leak === true) throw new Error("a secret leaked")
})
`

const source = `
const table = [1, 2]
export const total = () => table.reduce((a, b) => a + b, 0)
export const small = (a: number) => a < 3
export const unused = () => [1]
export const waits = (ends: boolean) => new Promise<void>((resolve) => { if (ends) resolve() })
export const loops = (times: number) => { let i = 0; while (i < times) i++ }
// Stryker disable next-line ArrayDeclaration: nobody reads the list
export const explained = () => [2]
export const blocks = (a: number) => { const goesOn = a > 3; while (goesOn); }
export const leaks = (secret: boolean) => { Reflect.set(globalThis, "leak", secret && false) }
`

const test = `
import { expect, it } from "vitest"
import { blocks, explained, leaks, loops, small, total, waits } from "../src/A.ts"
it("adds", () => { expect(total()).toBe(3) })
it("is small", () => { expect(small(2)).toBe(true); expect(small(4)).toBe(false) })
it("ends", async () => { await waits(true) })
it("counts", () => { loops(3) })
it("goes on", () => { blocks(1) })
it("is called", () => { explained() })
it("keeps a secret", () => { leaks(true) })
`

const runFiles = async (files: Readonly<Record<string, string>>): Promise<ReadonlyArray<Outcome>> =>
  await runPackage(packageWith({ "vitest.config.ts": config, "test/setup.ts": setup, ...files }))

const runPackage = async (
  directory: string,
  files: { readonly resumed?: string; readonly written?: string } = {}
): Promise<ReadonlyArray<Outcome>> =>
  await run({
    directory,
    files: ["src/A.ts"],
    outcomeFile: new OutcomeFile(directory, files),
    concurrency: 2,
    patience: 1_000,
    onProgress: () => undefined,
    onOutcome: () => undefined
  })

const testOf = (name: string, expectation: string): string => `
import { expect, it } from "vitest"
import { ${name} } from "../src/A.ts"
it("${name}", () => { expect(${expectation}) })
`

const outcomesOf = (outcomes: ReadonlyArray<Outcome>, text: string): ReadonlyArray<Outcome> =>
  outcomes.filter(({ mutant }) => describeMutant(mutant).includes(text))

const statusesOf = (outcomes: ReadonlyArray<Outcome>, text: string): ReadonlyArray<Status> =>
  outcomesOf(outcomes, text).map(({ status }) => status)

describe("run", () => {
  it("finds what becomes of each mutant", async () => {
    const outcomes = await runFiles({ "src/A.ts": source, "test/A.test.ts": test })
    const status = (text: string): ReadonlyArray<Status> => statusesOf(outcomes, text)
    // The table is made while the module loads, so its module is loaded anew.
    assert.deepStrictEqual(status("ArrayDeclaration: [1, 2] → []"), ["killed"])
    assert.deepStrictEqual(status("a < 3 → a >= 3"), ["killed"])
    assert.deepStrictEqual(status("a < 3 → a <= 3"), ["survived"])
    assert.deepStrictEqual(status("ArrayDeclaration: [1] → []"), ["uncovered"])
    assert.deepStrictEqual(status("ArrayDeclaration: [2] → []"), ["explained"])
    // A test that waits for ever, one that counts for ever, and one that blocks its worker.
    assert.deepStrictEqual(status("ConditionalExpression: ends → false"), ["timedOut"])
    assert.deepStrictEqual(status("UpdateOperator: i++ → i--"), ["killed"])
    assert.deepStrictEqual(status("ConditionalExpression: a > 3 → true"), ["timedOut"])
    // Only the hook of the setup file notices.
    assert.deepStrictEqual(status("ConditionalExpression: secret && false → true"), ["killed"])
  })

  it("takes over the outcomes of an earlier run, and runs anew the mutants whose test file has changed", async () => {
    const directory = packageWith({
      "vitest.config.ts": config,
      "test/setup.ts": "",
      "src/A.ts": "export const small = (a: number) => a < 3\nexport const large = (a: number) => a > 5\n",
      "test/small.test.ts": testOf("small", "small(2)).toBe(true"),
      "test/large.test.ts": testOf("large", "large(6)).toBe(true")
    })
    const file = join(directory, "outcomes.jsonl")
    const first = await runPackage(directory, { written: file })
    expect(statusesOf(first, "a < 3 → a >= 3")).toEqual(["killed"])
    expect(statusesOf(first, "a > 5 → a >= 5")).toEqual(["survived"])
    // A run would not find this outcome, so it shows what is taken over.
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("expected false to be true", "of the earlier run"))
    writeFileSync(join(directory, "test/large.test.ts"), testOf("large", "[large(5), large(6)]).toEqual([false, true]"))
    const second = await runPackage(directory, { written: file, resumed: file })
    expect(outcomesOf(second, "a < 3 → a >= 3").map(({ message }) => message)).toEqual([
      expect.stringContaining("of the earlier run")
    ])
    expect(statusesOf(second, "a > 5 → a >= 5")).toEqual(["killed"])
    expect(second).toHaveLength(first.length)
  })

  it("replaces a worker process that ends while it starts", async () => {
    const dying = `
      import { existsSync, writeFileSync } from "node:fs"
      const mark = new URL("./mark", import.meta.url)
      if (!existsSync(mark)) { writeFileSync(mark, ""); process.exit(1) }
    `
    const outcomes = await runFiles({
      "vitest.config.ts": `${dying}${config}`,
      "src/A.ts": "export const small = (a: number) => a < 3",
      "test/A.test.ts": testOf("small", "small(2)).toBe(true")
    })
    expect(statusesOf(outcomes, "a < 3 → a >= 3")).toEqual(["killed"])
  })

  it("stops if the worker process that replaces another ends as well, and prints what it wrote", async () => {
    const dying = `console.error("out of memory")\nprocess.exit(1)\n`
    const failure = await runFiles({ "vitest.config.ts": dying, "src/A.ts": source, "test/A.test.ts": test })
      .then(() => undefined, String)
    expect(failure).toContain("The process of the workers has ended:\nout of memory")
  })

  it("stops at a test that fails without any mutant, and names it", async () => {
    const failing = `import { expect, it } from "vitest"\nit("fails", () => { expect(1).toBe(2) })\n`
    const failure = await runFiles({ "src/A.ts": source, "test/A.test.ts": failing }).then(() => undefined, String)
    expect(failure).toContain("Without any mutant, tests of test/A.test.ts fail:\nfails: expected 1 to be 2")
    expect(TestsFail.name).toBe("TestsFail")
  })
})

import { assert, describe, expect, it } from "@effect/vitest"
import { describeMutant, type Outcome } from "../src/mutant.ts"
import { run, TestsFail } from "../src/run.ts"
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
  await run({
    directory: packageWith({ "vitest.config.ts": config, "test/setup.ts": setup, ...files }),
    files: ["src/A.ts"],
    concurrency: 2,
    patience: 1_000,
    onProgress: () => undefined,
    onOutcome: () => undefined
  })

describe("run", () => {
  it("finds what becomes of each mutant", async () => {
    const outcomes = await runFiles({ "src/A.ts": source, "test/A.test.ts": test })
    const status = (text: string): ReadonlyArray<string> =>
      outcomes.filter(({ mutant }) => describeMutant(mutant).includes(text)).map((outcome) => outcome.status)
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

  it("stops at a test that fails without any mutant, and names it", async () => {
    const failing = `import { expect, it } from "vitest"\nit("fails", () => { expect(1).toBe(2) })\n`
    const failure = await runFiles({ "src/A.ts": source, "test/A.test.ts": failing }).then(() => undefined, String)
    expect(failure).toContain("Without any mutant, tests of test/A.test.ts fail:\nfails: expected 1 to be 2")
    expect(TestsFail.name).toBe("TestsFail")
  })
})

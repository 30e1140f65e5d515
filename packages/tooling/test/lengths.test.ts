import { assert, describe, it } from "@effect/vitest"
import { checkLengths, MAX_FILE_LINES, MAX_FUNCTION_LINES } from "../src/lengths.ts"
import { packagesWith } from "./support.ts"

/** A function of so many lines. */
const functionOf = (lines: number): string => `const f = () => {\n${"  g()\n".repeat(lines - 2)}}\n`

const check = (files: Readonly<Record<string, string>>) => checkLengths(packagesWith(files))

describe("checkLengths", () => {
  it("allows a function and a file of the largest length, and any barrel", () => {
    assert.deepStrictEqual(
      check({
        "src/A.ts": functionOf(MAX_FUNCTION_LINES),
        "src/internal/b.ts": "// comment\n".repeat(MAX_FILE_LINES),
        "src/index.ts": "// comment\n".repeat(MAX_FILE_LINES + 1)
      }),
      []
    )
  })

  it("reports a function of one line more, with its place and its name", () => {
    assert.deepStrictEqual(check({ "src/A.ts": `\n${functionOf(MAX_FUNCTION_LINES + 1)}` }), [
      "packages/a/src/A.ts:2: a function in f has 81 lines, and 80 are allowed"
    ])
  })

  it("reports a file of one line more", () => {
    assert.deepStrictEqual(check({ "src/internal/b.ts": "// comment\n".repeat(MAX_FILE_LINES + 1) }), [
      "packages/a/src/internal/b.ts: the file has 321 lines, and 320 are allowed"
    ])
  })
})

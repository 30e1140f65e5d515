import { assert, describe, expect, it } from "@effect/vitest"
import { join } from "node:path"
import { instrument } from "../src/instrument.ts"
import { packageWith } from "./support.ts"

const instrumentSource = async (source: string) => {
  const directory = packageWith({ "src/A.ts": source })
  const { code, mutants } = await instrument(directory, ["src/A.ts"])
  return { code: code.get(join(directory, "src/A.ts")) ?? "", mutants }
}

describe("instrument", () => {
  it("finds every change with its place and its original text", async () => {
    const { code, mutants } = await instrumentSource("\nexport const f = (a: number) => a < 1\n")
    assert.deepStrictEqual(
      mutants.map(({ file, mutator, original, replacement, start }) => [file, start, mutator, original, replacement]),
      [
        ["src/A.ts", { line: 2, column: 18 }, "ArrowFunction", "(a: number) => a < 1", "() => undefined"],
        ["src/A.ts", { line: 2, column: 33 }, "ConditionalExpression", "a < 1", "true"],
        ["src/A.ts", { line: 2, column: 33 }, "ConditionalExpression", "a < 1", "false"],
        ["src/A.ts", { line: 2, column: 33 }, "EqualityOperator", "a < 1", "a <= 1"],
        ["src/A.ts", { line: 2, column: 33 }, "EqualityOperator", "a < 1", "a >= 1"]
      ]
    )
    expect(code).toContain("a <= 1")
  })

  it("shows an original text of several lines whole", async () => {
    const { mutants } = await instrumentSource("export const f = [\n  1,\n  2\n]\n")
    assert.deepStrictEqual(mutants.map(({ original }) => original), ["[\n  1,\n  2\n]"])
  })

  it("leaves strings and templates as they are", async () => {
    const { mutants } = await instrumentSource("export const f = { a: \"text\", b: `${1} text` }.a\n")
    assert.deepStrictEqual(mutants.map(({ mutator }) => mutator), ["ObjectLiteral"])
  })

  it("keeps the explanation of a mutant that a comment disables", async () => {
    const { mutants } = await instrumentSource(
      "// Stryker disable next-line ArrayDeclaration: nobody reads the list\nexport const f = [1]\nexport const g = [2]\n"
    )
    assert.deepStrictEqual(mutants.map(({ explanation }) => explanation), ["nobody reads the list", undefined])
  })

  it.each([["no reason", "ArrayDeclaration"], ["an empty reason", "ArrayDeclaration: "]])(
    "refuses a comment with %s",
    async (_, text) => {
      await expect(instrumentSource(`// Stryker disable next-line ${text}\nexport const f = [1]\n`)).rejects.toThrow(
        "src/A.ts:2: a `Stryker disable` comment has no reason."
      )
    }
  )

  it("refuses a comment that names no kind of mutant", async () => {
    await expect(instrumentSource("// Stryker disable next-line Arrays: no reason\nexport const f = [1]\n"))
      .rejects.toThrow("Arrays")
  })
})

import { describe, expect, it } from "@effect/vitest"
import { scoreOf } from "../src/report.ts"
import { withScores } from "../src/scoresPage.ts"

const headings = (page: string): ReadonlyArray<string> => page.split("\n").filter((line) => line.startsWith("## "))

describe("withScores", () => {
  it("adds the table of a package that has none, and replaces that of one that has", () => {
    const one = withScores("", [], scoreOf("core", []))
    const two = withScores(one, [], scoreOf("jwt-bearer", []))
    expect(headings(two)).toEqual(["## core", "## jwt-bearer"])
    expect(two.startsWith("# Mutation scores\n")).toBe(true)
    const file = { ...scoreOf("src/Grant.ts", []), score: 12 }
    const three = withScores(two, [file], scoreOf("core", []))
    expect(headings(three)).toEqual(["## core", "## jwt-bearer"])
    expect(three.match(/src\/Grant\.ts/g)).toHaveLength(1)
    expect(withScores(three, [], scoreOf("core", []))).toBe(two)
  })
})

import { assert, describe, expect, it } from "@effect/vitest"
import type { Outcome, Status } from "../src/mutant.ts"
import { isSurvivor, percent, scoreOf, scoresByFile, survivor, table } from "../src/report.ts"

const outcome = (status: Status, file = "src/A.ts"): Outcome => ({
  status,
  mutant: {
    id: "1",
    file,
    start: { line: 3, column: 7 },
    end: { line: 3, column: 12 },
    mutator: "EqualityOperator",
    original: "a <\n    b",
    replacement: "a <= b",
    explanation: undefined
  }
})

describe("scoreOf", () => {
  it("counts a mutant as noticed if a test failed or did not end, and leaves explained ones out", () => {
    const score = scoreOf("core", [
      outcome("killed"),
      outcome("timedOut"),
      outcome("survived"),
      outcome("uncovered"),
      outcome("explained")
    ])
    assert.deepStrictEqual(score, {
      name: "core",
      counts: { killed: 1, timedOut: 1, survived: 1, uncovered: 1, explained: 1 },
      score: 50
    })
  })

  it("is 100 % if there is no mutant to notice", () => {
    expect(scoreOf("core", []).score).toBe(100)
    expect(scoreOf("core", [outcome("explained")]).score).toBe(100)
  })
})

describe("scoresByFile", () => {
  it("has the files in the order of their names", () => {
    const scores = scoresByFile([outcome("survived", "src/B.ts"), outcome("killed"), outcome("killed", "src/B.ts")])
    assert.deepStrictEqual(scores.map(({ name, score }) => [name, score]), [["src/A.ts", 100], ["src/B.ts", 50]])
  })
})

describe("percent", () => {
  it.each([[91.999, "91.9 %"], [92, "92.0 %"], [100, "100.0 %"], [0, "0.0 %"]])(
    "shows %d as %s: a score below the bound never looks like the bound",
    (score, shown) => {
      expect(percent(score)).toBe(shown)
    }
  )
})

describe("table", () => {
  it("has a line for each score, in aligned columns", () => {
    assert.deepStrictEqual(table([scoreOf("src/A.ts", [outcome("killed"), outcome("survived")])]).split("\n"), [
      "| file     | mutants | killed | timed out | survived | no coverage | explained |  score |",
      "| -------- | ------: | -----: | --------: | -------: | ----------: | --------: | -----: |",
      "| src/A.ts |       2 |      1 |         0 |        1 |           0 |         0 | 50.0 % |"
    ])
  })
})

describe("survivor", () => {
  it("names the place, the kind and both texts on one line", () => {
    expect(survivor(outcome("survived"))).toBe("survived src/A.ts:3:7 EqualityOperator: a < b → a <= b")
    expect(survivor(outcome("uncovered"))).toMatch(/^no coverage src/)
  })

  it("is a mutant that tests run or not, and that none noticed", () => {
    const statuses = ["killed", "timedOut", "survived", "uncovered", "explained"] as const
    assert.deepStrictEqual(statuses.filter((status) => isSurvivor(outcome(status))), ["survived", "uncovered"])
  })
})

import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { compare, type Comparison, REFUSED } from "../src/comparison.ts"

/** Two functions that differ for 13 alone. */
const comparison: Comparison<number, number> = {
  inputs: FastCheck.integer({ min: 0, max: 100 }),
  examples: [],
  ours: (input) => input,
  theirs: (input) => input === 13 ? 14 : input,
  rules: []
}

describe("a comparison", () => {
  it("fails with the smallest input that differs without a rule", async () => {
    await expect(compare({ ...comparison, inputs: FastCheck.integer({ min: 13, max: 13 }) }))
      .rejects.toThrow(/Counterexample: \[13\][^]*no rule explains this difference:\s+ours: 13\s+theirs: 14/)
  })

  it("counts what each rule explains, the first one that applies", async () => {
    const outcome = await compare({
      ...comparison,
      examples: [13],
      rules: [
        { name: "thirteen", reason: "it is unlucky", applies: (input) => input === 13 },
        { name: "never", reason: "none", applies: () => true }
      ]
    })
    expect(outcome.explained.get("thirteen")).toBeGreaterThan(0)
    expect(outcome.explained.get("never")).toBe(0)
    expect(outcome.same + (outcome.explained.get("thirteen") ?? 0)).toBe(outcome.compared)
  })

  it("takes an error and `undefined` for a refusal", async () => {
    const seen: Array<unknown> = []
    await compare<number, number>({
      ...comparison,
      inputs: FastCheck.constant(1),
      ours: () => undefined,
      theirs: () => {
        throw new Error("no")
      },
      rules: [{ name: "seen", reason: "-", applies: (_, ours, theirs) => seen.push(ours, theirs) > 0 }]
    })
    expect(seen).toEqual([])
    await compare<number, number>({
      ...comparison,
      inputs: FastCheck.constant(1),
      theirs: () => undefined,
      rules: [{ name: "seen", reason: "-", applies: (_, ours, theirs) => seen.push(ours, theirs) > 0 }]
    })
    expect(seen.slice(0, 2)).toEqual([1, REFUSED])
  })
})

import { describe, expect, it } from "@effect/vitest"
import { counters, instrument, usedCounters } from "../src/instrument.ts"

/** Runs a source with counters. Returns its default export. */
const load = async (source: string): Promise<(...args: ReadonlyArray<unknown>) => unknown> => {
  Object.assign(globalThis, { __fuzzCounters: counters })
  const loaded: { readonly default: (...args: ReadonlyArray<unknown>) => unknown } = await import(
    `data:text/javascript,${encodeURIComponent(instrument("source.js", source))}`
  )
  return loaded.default
}

/** How many counters were hit by a call. */
const hits = (call: () => unknown): number => {
  counters.fill(0)
  call()
  return counters.filter((count) => count > 0).length
}

describe("a source with counters", () => {
  it.each([
    ["a conditional in a conditional", "export default (a) => a > 1 ? a > 2 ? 'c' : 'b' : 'a'", [1, 2, 3], [
      "a",
      "b",
      "c"
    ]],
    ["an `if` without `else` in an `if`", "export default (a) => { if (a > 0) if (a > 1) return 'b'; return 'a' }", [
      0,
      1,
      2
    ], ["a", "a", "b"]],
    ["`else if`", "export default (a) => { if (a === 0) return 'a'; else if (a === 1) return 'b'\n else return 'c' }", [
      0,
      1,
      2
    ], ["a", "b", "c"]],
    ["an object as the body of an arrow function", "export default (a) => ({ a })", [1], [{ a: 1 }]],
    ["logical operators", "export default (a) => (a ?? 'x') && 'y' || 'z'", [null, "", 1], ["y", "z", "y"]],
    ["a loop without a block", "export default (a) => { let s = 0; for (let i = 0; i < a; i++) s += i; return s }", [
      0,
      4
    ], [0, 6]],
    [
      "a switch",
      "export default (a) => { switch (a) { case 1: case 2: return 'a'; default: return 'b' } }",
      [1, 2, 3],
      ["a", "a", "b"]
    ],
    ["a catch clause", "export default (a) => { try { return a() } catch { return 'a' } }", [1], ["a"]]
  ])("returns what the source without counters returns: %s", async (_, source, inputs, outputs) => {
    const run = await load(source)
    expect(inputs.map((input) => run(input))).toEqual(outputs)
  })

  it("counts the two branches of a condition apart", async () => {
    const run = await load("export default (a) => { if (a) return 1; else return 2 }")
    counters.fill(0)
    run(true)
    const first = [...counters]
    counters.fill(0)
    run(false)
    expect([...counters]).not.toEqual(first)
  })

  it("counts a missing `else` as a branch", async () => {
    const run = await load("export default (a) => { if (a) { a.x } }")
    expect([hits(() => run({})), hits(() => run(undefined))]).toEqual([2, 2])
  })

  it("has counters of its own for each source", async () => {
    const before = usedCounters()
    await load("export default () => 1")
    expect(usedCounters()).toBe(before + 1)
  })
})

import { describe, expect, it } from "@effect/vitest"
import { fuzz, type Options } from "../src/engine.ts"
import { counters, instrument } from "../src/instrument.ts"
import { mutate } from "../src/mutations.ts"
import { makeRandom } from "../src/random.ts"
import { holds } from "../src/Target.ts"

/** A target from a source with counters. */
const targetOf = async (source: string) => {
  Object.assign(globalThis, { __fuzzCounters: counters })
  const { default: run }: { readonly default: (input: string) => void } = await import(
    `data:text/javascript,${encodeURIComponent(instrument("source.js", source))}`
  )
  return { name: "planted", input: "a text", seeds: ["nothing"], run }
}

const options: Options = {
  seed: 1,
  until: Number.POSITIVE_INFINITY,
  maxExecutions: 50_000,
  corpus: [],
  running: () => {}
}

describe("the fuzzer", () => {
  it("finds a fault behind three characters, which no seed has, and shortens its input", async () => {
    const planted =
      "export default (t) => { if (t[0] === '{') if (t[1] === '#') if (t[2] === ',') throw new RangeError('x') }"
    const { findings } = await fuzz(await targetOf(planted), options)
    expect(findings).toEqual([{ target: "planted", what: expect.stringContaining("RangeError: x"), input: "{#," }])
  })

  it("reports a broken rule once, however many inputs break it", async () => {
    const target = { ...await targetOf("export default () => {}"), run: () => holds(false, "nothing holds") }
    const { executions, findings } = await fuzz(target, { ...options, maxExecutions: 100 })
    expect([executions, findings.map(({ what }) => what)]).toEqual([100, ["nothing holds"]])
  })

  it("reports work that grows faster than its input", async () => {
    const quadratic = "export default (t) => { for (const a of t) for (const b of t.slice(0, 600)) a === b }"
    const { findings } = await fuzz(await targetOf(quadratic), { ...options, maxExecutions: 200 })
    expect(findings.map(({ what }) => what)).toEqual(["took more than 50000 steps and 500 for each character"])
  })

  it("keeps inputs that reach new branches, and only as many as reach all of them", async () => {
    const source = "export default (t) => { if (t.includes('<')) return 1; if (t.includes('>')) return 2 }"
    const { corpus } = await fuzz(await targetOf(source), { ...options, maxExecutions: 2000 })
    expect(corpus.map((input) => input.replaceAll(/[^<>]/g, ""))).toEqual(expect.arrayContaining(["", "<", ">"]))
    expect(corpus.length).toBe(3)
  })

  it("does the same for the same seed", async () => {
    const source = "export default (t) => { if (t.length > 20) return t.includes('x') ? 1 : 2 }"
    const target = await targetOf(source)
    const run = async (seed: number) => {
      const inputs: Array<string> = []
      await fuzz({ ...target, run: (input) => void inputs.push(input) }, { ...options, seed, maxExecutions: 300 })
      return inputs
    }
    expect(await run(7)).toEqual(await run(7))
    expect(await run(7)).not.toEqual(await run(8))
  })
})

it("A mutation keeps to the longest input", () => {
  const random = makeRandom(3)
  const sources = { dictionary: ["a long word of a dictionary"], inputs: ["{\"a\":[1,2]}", "b: c"], maxLength: 40 }
  let input = "{\"a\":[1,2]}"
  for (let times = 0; times < 2000; times++) {
    input = mutate(input, random, sources)
    expect(input.length).toBeLessThanOrEqual(40)
  }
})

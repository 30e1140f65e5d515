import { describe, expect, it } from "@effect/vitest"
import { print, readCorpus } from "../src/corpus.ts"
import { targets } from "../src/targets.ts"

/** The longest input of a corpus, in UTF-16 code units. */
const MAX_INPUT = 512

/** The largest corpus of all targets together, in characters of its files. */
const MAX_CORPUS = 300 * 1024

describe.each(targets)("the corpus of the fuzzer for $name", ({ name, run, seeds }) => {
  const corpus = readCorpus(name)

  it("has inputs, each of at most 512 characters", () => {
    expect(corpus.length).toBeGreaterThan(0)
    expect(corpus.filter(({ length }) => length > MAX_INPUT)).toEqual([])
  })

  it("breaks no rule, nor do the seeds", async () => {
    const broken: Array<string> = []
    for (const input of [...seeds, ...corpus]) {
      try {
        await run(input)
      } catch (error) {
        broken.push(`${JSON.stringify(input)}: ${String(error)}`)
      }
    }
    expect(broken).toEqual([])
  })
})

it("The corpus of all targets has at most 300 KiB", () => {
  const size = targets.reduce((sum, { name }) => sum + print(readCorpus(name)).length, 0)
  expect(size).toBeLessThanOrEqual(MAX_CORPUS)
})

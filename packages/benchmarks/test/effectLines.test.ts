import { describe, expect, it, onTestFinished } from "vitest"
import { compareRow, isOutdated } from "../src/effectLines.ts"
import { seeded } from "../src/statistics.ts"
import { start } from "../src/turns.ts"
import type { LineProcess, Turn } from "../src/turns.ts"

describe("isOutdated", () => {
  it("is true if a source is younger than a file that is written from the sources", () => {
    expect(isOutdated([1, 5], [4, 9])).toBe(true)
    expect(isOutdated([1, 3], [4, 9])).toBe(false)
  })

  it("is true if nothing was written", () => {
    expect(isOutdated([1], [])).toBe(true)
  })
})

describe("compareRow", () => {
  /** Lines that measure nothing and say when they are asked. */
  const recorded = () => {
    const taken: Array<readonly [line: "three" | "four", turn: Turn]> = []
    const line = (name: "three" | "four", value: number): LineProcess => ({
      take: async (turn) => {
        taken.push([name, turn])
        const about = { client: "OAuthFetch", key: "p99", title: "p99 ms", digits: 1, better: "less" } as const
        return { title: `On Effect ${name}`, figures: [{ ...about, hasRatio: true, value }] }
      },
      close: () => Promise.resolve()
    })
    return { taken, lines: { three: line("three", 10), four: line("four", 5) } }
  }

  const settings = { quick: false, seed: 7, warmSeconds: 1 }

  it("gives each line a turn in each pair, with the same seed, and draws which of them begins", async () => {
    const { lines, taken } = recorded()
    const section = await compareRow(lines, { name: "burst", turns: 20 }, { ...settings, random: seeded(1) })
    expect(taken.map(([, { seed }]) => seed)).toEqual(Array.from({ length: 40 }, (_, i) => 7 + Math.floor(i / 2)))
    const begin = taken.filter((_, i) => i % 2 === 0).map(([line]) => line)
    const follow = taken.filter((_, i) => i % 2 === 1).map(([line]) => line)
    expect(follow).toEqual(begin.map((line) => line === "three" ? "four" : "three"))
    expect(new Set(begin)).toEqual(new Set(["three", "four"]))
    expect(section).toMatchObject({ title: "On Effect three", lines: [{ values: { three: 10, four: 5, ratio: 0.5 } }] })
  })

  it("gives each line one turn with `quick`", async () => {
    const { lines, taken } = recorded()
    await compareRow(lines, { name: "burst", turns: 20 }, { ...settings, quick: true, random: seeded(1) })
    expect(taken.map(([line]) => line).toSorted()).toEqual(["four", "three"])
  })
})

describe("a process that takes turns", { timeout: 120_000 }, () => {
  const startHere = () => {
    const line = start(new URL("../", import.meta.url), { silent: true })
    onTestFinished(() => line.close())
    return line
  }

  it("answers with the figures of our clients", async () => {
    const { figures } = await startHere().take({ row: "burst", seed: 1, warmSeconds: 1 })
    expect(figures.filter(({ key }) => key === "token").map(({ client, value }) => [client, value])).toEqual([
      ["OAuthFetch", 1],
      ["OAuthHttpClient", 1]
    ])
  })

  it("ends at a turn of an unknown row, and the turn is rejected", async () => {
    await expect(startHere().take({ row: "unknown", seed: 1, warmSeconds: 1 })).rejects.toThrow(
      "has ended (exit code 1)"
    )
  })
})

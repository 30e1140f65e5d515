import { describe, expect, it } from "vitest"
import { compare, figuresOf, sectionOf, targetsOf } from "../src/comparison.ts"
import type { Figure, Pair } from "../src/comparison.ts"
import type { Section } from "../src/report.ts"
import { rows } from "../src/rows.ts"

const figure = (client: string, value: number, changed: Partial<Figure> = {}): Figure => ({
  client,
  key: "cpuMicros",
  title: "CPU µs",
  digits: 0,
  better: "less",
  hasRatio: true,
  value,
  ...changed
})

/** Pairs of turns with one figure. */
const pairs = (values: ReadonlyArray<readonly [three: number, four: number]>, changed: Partial<Figure> = {}) =>
  values.map(([three, four]): Pair => ({
    three: [figure("OAuthFetch", three, changed)],
    four: [figure("OAuthFetch", four, changed)]
  }))

describe("figuresOf", () => {
  const section: Section = {
    name: "warm",
    title: "Warm",
    columns: [
      { key: "calls", title: "calls" },
      { key: "ratio", title: "ratio", digits: 3, compared: { better: "less", title: "CPU, as a ratio" } },
      { key: "added", title: "adds", compared: { better: "less", withoutRatio: true } }
    ],
    lines: [
      { client: "fetch", values: { calls: 1, ratio: undefined, added: Number.NaN } },
      { client: "OAuthFetch", values: { calls: 1, ratio: 1.25, added: -3 } }
    ],
    targets: [],
    charts: []
  }

  it("returns the figures of the columns that are compared, and no missing figure", () => {
    const about = { client: "OAuthFetch", better: "less" }
    expect(figuresOf(section)).toEqual([
      { ...about, key: "ratio", title: "CPU, as a ratio", digits: 3, hasRatio: true, value: 1.25 },
      { ...about, key: "added", title: "adds", digits: 0, hasRatio: false, value: -3 }
    ])
  })
})

describe("compare", () => {
  it("takes ratios within a pair, so that a slow moment of the machine does not count", () => {
    const [compared] = compare(pairs([[100, 90], [1_000, 900], [200, 180]]))
    expect(compared?.ratio?.median).toBeCloseTo(0.9, 10)
    expect(compared?.ratio?.error).toBeCloseTo(0, 10)
    expect(compared?.three.median).toBe(200)
    expect(compared?.four.median).toBe(180)
  })

  it("returns no ratio of a difference", () => {
    const [compared] = compare(pairs([[0.1, 0.9]], { hasRatio: false }))
    expect(compared).toMatchObject({ three: { median: 0.1 }, four: { median: 0.9 }, ratio: undefined })
  })

  it("finds figures by client and column, whatever their order", () => {
    const [first, second] = [figure("OAuthFetch", 10), figure("OAuthFetch", 30, { key: "p99" })]
    const compared = compare([{ three: [first, second], four: [{ ...second, value: 60 }, { ...first, value: 5 }] }])
    expect(compared.map(({ key, ratio }) => [key, ratio?.median])).toEqual([["cpuMicros", 0.5], ["p99", 2]])
  })

  it("throws if a turn lacks a figure", () => {
    const [first] = pairs([[1, 1]])
    expect(() => compare([...pairs([[1, 1]]), { three: first?.three ?? [], four: [] }]))
      .toThrow("no figure \"CPU µs\" of OAuthFetch")
  })
})

describe("targetsOf", () => {
  const warm = (values: ReadonlyArray<readonly [number, number]>) => {
    const [own] = compare(pairs(values))
    if (own === undefined) throw new Error("no figure")
    return targetsOf("warm", [own, { ...own, client: "OAuthHttpClient" }]).map(({ measured, met, wanted }) =>
      [wanted, measured, met] as const
    )
  }

  it("misses a promise about a ratio that is over its limit in each pair", () => {
    expect(warm([[100, 110], [100, 110]])[0]).toEqual(["at most 1", "1.10", false])
  })

  it("keeps a promise whose excess the noise explains", () => {
    expect(warm([[100, 90], [100, 101], [100, 130]])[0]).toEqual([
      "at most 1",
      expect.stringMatching(/^1\.01 ± /),
      true
    ])
  })

  it("keeps a promise about more that is better", () => {
    const ways = ["accessToken, yield* in Effect.gen", "accessToken, Effect.whileLoop"]
    const about = { key: "millions", better: "more" } as const
    const compared = compare([{
      three: ways.map((way) => figure(way, 2, about)),
      four: ways.map((way, i) => figure(way, i === 0 ? 3 : 1, about))
    }])
    expect(
      targetsOf("access-token", compared).map(({ client, measured, met, wanted }) => [client, wanted, measured, met])
    ).toEqual([
      ["yield* in Effect.gen", "at least 1", "1.50", true],
      ["Effect.whileLoop", "at least 1", "0.50", false]
    ])
  })

  it("throws if nothing was measured for a promise", () => {
    expect(() => targetsOf("warm", [])).toThrow("nothing was measured for: CPU of a warm call")
  })
})

describe("sectionOf", () => {
  it("has a line for each figure, with its own digits", () => {
    const { lines, note } = sectionOf("burst", "Burst", pairs([[100, 50], [100, 60]], { digits: 1 }))
    expect(lines).toEqual([{
      client: "OAuthFetch",
      digits: 1,
      values: { figure: "CPU µs", better: "less", three: 100, four: 55, ratio: 0.55, error: expect.any(Number) }
    }])
    expect(note).toContain("Medians of 2 turns")
  })

  it("shows no error of a single turn", () => {
    expect(sectionOf("burst", "Burst", pairs([[100, 50]])).lines[0]?.values["error"]).toBeUndefined()
  })
})

it("the rows that are compared are those that a promise names, and some more", () => {
  const compared = rows.filter(({ turns = 0 }) => turns > 0).map(({ name }) => name)
  expect(compared).toEqual(expect.arrayContaining(["whole-process", "sizes", "warm", "access-token"]))
})

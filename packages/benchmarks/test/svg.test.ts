import { describe, expect, it } from "vitest"
import { bars } from "../src/chart.ts"
import type { Curves } from "../src/chart.ts"
import { draw, formatNumber, linearTicks, logTicks, spread } from "../src/svg.ts"

const clients = bars({
  name: "burst",
  title: "Calls < 200 & more",
  description: "What it cost",
  ours: new Set(["ours"]),
  lines: [
    { client: "peer", values: { token: 200, note: "slow" } },
    { client: "ours", values: { token: 100, p99: 12.34 } }
  ],
  panels: [{ key: "token", title: "token requests", limit: 150 }, { key: "p99", title: "p99", digits: 1 }]
})

const curves: Curves = {
  kind: "curves",
  name: "growth",
  title: "Growth",
  description: "As it grows",
  x: { title: "callers", scale: "log" },
  y: { title: "ms", scale: "linear" },
  series: [{ name: "a", points: [[1, 5], [10, 5], [1000, 5]] }, { name: "b", points: [[1, 0], [1000, 9.5]] }]
}

/** The numbers of an attribute of all elements that have the class. */
const attributes = (svg: string, element: string, kind: string, name: string): ReadonlyArray<number> =>
  [...svg.matchAll(new RegExp(`<${element}[^>]*>`, "g"))].map(([tag]) => tag).filter((tag) =>
    tag.includes(`class="${kind}"`)
  ).map((tag) => Number(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1]))

describe("ticks", () => {
  it("are round, start at 0 and reach the greatest value", () => {
    expect(linearTicks(9.5, 6)).toEqual([0, 2, 4, 6, 8, 10])
    expect(linearTicks(0.29, 6)).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
    expect(linearTicks(10, 5)).toEqual([0, 2, 4, 6, 8, 10])
  })

  it("are an axis even for a greatest value of 0", () => {
    expect(linearTicks(0, 5)).toEqual([0, 1])
  })

  it("of a logarithmic axis are the powers of ten around the values", () => {
    expect(logTicks(1, 1000)).toEqual([1, 10, 100, 1000])
    expect(logTicks(3, 20)).toEqual([1, 10, 100])
    expect(logTicks(5, 5)).toEqual([1, 10])
  })
})

it("spread moves labels apart and keeps their order", () => {
  expect(spread([10, 12, 40, 11], 5, 100)).toEqual([10, 20, 40, 15])
  expect(spread([99, 98, 10], 5, 100)).toEqual([100, 95, 10])
})

it("formatNumber writes figures with thousands apart and as many digits as asked for", () => {
  expect(formatNumber(1234567)).toBe("1,234,567")
  expect(formatNumber(1.25, 1)).toBe("1.3")
})

describe("bars", () => {
  const svg = draw(clients)

  it("are as long as their values, each panel by a scale of its own", () => {
    const [peer] = attributes(svg, "rect", "peer", "width")
    const ours = attributes(svg, "rect", "fill-0", "width")
    expect(ours.length).toBe(2)
    expect((peer ?? 0) / (ours[0] ?? 0)).toBeCloseTo(2, 1)
    expect(ours[1]).toBeCloseTo(peer ?? 0, 1)
  })

  it("show a dash and no bar for a value that was not measured", () => {
    expect(attributes(svg, "rect", "peer", "width").length).toBe(1)
    expect(svg).toContain(">–</text>")
  })

  it("show the limit as a line between bars below and above it", () => {
    const [limit] = attributes(svg, "line", "limit", "x1")
    const [peer] = attributes(svg, "rect", "peer", "width")
    const [left] = attributes(svg, "rect", "peer", "x")
    expect(((limit ?? 0) - (left ?? 0)) / (peer ?? 0)).toBeCloseTo(0.75, 2)
    expect(svg).toContain("wanted: at most 150")
    const panel = { title: "ratio", values: [1, 1], limit: 1.05 }
    expect(draw({ ...clients, panels: [panel] })).toContain("wanted: at most 1.05")
  })
})

describe("curves", () => {
  const svg = draw(curves)

  it("give each power of ten the same room on a logarithmic axis, and draw a level curve level", () => {
    const points = (/<polyline points="([^"]*)"/.exec(svg)?.[1] ?? "").split(" ").map((place) =>
      place.split(",").map(Number)
    )
    const [first, second, third] = points
    expect((third?.[0] ?? 0) - (first?.[0] ?? 0)).toBeCloseTo(3 * ((second?.[0] ?? 0) - (first?.[0] ?? 0)), 0)
    expect(new Set(points.map(([, y]) => y)).size).toBe(1)
  })

  it("stay within the picture, and no coordinate is missing", () => {
    expect(svg).not.toContain("NaN")
    expect(draw({ ...curves, series: [{ name: "nothing", points: [] }] })).not.toMatch(/NaN|Infinity/)
  })

  it("draw peers in other colors than ours, wherever they stand", () => {
    const [first, second] = curves.series
    if (first === undefined || second === undefined) throw new Error("no series")
    const mixed = draw({ ...curves, series: [{ ...first, peer: true }, second] })
    expect(mixed).toMatch(/class="fill-2">a</)
    expect(mixed).toMatch(/class="fill-0">b</)
  })

  it("draw many points as a line without dots", () => {
    const points = Array.from({ length: 100 }, (_, i) => [i, i] as const)
    expect(draw({ ...curves, series: [{ name: "many", points }] })).not.toContain("<circle")
    expect(svg).toContain("<circle")
  })
})

it("draw describes title, description and every figure to screen readers", () => {
  const svg = draw(clients)
  expect(svg).toContain("<title id=\"title\">Calls &#60; 200 &#38; more</title>")
  expect(svg).toMatch(
    /<desc id="description">What it cost\. peer: token requests 200, p99 not measured\. ours: .*12\.3/
  )
  expect(draw(curves)).toContain("b: from 0 at 1 to 9.5 at 1,000")
})

it("draw has colors for dark pages, and escapes every text", () => {
  expect(draw(clients)).toContain("prefers-color-scheme:dark")
  expect(draw({ ...clients, title: "</svg><script>\"" })).not.toContain("<script>")
})

import { describe, expect, it } from "vitest"
import { differences, median, quantile, ratios, seeded, shuffled, slope, summarize } from "../src/statistics.ts"

describe("quantile", () => {
  it("interpolates between neighbours", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
    expect(quantile([10, 20, 30], 0.25)).toBe(15)
  })

  it("is the least value for 0 and the greatest for 1", () => {
    expect(quantile([3, 1, 2], 0)).toBe(1)
    expect(quantile([3, 1, 2], 1)).toBe(3)
  })

  it("compares numbers, not their digits", () => {
    expect(median([10, 9, 100])).toBe(10)
  })

  it("is NaN for an empty sample", () => {
    expect(median([])).toBeNaN()
  })

  it("does not change the order of the sample it is given", () => {
    const sample = [3, 1, 2]
    quantile(sample, 0.5)
    expect(sample).toEqual([3, 1, 2])
  })
})

describe("summarize", () => {
  it("returns the median between its quartiles", () => {
    expect(summarize([1, 2, 3, 4, 5])).toMatchObject({ lower: 2, median: 3, upper: 4 })
  })

  it("halves the error when there are four times as many rounds", () => {
    const sample = [1, 2, 3, 4, 5]
    const fourfold = [...sample, ...sample, ...sample, ...sample]
    expect(summarize(sample).error / summarize(fourfold).error).toBeCloseTo(2, 5)
  })
})

it("ratios and differences compare values of the same round, and skip rounds without a base", () => {
  expect(ratios([2, 9, 5], [1, 3, 0])).toEqual([2, 3])
  expect(differences([2, 9, 5], [1, 3])).toEqual([1, 6])
})

describe("seeded", () => {
  it("repeats its numbers for the same seed, and not for another", () => {
    const draw = (seed: number) => Array.from({ length: 5 }, seeded(seed))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
  })

  it("gives numbers that spread over [0, 1)", () => {
    const numbers = Array.from({ length: 10_000 }, seeded(7))
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...numbers)).toBeLessThan(1)
    expect(median(numbers)).toBeCloseTo(0.5, 1)
  })
})

it("shuffled returns every item once and does not change its argument", () => {
  const items = [1, 2, 3, 4, 5, 6]
  const result = shuffled(items, seeded(3))
  expect(result.toSorted((a, b) => a - b)).toEqual(items)
  expect(items).toEqual([1, 2, 3, 4, 5, 6])
  expect(result).not.toEqual(items)
})

it("slope is that of the line through the points, whatever its height", () => {
  expect(slope([[0, 5], [1, 7], [2, 9]])).toBeCloseTo(2, 10)
  expect(slope([[10, 3], [20, 3], [30, 3]])).toBe(0)
  expect(slope([[1, 1]])).toBeNaN()
})

it("slope hardly changes by one point far from the line, such as a heap measured before a collection", () => {
  const line = Array.from({ length: 15 }, (_, x): readonly [number, number] => [x, 2 * x])
  expect(slope(line.map(([x, y]) => [x, x === 13 ? y + 1000 : y]))).toBeCloseTo(2, 10)
})

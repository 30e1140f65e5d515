import { expect, it } from "vitest"
import { busiestSecond } from "../src/workloads/outageOfALife.ts"

it("busiestSecond counts in any second, not only in those that begin with a full second", () => {
  expect(busiestSecond([900, 950, 1_100, 3_000])).toBe(3)
  expect(busiestSecond([3_000, 0, 1_000, 2_000])).toBe(1)
  expect(busiestSecond([])).toBe(0)
})

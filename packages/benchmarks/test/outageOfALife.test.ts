import { expect, it } from "vitest"
import { busiestSecond } from "../src/workloads/outageOfALife.ts"

it("the busiest second is any second, not one of the clock's", () => {
  expect(busiestSecond([900, 950, 1_100, 3_000])).toBe(3)
  expect(busiestSecond([3_000, 0, 1_000, 2_000])).toBe(1)
  expect(busiestSecond([])).toBe(0)
})

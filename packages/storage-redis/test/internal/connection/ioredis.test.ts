import { describe, expect, it } from "@effect/vitest"
import { backoff } from "../../../src/internal/connection/ioredis.ts"

describe("Ioredis.backoff", () => {
  it("spreads the reconnections of a thousand clients evenly, over at most 1 second", () => {
    for (const [times, longest] of [[1, 50], [4, 200], [20, 1000], [1e6, 1000]] as const) {
      const delays = Array.from({ length: 1000 }, (_, client) => backoff(() => client / 1000)(times))
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(1)
      expect(Math.max(...delays)).toBeLessThanOrEqual(longest)
      for (let tenth = 0; tenth < 10; tenth++) {
        const here = delays.filter((delay) => Math.floor((delay - 1) * 10 / longest) === tenth)
        expect(here.length).toBeGreaterThan(50)
        expect(here.length).toBeLessThan(200)
      }
    }
  })
})

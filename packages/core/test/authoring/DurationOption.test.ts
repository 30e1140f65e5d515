import { describe, expect, it } from "@effect/vitest"
import { Duration, Either } from "effect"
import * as DurationOption from "../../src/authoring/DurationOption.ts"

const bounds = { minimum: "100 millis", maximum: "1 day" } as const

describe("DurationOption.check", () => {
  it("accepts every form of a duration, bounds included, in whole milliseconds", () => {
    for (const input of ["100 millis", 100, 250.4, "2 seconds", Duration.minutes(1), "1 day"] as const) {
      const checked = DurationOption.check("leaseDuration", input, bounds)
      expect(Either.map(checked, Duration.toMillis)).toEqual(Either.right(Math.round(Duration.toMillis(input))))
    }
  })

  for (const input of [99, 0, -1, "25 hours", Number.POSITIVE_INFINITY, Number.NaN] as const) {
    it(`refuses ${input}, by the name of the option and with both bounds`, () => {
      expect(Either.getLeft(DurationOption.check("leaseDuration", input, bounds))).toMatchObject({
        value: {
          _tag: "InvalidOptions",
          option: "leaseDuration",
          description: "this is not a duration between 100 millis and 1 day. Write for example \"2 seconds\"."
        }
      })
    })
  }

  it("refuses a text that is not a duration, as it may come from a configuration file", () => {
    const [input] = JSON.parse("[\"3 secondz\"]")
    expect(Either.isLeft(DurationOption.check("leaseDuration", input, bounds))).toBe(true)
  })

  it("shows a bound that is not a text in Effect's format", () => {
    const checked = DurationOption.check("wait", 0, { minimum: Duration.seconds(1), maximum: 60_000 })
    expect(Either.getLeft(checked)).toMatchObject({
      value: { description: expect.stringContaining("between 1s and 1m") }
    })
  })
})

import { Headers } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { retryAfter } from "../../src/authoring/HttpExchange.ts"
import { form, forms, print, second } from "../support/arbitraries/httpDate.ts"
import { mutated } from "../support/arbitraries/mutation.ts"
import { property } from "../support/property.ts"

const DAY = 86_400_000

const waitOf = (header: string, receivedAt = 0) => retryAfter(Headers.fromInput({ "retry-after": header }), receivedAt)

const space = FastCheck.constantFrom("", " ", "\t", "  ")

describe("Retry-After (RFC 9110 §10.2.3)", () => {
  property(
    "in seconds: that wait, at most a day",
    [FastCheck.oneof(FastCheck.nat({ max: 100_000 }), FastCheck.nat()), space, FastCheck.constantFrom("", "0", "00")],
    ([seconds, space, zeros]) => {
      expect(waitOf(`${space}${zeros}${seconds}${space}`, seconds)).toBe(Math.min(seconds * 1000, DAY))
    }
  )

  property(
    "as a date of each form (RFC 9110 §5.6.7): the wait from the arrival of the answer to that date, from 0 to a day",
    [second, form, FastCheck.integer({ min: -2 * DAY, max: 2 * DAY })],
    ([at, form, ahead]) => {
      expect(waitOf(print(at, form), at - ahead)).toBe(Math.min(Math.max(0, ahead), DAY))
    }
  )

  property("as a date: the three forms of one moment are the same wait", [second, FastCheck.nat({ max: DAY })], ([
    at,
    ahead
  ]) => {
    const waits = forms.map((form) => waitOf(print(at, form), at - ahead))
    expect(new Set(waits)).toEqual(new Set([ahead]))
  })

  property(
    "damaged: no wait, or one from 0 to a day, and never an exception",
    [
      mutated(
        FastCheck.oneof(
          FastCheck.nat().map(String),
          FastCheck.tuple(second, form).map(([at, form]) => print(at, form)),
          FastCheck.constant("")
        ),
        ["-", "+", ".", "e9", "NaN", "Infinity", "0x10", ",", "GMT", " ", "999999999999999999999"]
      ),
      second
    ],
    ([header, receivedAt]) => {
      const wait = retryAfter({ ...Headers.empty, "retry-after": header }, receivedAt)
      if (wait === undefined) return
      expect(wait).toBeGreaterThanOrEqual(0)
      expect(wait).toBeLessThanOrEqual(DAY)
    }
  )

  property(
    "that is neither digits nor a date: no wait",
    [FastCheck.constantFrom("", "-1", "+1", "1e3", "0x10", "1,5", "1 2", "soon", "NaN", "Infinity", "-", ".5", "5.")],
    ([header]) => {
      expect(waitOf(header)).toBe(undefined)
    }
  )
})

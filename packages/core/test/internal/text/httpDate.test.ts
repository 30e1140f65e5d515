import { describe, expect, it } from "@effect/vitest"
import * as HttpDate from "../../../src/internal/text/httpDate.ts"

const noon = Date.UTC(2026, 10, 23, 12)

describe("the date in a header field", () => {
  it.each([
    ["an IMF-fixdate (RFC 9110 §5.6.7)", "Mon, 23 Nov 2026 12:00:00 GMT", noon],
    ["an rfc850-date", "Monday, 23-Nov-26 12:00:00 GMT", noon],
    ["an asctime-date, which has no zone and is in UTC", "Mon Nov 23 12:00:00 2026", noon],
    ["an asctime-date with a day of one digit", "Sun Nov  8 12:00:00 2026", Date.UTC(2026, 10, 8, 12)],
    ["an IMF-fixdate in lower case", "mon, 23 nov 2026 12:00:00 gmt", noon],
    ["a date with white space around it", " Mon, 23 Nov 2026 12:00:00 GMT\t", noon],
    ["a date of ISO 8601", "2026-11-23T12:00:00Z", noon],
    ["a date of ISO 8601 without a zone", "2026-11-23T12:00:00", noon],
    ["a date of ISO 8601 with another zone", "2026-11-23T13:00:00+01:00", noon],
    ["a date with another zone", "Mon, 23 Nov 2026 07:00:00 -0500", noon],
    ["a word", "soon", Number.NaN],
    ["nothing", "", Number.NaN]
  ])("%s: %s", (_, text, at) => {
    expect(HttpDate.parse(text)).toBe(at)
  })
})

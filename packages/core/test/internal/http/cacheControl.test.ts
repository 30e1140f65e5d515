import { Headers } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { lifetimeOf } from "../../../src/internal/http/cacheControl.ts"

const now = Date.parse("Mon, 23 Nov 2026 12:00:00 GMT")

describe("lifetimeOf", () => {
  it.each<readonly [name: string, headers: Record<string, string>, lifetime: number | undefined]>([
    ["no field at all", {}, undefined],
    ["Cache-Control without a lifetime", { "cache-control": "public, must-revalidate" }, undefined],
    ["an age and no lifetime", { age: "10" }, undefined],
    ["max-age", { "cache-control": "public, max-age=3600" }, 3_600_000],
    ["max-age in capitals", { "cache-control": "MAX-AGE=60" }, 60_000],
    ["max-age as a quoted string", { "cache-control": "max-age=\"60\"" }, 60_000],
    ["max-age and an age", { "cache-control": "max-age=3600", age: "600" }, 3_000_000],
    ["an age beyond its lifetime", { "cache-control": "max-age=60", age: "600" }, 0],
    ["an age that does not parse", { "cache-control": "max-age=60", age: "young" }, 60_000],
    ["an age that ends with other characters", { "cache-control": "max-age=60", age: "5x" }, 60_000],
    ["an age that begins with other characters", { "cache-control": "max-age=60", age: "x5" }, 60_000],
    ["two different max-age", { "cache-control": "max-age=60, max-age=3600" }, 60_000],
    ["a lifetime for shared caches", { "cache-control": "s-maxage=60" }, undefined],
    ["a max-age within another directive's string", { "cache-control": "ext=\"a, max-age=60\"" }, undefined],
    ["a max-age within a string that begins with digits", { "cache-control": "ext=\"5, max-age=60\"" }, undefined],
    ["a max-age behind a string with an escape", { "cache-control": "ext=\"a\\\", b\", max-age=60" }, 60_000],
    ["a string that is never closed", { "cache-control": "max-age=60, ext=\"a, no-store" }, 60_000],
    ["max-age that does not parse", { "cache-control": "max-age=soon" }, 0],
    ["max-age below zero", { "cache-control": "max-age=-1" }, 0],
    ["max-age beyond 2^31 s", { "cache-control": `max-age=${"9".repeat(400)}` }, 2 ** 31 * 1000],
    ["no-store", { "cache-control": "max-age=3600, no-store" }, 0],
    ["no-cache", { "cache-control": "no-cache, max-age=3600" }, 0],
    ["Expires", { expires: "Mon, 23 Nov 2026 13:00:00 GMT" }, 3_600_000],
    [
      "Expires by the server's clock",
      { expires: "Mon, 23 Nov 2026 13:00:00 GMT", date: "Mon, 23 Nov 2026 12:30:00 GMT" },
      1_800_000
    ],
    ["Expires in the form without a zone", { expires: "Mon Nov 23 13:00:00 2026" }, 3_600_000],
    ["Expires in the past", { expires: "Mon, 23 Nov 2026 11:00:00 GMT" }, 0],
    ["Expires that does not parse", { expires: "0" }, 0],
    ["max-age and Expires", { "cache-control": "max-age=60", expires: "0" }, 60_000]
  ])("a response with %s (%j) is fresh for %s ms", (_, headers, lifetime) => {
    expect(lifetimeOf(Headers.fromInput(headers), now)).toBe(lifetime)
  })

  it("a header of 64 KiB is read, and a longer one makes the response stale", () => {
    const header = "max-age=60, ext=\"".padEnd(64 * 1024, "\\\"")
    expect(lifetimeOf(Headers.fromInput({ "cache-control": header }), now)).toBe(60_000)
    expect(lifetimeOf(Headers.fromInput({ "cache-control": `${header}x` }), now)).toBe(0)
  })
})

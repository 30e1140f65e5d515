import { Headers } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { lifetimeOf } from "../../../src/internal/http/cacheControl.ts"
import { form, print, second } from "../../support/arbitraries/httpDate.ts"
import { mutated } from "../../support/arbitraries/mutation.ts"
import { property } from "../../support/property.ts"

const LONGEST = 2 ** 31 * 1000

interface Directive {
  /** The name in lower case. */
  readonly name: string
  /** The value, unquoted; `undefined` without one. */
  readonly value: string | undefined
  readonly written: string
}

const inAnyCase = (name: string) =>
  FastCheck.constantFrom(name, name.toUpperCase(), name.replace(/^./, (letter) => letter.toUpperCase()))

const seconds = FastCheck.oneof(FastCheck.nat({ max: 100_000 }), FastCheck.nat()).map(String)

/** A quoted string that looks like further directives. */
const decoy = FastCheck.array(
  FastCheck.constantFrom("max-age=1", "no-store", ", ", "=", "\\\"", "\\\\", " ", "x", "no-cache,"),
  { maxLength: 5 }
).map((pieces) => `"${pieces.join("")}"`)

const directive: FastCheck.Arbitrary<Directive> = FastCheck.oneof(
  FastCheck.tuple(inAnyCase("max-age"), seconds, FastCheck.boolean()).map(([name, value, isQuoted]) => ({
    name: "max-age",
    value,
    written: `${name}=${isQuoted ? `"${value}"` : value}`
  })),
  FastCheck.constantFrom("no-store", "no-cache", "public", "must-revalidate", "private", "immutable").chain((name) =>
    FastCheck.tuple(inAnyCase(name), FastCheck.oneof(FastCheck.constant(""), decoy.map((text) => `=${text}`)))
      .map(([written, value]) => ({ name, value: undefined, written: written + value }))
  ),
  FastCheck.tuple(FastCheck.constantFrom("s-maxage", "stale-if-error", "ext"), FastCheck.oneof(seconds, decoy)).map((
    [name, value]
  ) => ({ name, value: undefined, written: `${name}=${value}` }))
)

const comma = FastCheck.constantFrom(",", ", ", " , ", ",,", "\t,")

const cacheControl = FastCheck.tuple(FastCheck.array(directive, { maxLength: 5 }), comma)

const written = ([directives, comma]: readonly [ReadonlyArray<Directive>, string]): string =>
  directives.map(({ written }) => written).join(comma)

const lifetime = (headers: Record<string, string>, now: number) => lifetimeOf(Headers.fromInput(headers), now)

describe("the lifetime of a response (RFC 9111 §4.2.1, §5.2)", () => {
  property(
    "is its first `max-age` less its `Age`, in any order, case and quotes, and 0 with `no-store` or `no-cache`",
    [cacheControl, FastCheck.option(FastCheck.nat({ max: 100_000 }), { nil: undefined })],
    ([given, age]) => {
      const [directives] = given
      const maxAge = directives.find(({ name }) => name === "max-age")?.value
      const isUncacheable = directives.some(({ name }) => name === "no-store" || name === "no-cache")
      const expected = isUncacheable
        ? 0
        : maxAge === undefined
        ? undefined
        : Math.max(0, Math.min(Number(maxAge) * 1000, LONGEST) - (age ?? 0) * 1000)
      const headers = { "cache-control": written(given), ...(age === undefined ? {} : { age: String(age) }) }
      expect(lifetime(headers, 0)).toBe(expected)
    }
  )

  property(
    "without max-age is the time from `Date`, or else from now, to `Expires`, in each form of an HTTP date",
    [second, form, FastCheck.option(second, { nil: undefined }), form, second],
    ([expires, form, date, formOfDate, now]) => {
      const headers = {
        expires: print(expires, form),
        ...(date === undefined ? {} : { date: print(date, formOfDate) })
      }
      expect(lifetime(headers, now)).toBe(Math.max(0, expires - (date ?? now)))
      expect(lifetime({ ...headers, "cache-control": "max-age=7" }, now)).toBe(7000)
    }
  )

  property(
    "of damaged fields is from 0 to 2^31 s, or none, and never an exception",
    [
      mutated(cacheControl.map(written), ["\"", "\\", ",", "=", "max-age", "-", "1e9", " ", "no-store"]),
      mutated(FastCheck.tuple(second, form).map(([at, form]) => print(at, form)), ["-", "0", "x", ","]),
      second
    ],
    ([cacheControl, expires, now]) => {
      for (
        const headers of [{ "cache-control": cacheControl }, { expires }, { "cache-control": cacheControl, expires }]
      ) {
        const lifetime = lifetimeOf({ ...Headers.empty, ...headers }, now)
        if (lifetime === undefined) continue
        expect(lifetime).toBeGreaterThanOrEqual(0)
        expect(lifetime).toBeLessThanOrEqual(LONGEST)
      }
    }
  )
})

import { assert, describe, expect, it } from "@effect/vitest"
import { isShortEnough, keptFields } from "../../../src/internal/http/keptFields.ts"

/** The longest text and the longest list, in characters. */
const LONGEST = 16 * 1024

const text = (length: number): string => "x".repeat(length)

/** The kept part of a value; `undefined` if the value is left out. */
const kept = (value: unknown): unknown => keptFields({ field: value }, ["field"])["field"]

describe("a field of a document that is kept", () => {
  it.each([[true, true], [false, false], ["", ""], [1, undefined], [null, undefined], [undefined, undefined]])(
    "has the value %j as %j",
    (value, expected) => {
      expect(kept(value)).toBe(expected)
    }
  )

  it("is a text of at most 16 KiB", () => {
    expect(kept(text(LONGEST))).toBe(text(LONGEST))
    expect(kept(text(LONGEST + 1))).toBeUndefined()
  })

  it("is a list of the texts among its first 1,000 entries", () => {
    assert.deepStrictEqual(kept(["a", 1, null, ["b"], "c"]), ["a", "c"])
    assert.deepStrictEqual(kept(Array.from({ length: 1_001 }, () => "a")), Array.from({ length: 1_000 }, () => "a"))
    assert.deepStrictEqual(kept([...Array.from({ length: 999 }, () => 1), "last", "beyond"]), ["last"])
  })

  it("is an object of the texts among its first 1,000 fields", () => {
    assert.deepStrictEqual(kept({ a: "b", c: 1, d: null, e: "f" }), { a: "b", e: "f" })
    const names = Array.from({ length: 1_001 }, (_, index) => String(index))
    const fields = Object.keys(Object(kept(Object.fromEntries(names.map((name) => [name, ""])))))
    assert.deepStrictEqual(fields, names.slice(0, 1_000))
  })

  it("is an object whose names and texts have at most 16 KiB together", () => {
    const full = { a: text(LONGEST - 1) }
    assert.deepStrictEqual(kept({ ...full, b: "" }), full)
    assert.deepStrictEqual(kept({ a: text(LONGEST), b: "" }), {})
  })
})

describe("the fields of a document that are kept", () => {
  it("are those that are named", () => {
    assert.deepStrictEqual(keptFields({ a: "1", b: "2", c: "3" }, ["c", "a", "d"]), { a: "1", c: "3" })
  })

  it("have at most 64 KiB together, and one that does not fit is left out", () => {
    const quarter = text(LONGEST - 2)
    const names = ["a", "b", "c", "d", "e"]
    const document = Object.fromEntries(names.map((name) => [name, quarter]))
    assert.deepStrictEqual(Object.keys(keptFields(document, names)), ["a", "b", "c", "d"])
    const short = { ...document, d: text(LONGEST), e: "fits" }
    assert.deepStrictEqual(Object.keys(keptFields(short, names)), ["a", "b", "c", "e"])
  })
})

it("a text is short enough to be kept up to 16 KiB", () => {
  assert.deepStrictEqual([LONGEST, LONGEST + 1].map((length) => isShortEnough(text(length))), [true, false])
})

import { assert, describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Scopes from "../../../src/internal/text/scopeList.ts"
import { property } from "../../support/property.ts"

describe("scopes (RFC 6749 §3.3)", () => {
  it.each([
    [undefined, []],
    ["", []],
    ["   ", []],
    ["a", ["a"]],
    ["a b  c ", ["a", "b", "c"]],
    ["b a b", ["b", "a"]],
    ["files:read https://x.example/.default", ["files:read", "https://x.example/.default"]],
    ["a\tb c\n d\"e f\\g ü ok", ["ok"]]
  ])("are read from the list %j", (list, expected) => {
    assert.deepStrictEqual(Scopes.parse(list), expected)
  })

  it("have no space, quote or backslash", () => {
    for (const scope of ["a", "!", "~", "#", "[", "]", "files:read"]) expect(Scopes.isScope(scope)).toBe(true)
    for (const scope of ["", " ", "a b", "\"", "\\", "ü", "a\n", "\u007f"]) expect(Scopes.isScope(scope)).toBe(false)
  })

  it("occur once in a union, in the order of first mention", () => {
    assert.deepStrictEqual(Scopes.union(["b", "a"], new Set(["a", "c"]), [], ["b"]), ["b", "a", "c"])
    assert.deepStrictEqual(Scopes.union(), [])
  })

  it.each([
    ["1,000 of many scopes", Array.from({ length: 5000 }, (_, index) => `s${index}`), 1000],
    ["16 KiB of long scopes", Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(1000, "s")), 16],
    ["no scope of more than 16 KiB", ["s".repeat(16 * 1024 + 1)], 0]
  ])("are read within bounds: %s", (_, scopes, read) => {
    assert.deepStrictEqual(Scopes.parse(scopes.join(" ")), scopes.slice(0, read))
  })

  it("are missing if they are wanted and not held", () => {
    assert.deepStrictEqual(Scopes.missing(["a", "b", "c"], ["b"]), ["a", "c"])
    assert.deepStrictEqual(Scopes.missing([], ["b"]), [])
  })

  property("are read from any text, each once", [fc.string({ unit: "binary" })], ([list]) => {
    const scopes = Scopes.parse(list)
    expect(scopes.every(Scopes.isScope)).toBe(true)
    expect(new Set(scopes).size).toBe(scopes.length)
    assert.deepStrictEqual(Scopes.parse(scopes.join(" ")), scopes)
  })
})

import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Scopes from "../../../src/internal/text/scopeList.ts"
import { notScope, scopes } from "../../support/arbitraries/scope.ts"
import { property } from "../../support/property.ts"

/** Whether `part` is `whole` without some of its entries, in the same order. */
const isSubsequence = (part: ReadonlyArray<string>, whole: ReadonlyArray<string>): boolean => {
  let next = 0
  for (const entry of whole) if (entry === part[next]) next++
  return next === part.length
}

describe("lists of scopes (RFC 6749 §3.3)", () => {
  property("printed and read again: the same scopes in the same order, each once", [scopes], ([list]) => {
    expect(Scopes.parse(list.join(" "))).toEqual([...new Set(list)])
    expect(Scopes.parse(`  ${list.join("   ")} `)).toEqual([...new Set(list)])
  })

  property("with words that are no scope tokens: those are left out", [scopes, scopes, notScope], ([
    before,
    after,
    word
  ]) => {
    FastCheck.pre(!word.includes(" "))
    expect(Scopes.isScope(word)).toBe(false)
    expect(Scopes.parse([...before, word, ...after].join(" "))).toEqual(Scopes.union(before, after))
  })

  property("from any text: scope tokens only, each once", [FastCheck.string({ unit: "binary" })], ([text]) => {
    const list = Scopes.parse(text)
    expect(list.every(Scopes.isScope)).toBe(true)
    expect(Scopes.union(list)).toEqual(list)
    expect(Scopes.parse(list.join(" "))).toEqual(list)
  })

  property("union: idempotent, associative, with the empty list as neutral element", [scopes, scopes, scopes], ([
    a,
    b,
    c
  ]) => {
    const once = Scopes.union(a, b)
    expect(Scopes.union(once, once)).toEqual(once)
    expect(Scopes.union(once, a, b)).toEqual(once)
    expect(Scopes.union(Scopes.union(a, b), c)).toEqual(Scopes.union(a, Scopes.union(b, c)))
    expect(Scopes.union(a, b, c)).toEqual(Scopes.union(Scopes.union(a, b), c))
    expect(Scopes.union([], a, [])).toEqual(Scopes.union(a))
  })

  property(
    "union: all scopes of both lists and no other, in the order of first mention",
    [scopes, scopes],
    ([a, b]) => {
      const union = Scopes.union(a, b)
      expect(new Set(union)).toEqual(new Set([...a, ...b]))
      expect(union.length).toBe(new Set(union).size)
      expect(isSubsequence(union, [...a, ...b])).toBe(true)
      expect(union.slice(0, new Set(a).size)).toEqual([...new Set(a)])
    }
  )

  property("missing: what has to be added to `held` so that it has all of `wanted`, in order", [scopes, scopes], ([
    wanted,
    held
  ]) => {
    const missing = Scopes.missing(wanted, held)
    expect(missing.some((scope) => held.includes(scope))).toBe(false)
    expect(isSubsequence(missing, wanted)).toBe(true)
    expect(Scopes.missing(wanted, [...held, ...missing])).toEqual([])
    expect(Scopes.union(held, missing)).toEqual(Scopes.union(held, wanted))
    expect(Scopes.missing(wanted, [])).toEqual(wanted)
    expect(Scopes.missing(wanted, Scopes.union(wanted, held))).toEqual([])
  })
})

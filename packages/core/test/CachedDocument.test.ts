import { describe, expect, it } from "@effect/vitest"
import { CachedDocument } from "../src/index.ts"

describe("isFresh", () => {
  const document = { value: "document", readAt: 1000, freshUntil: 2000 }
  it.each([
    ["before the clock was set back", 999, false],
    ["when it was read", 1000, true],
    ["until its time is over", 1999, true],
    ["when its time is over", 2000, false]
  ])("a document %s, at %i ms: %s", (_, now, expected) => {
    expect(CachedDocument.isFresh(document, now)).toBe(expected)
  })
})

describe("extended", () => {
  it("a document that could not be read again stays fresh for one minute from now", () => {
    expect(CachedDocument.extended({ value: "document", readAt: 0, freshUntil: 1000 }, 5000)).toEqual({
      value: "document",
      readAt: 5000,
      freshUntil: 65_000
    })
  })
})

import { assert, describe, it } from "@effect/vitest"
import { explain } from "../src/explain.ts"

describe("explain", () => {
  it("follows the causes", () => {
    const error = new TypeError("fetch failed", { cause: new Error("connection refused") })
    assert.strictEqual(explain(error), "fetch failed\n  caused by: connection refused")
  })

  it("does not repeat what has been said", () => {
    const error = new Error("probe failed: no token", { cause: new Error("no token", { cause: new Error("") }) })
    assert.strictEqual(explain(error), "probe failed: no token")
  })

  it("ends where causes go in circles", () => {
    const inner = new Error("inner")
    const outer = new Error("outer", { cause: inner })
    inner.cause = outer
    assert.strictEqual(explain(outer), "outer\n  caused by: inner")
  })

  it("says something of what is no error", () => {
    assert.strictEqual(explain("aborted"), "aborted")
  })
})

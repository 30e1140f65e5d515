import { assert, describe, it } from "@effect/vitest"
import { explain } from "../src/explain.ts"

describe("explain", () => {
  it("prints the message of an error and of its cause", () => {
    const error = new TypeError("fetch failed", { cause: new Error("connection refused") })
    assert.strictEqual(explain(error), "fetch failed\n  caused by: connection refused")
  })

  it("leaves out the message of a cause that an earlier message contains", () => {
    const error = new Error("probe failed: no token", { cause: new Error("no token", { cause: new Error("") }) })
    assert.strictEqual(explain(error), "probe failed: no token")
  })

  it("prints each error once if the causes form a circle", () => {
    const inner = new Error("inner")
    const outer = new Error("outer", { cause: inner })
    inner.cause = outer
    assert.strictEqual(explain(outer), "outer\n  caused by: inner")
  })

  it("prints a value that is not an Error", () => {
    assert.strictEqual(explain("aborted"), "aborted")
  })
})

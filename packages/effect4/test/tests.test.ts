import { describe, expect, it } from "vitest"
import { faultsOf, type TestResult } from "../src/tests.ts"

const result = (test: string, status: TestResult["status"]): TestResult => ({
  file: "packages/core/test/a.test.ts",
  test,
  status,
  message: "expected 1 to be 2\n  at line 3"
})

const listed = (test: string, reason = "Effect 4 has no such thing") => ({
  file: "packages/core/test/a.test.ts",
  test,
  reason
})

describe("faultsOf", () => {
  it("has nothing to say where all tests pass", () => {
    expect(faultsOf([result("a", "passed")], [])).toEqual([])
  })

  it.each(["failed", "skipped"] as const)(
    "names a %s test that is not on the list, with the first line of its message",
    (status) => {
      expect(faultsOf([result("a", status)], [])).toEqual([
        `packages/core/test/a.test.ts > a: ${status}: expected 1 to be 2`
      ])
    }
  )

  it("accepts a failed test that is on the list", () => {
    expect(faultsOf([result("a", "failed")], [listed("a")])).toEqual([])
  })

  it("wants a test that passes off the list", () => {
    expect(faultsOf([result("a", "passed")], [listed("a")])).toEqual([
      "packages/core/test/a.test.ts > a passes: take it off the list"
    ])
  })

  it("wants a test that is gone off the list", () => {
    expect(faultsOf([], [listed("a")])).toEqual([
      "packages/core/test/a.test.ts > a is on the list, and there is no such test"
    ])
  })

  it("wants a reason for each test on the list", () => {
    expect(faultsOf([result("a", "failed")], [listed("a", " ")])).toEqual([
      "packages/core/test/a.test.ts > a is on the list without a reason"
    ])
  })
})

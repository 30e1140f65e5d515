import { assert, describe, it } from "@effect/vitest"
import * as Baseline from "../src/Baseline.ts"

describe("Baseline", () => {
  it("gathers the excused checks of each scenario", () => {
    const baseline = Baseline.parse(`
# why
client:
  - auth/a:one
  - auth/b:one
  - auth/a:two
`)
    assert.deepStrictEqual(
      [...baseline].map(([scenario, checks]) => [scenario, [...checks]]),
      [["auth/a", ["one", "two"]], ["auth/b", ["one"]]]
    )
  })

  it("is invalid with an entry that excuses a whole scenario", () => {
    assert.throws(() => Baseline.parse("client:\n  - auth/a"))
  })
})

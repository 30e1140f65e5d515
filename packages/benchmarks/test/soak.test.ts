import { assert, describe, it } from "@effect/vitest"
import { measure, soak } from "../src/measurements.ts"
import { turns } from "../src/soakTurns.ts"

/** As many as the soak makes in a turn. */
const CALLS_PER_TURN = 1_000

describe("the soak", () => {
  it("has no two turns of the same name, so that a failure names its turn", () => {
    assert.lengthOf(new Set(turns.map(({ name }) => name)), turns.length)
  })

  it("has no unexplained failure when each fault has had one turn", { timeout: 120_000 }, async () => {
    const { examples, turns: taken, unexplained } = await measure(soak, {
      calls: turns.length * CALLS_PER_TURN,
      seed: 1
    })
    assert.strictEqual(taken, turns.length)
    assert.deepStrictEqual(examples, [])
    assert.strictEqual(unexplained, 0)
  })
})

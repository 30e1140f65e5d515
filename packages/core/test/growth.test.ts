import { isLinear, measureModule } from "@effect-mcp-auth/tooling/growth"
import { assert, describe, expect, it } from "@effect/vitest"
import { inputs } from "./growth/inputs.ts"

const measured = measureModule(new URL("./growth/inputs.ts", import.meta.url).href)

describe("the work on an input from outside grows no faster than the input, from 10 KiB to 1 MiB", () => {
  it.each(inputs)("$name", { timeout: 300_000 }, async ({ name }) => {
    const growth = (await measured).get(name)
    assert(growth !== undefined)
    expect(isLinear(growth), `steps of work: ${growth.steps.join(", ")}`).toBe(true)
  })
})

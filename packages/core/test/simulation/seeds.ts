import { pause } from "@effect-mcp-auth/leak-recorder"
import { describe, expect, it } from "@effect/vitest"
import * as Schedule from "./Schedule.ts"
import * as Simulation from "./Simulation.ts"

/** How many seeds to run, or the only one. `.ci/run` runs 2,000. */
const seeds = Number(process.env["SIMULATION_SEEDS"] || 200)
const only = process.env["SIMULATION_SEED"] || undefined

/** Runs a test without the record of errors and without stack traces, which would make it slow. */
export const quickly = async <A>(f: () => Promise<A>): Promise<A> => {
  const { stackTraceLimit } = Error
  const resume = pause()
  Error.stackTraceLimit = 0
  try {
    return await f()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    resume()
  }
}

/** Runs one half of the seeds, because test files run in parallel. A single seed belongs to the first half. */
export const testSeeds = (half: 1 | 2): void => {
  const middle = Math.ceil(seeds / 2)
  const [first, last] = only === undefined
    ? half === 1 ? [1, middle] : [middle + 1, seeds]
    : [Number(only), half === 1 ? Number(only) : 0]
  describe.skipIf(last < first)("the simulation", () => {
    it(
      `${only === undefined ? `seeds ${first} to ${last}` : `seed ${only}`}: no rule is broken`,
      () =>
        quickly(async () => {
          let calls = 0
          for (let seed = first; seed <= last; seed++) {
            const report = await Simulation.run(Schedule.make(seed))
            if (report.violations.length > 0) throw new Error(await Simulation.explain(report))
            calls += report.calls
          }
          expect(calls).toBeGreaterThan(last - first)
        }),
      600_000
    )
  })
}

import { pause } from "@effect-mcp-auth/leak-recorder"
import { describe, expect, it } from "@effect/vitest"
import * as Schedule from "./Schedule.ts"
import * as Simulation from "./Simulation.ts"

/** How many seeds are run, or the one that is. */
const seeds = Number(process.env["SIMULATION_SEEDS"] || 2000)
const only = process.env["SIMULATION_SEED"] || undefined

/** Without a record of every error, and without the stack traces that make them dear. */
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

/** One half of the seeds, since test files run side by side. A seed that is asked for belongs to the first. */
export const testSeeds = (half: 1 | 2): void => {
  const middle = Math.ceil(seeds / 2)
  const [first, last] = only === undefined
    ? half === 1 ? [1, middle] : [middle + 1, seeds]
    : [Number(only), half === 1 ? Number(only) : 0]
  describe.skipIf(last < first)("whatever happens", () => {
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

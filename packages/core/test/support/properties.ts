/**
 * The settings of all property tests, as a setup file of vitest. A run without settings is the same each time. To try
 * other inputs:
 *
 * - `PROPERTY_SEED=N` takes another seed, such as the one that the message of a failure names. `random` takes a new one.
 * - `PROPERTY_RUNS=N` sets the number of inputs for each property.
 *
 * The message of a failure names the seed, the path to the smallest input that fails, and that input.
 */
import * as FastCheck from "effect/FastCheck"

const seed = process.env["PROPERTY_SEED"] || "20261128"
const runs = process.env["PROPERTY_RUNS"] || "300"

const numberOf = (name: string, text: string): number => {
  const number = Number(text)
  if (!Number.isInteger(number)) throw new Error(`${name} is "${text}". Write an integer.`)
  return number
}

FastCheck.configureGlobal({
  ...(seed === "random" ? {} : { seed: numberOf("PROPERTY_SEED", seed) }),
  numRuns: numberOf("PROPERTY_RUNS", runs)
})

/** The setting of a property whose single run is slow, such as one that encrypts: a part of the runs. */
export const slow: { readonly numRuns: number } = {
  numRuns: Math.ceil(numberOf("PROPERTY_RUNS", runs) / 5)
}

/**
 * Measures how the work on an input grows with the size of the input: in steps, not in seconds.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { StepCounter } from "./steps.ts"
import { isThorough } from "./thorough.ts"

/** A kind of input from outside. */
export interface Input {
  readonly name: string
  /** Makes an input of about so many bytes. The returned function does the work that is measured. */
  readonly prepare: (bytes: number) => () => unknown
}

/** The steps of the work on one input, in the order of `sizes`. After a size with too many steps the measurement ends. */
export interface Growth {
  readonly name: string
  readonly steps: ReadonlyArray<number>
}

/** The sizes of the inputs, in bytes: up to 1 MiB, which takes most of the time, only in thorough tests. */
export const sizes: ReadonlyArray<number> = [10 * 1024, 100 * 1024, ...(isThorough ? [1024 * 1024] : [])]

/** How much more than its size the work on an input may grow. */
const TOLERANCE = 1.2

/** Whether the steps grow no faster than the sizes. */
export const isLinear = ({ steps }: Growth): boolean => steps.length === sizes.length && isLinearSoFar(steps)

const isLinearSoFar = (steps: ReadonlyArray<number>): boolean =>
  steps.every((larger, index) =>
    steps.slice(0, index).every((smaller, before) => {
      const ratio = (sizes[index] ?? 0) / (sizes[before] ?? 1)
      return larger <= smaller * ratio * TOLERANCE
    })
  )

/** Measures inputs in this process, in which nothing else may run. */
export const measure = async (inputs: ReadonlyArray<Input>): Promise<ReadonlyArray<Growth>> => {
  const counter = new StepCounter()
  const measured: Array<Growth> = []
  for (const { name, prepare } of inputs) {
    // The first use fills caches that later uses find.
    for (let times = 0; times < 2; times++) await prepare(1024)()
    const steps: Array<number> = []
    for (const size of sizes) {
      const work = prepare(size)
      steps.push(await counter.count(work))
      if (!isLinearSoFar(steps)) break
    }
    measured.push({ name, steps })
  }
  counter.close()
  return measured
}

/**
 * Measures the inputs of a module in a process of its own, since a test runner counts blocks too.
 *
 * @param module the address of a module that exports `inputs`
 */
export const measureModule = async (module: string): Promise<ReadonlyMap<string, Growth>> => {
  const program = new URL("./programs/growth.ts", import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [program.pathname, module], { maxBuffer: 2 ** 24 })
  const measured: unknown = JSON.parse(stdout)
  if (!isMeasured(measured)) throw new Error(`${module} has no measurements.`)
  return new Map(measured.map((growth) => [growth.name, growth]))
}

const isMeasured = (value: unknown): value is ReadonlyArray<Growth> =>
  Array.isArray(value) && value.every((one: unknown) => typeof one === "object" && one !== null && "steps" in one)

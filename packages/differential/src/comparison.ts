/**
 * Compares a function of this library with the same function of another one, on the same inputs. Each difference is
 * explained by a rule with its reason. A difference without a rule is a fault, and so is a rule without a difference.
 */
import * as FastCheck from "effect/FastCheck"
import { isDeepStrictEqual } from "node:util"

/** The result of a function that refuses an input. */
export const REFUSED = "refused"

/** A deliberate difference. */
export interface Rule<I, A> {
  readonly name: string
  /** Why this library does something else, with the section of the specification. */
  readonly reason: string
  readonly applies: (input: I, ours: A | typeof REFUSED, theirs: A | typeof REFUSED) => boolean
}

export interface Comparison<I, A> {
  readonly inputs: FastCheck.Arbitrary<I>
  /** Inputs that are compared besides the generated ones, so that each rule has an example. */
  readonly examples: ReadonlyArray<I>
  /** A result that both sides can have. May throw, or be `undefined`: both count as a refusal. */
  readonly ours: (input: I) => A | undefined | Promise<A | undefined>
  readonly theirs: (input: I) => A | undefined | Promise<A | undefined>
  readonly rules: ReadonlyArray<Rule<I, A>>
}

export interface Outcome {
  readonly compared: number
  /** How many inputs had the same result on both sides. */
  readonly same: number
  /** How many differences each rule explains. The first rule that applies counts. */
  readonly explained: ReadonlyMap<string, number>
}

/** The seed of every run, unless the variable `PROPERTY_SEED` has another one. */
const seed = Number(process.env["PROPERTY_SEED"] ?? "20261128")

/** The number of generated inputs of each comparison, unless the variable `PROPERTY_RUNS` has another one. */
const numRuns = Number(process.env["PROPERTY_RUNS"] ?? "300")

const resultOf = async <I, A>(
  side: (input: I) => A | undefined | Promise<A | undefined>,
  input: I
): Promise<A | typeof REFUSED> => {
  try {
    return await side(input) ?? REFUSED
  } catch {
    return REFUSED
  }
}

/** Runs a comparison. Throws with the smallest input that it finds if no rule explains a difference. */
export const compare = async <I, A>(comparison: Comparison<I, A>): Promise<Outcome> => {
  const explained = new Map<string, number>(comparison.rules.map(({ name }) => [name, 0]))
  let compared = 0
  let same = 0
  const property = FastCheck.asyncProperty(comparison.inputs, async (input) => {
    const [ours, theirs] = [await resultOf(comparison.ours, input), await resultOf(comparison.theirs, input)]
    compared++
    if (isDeepStrictEqual(ours, theirs)) {
      same++
      return
    }
    const rule = comparison.rules.find(({ applies }) => applies(input, ours, theirs))
    if (rule === undefined) {
      throw new Error(`no rule explains this difference:\n  ours: ${print(ours)}\n  theirs: ${print(theirs)}`)
    }
    explained.set(rule.name, (explained.get(rule.name) ?? 0) + 1)
  })
  await FastCheck.assert(property, {
    seed,
    numRuns: numRuns + comparison.examples.length,
    examples: comparison.examples.map((example): [I] => [example])
  })
  return { compared, same, explained }
}

const print = (value: unknown): string => JSON.stringify(value) ?? String(value)

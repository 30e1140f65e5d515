/** The loop: take a known input, change it, run it, and keep it if it reaches a part that no input has reached. */
import { counters, literals, usedCounters } from "./instrument.ts"
import { enlarge, mutate } from "./mutations.ts"
import { makeRandom } from "./random.ts"
import type { Target } from "./Target.ts"

/** The longest input that the corpus keeps, in UTF-16 code units. */
const MAX_KEPT = 512

/** An input that needs more of the processor than this, in milliseconds, every time that it is tried, is a finding. */
const SLOW = 1000

/** How many steps an input may take: so many at all, and so many for each character. */
const MAX_STEPS = { atAll: 50_000, perCharacter: 500 }

export interface Found {
  readonly target: string
  /** The broken rule. Findings with the same text count once. */
  readonly what: string
  readonly input: string
}

export interface Report {
  readonly target: string
  readonly executions: number
  /** The branches that were reached, and how many of them the seeds and the known corpus had not reached. */
  readonly reached: number
  readonly isNew: number
  /** The most steps for one character, among the inputs of 16 KiB and more. */
  readonly steps: number
  readonly corpus: ReadonlyArray<string>
  readonly findings: ReadonlyArray<Found>
}

export interface Options {
  readonly seed: number
  /** When the run ends, by `Date.now()`. */
  readonly until: number
  readonly maxExecutions: number
  /** The inputs of earlier runs. */
  readonly corpus: ReadonlyArray<string>
  /** Called before each input runs, so that another thread can name an input that never ends. */
  readonly running: (input: string) => void
}

/** How often a branch ran, in eight steps, as AFL counts. */
const bucket = (count: number): number =>
  count === 0
    ? 0
    : count < 4
    ? 1 << (count - 1)
    : count < 8
    ? 8
    : count < 16
    ? 16
    : count < 32
    ? 32
    : count < 128
    ? 64
    : 128

/** The buckets in which each branch was seen, as bits. */
class Coverage {
  readonly #seen = new Uint8Array(counters.length)

  /** The number of branches that were reached at all. */
  get reached(): number {
    return this.#seen.reduce((sum, bits) => sum + (bits === 0 ? 0 : 1), 0)
  }

  /** Whether the last input reached something new. Remembers what it reached. */
  learn(): boolean {
    let isNew = false
    for (let index = 0, end = usedCounters(); index < end; index++) {
      const bits = bucket(counters[index] ?? 0)
      const seen = this.#seen[index] ?? 0
      if ((seen | bits) === seen) continue
      this.#seen[index] = seen | bits
      isNew = true
    }
    return isNew
  }
}

/** The branches of the last input with their buckets, as text, for comparisons. */
const signature = (): string => {
  const parts: Array<number> = []
  for (let index = 0, end = usedCounters(); index < end; index++) {
    const count = counters[index] ?? 0
    if (count > 0) parts.push(index * 256 + bucket(count))
  }
  return parts.join(",")
}

/** A target, and what is called before each input runs. */
interface Watched extends Target {
  readonly running: Options["running"]
}

interface Outcome {
  readonly broken: string | undefined
  readonly steps: number
}

/** A text by which findings are told apart: the rule, and where in the packages it broke. */
const described = (error: unknown): string => {
  if (!(error instanceof Error)) return `threw ${String(error)}`
  if (error.name === "Finding") return error.message
  const frame = /packages\/\S+?\.ts/.exec((error.stack ?? "").split("\n").slice(1).join("\n"))?.[0] ?? ""
  return `threw ${error.name}: ${error.message.slice(0, 120)} at ${frame}`
}

const runOnce = async ({ run, running }: Watched, input: string): Promise<Outcome> => {
  running(input)
  counters.fill(0)
  let broken: string | undefined
  try {
    await run(input)
  } catch (error) {
    broken = described(error)
  }
  let steps = 0
  for (let index = 0, end = usedCounters(); index < end; index++) steps += counters[index] ?? 0
  if (steps > MAX_STEPS.atAll + MAX_STEPS.perCharacter * input.length) {
    broken ??= `took more than ${MAX_STEPS.atAll} steps and ${MAX_STEPS.perCharacter} for each character`
  }
  return { broken, steps }
}

/** How long the processor has worked for this process, in milliseconds: other processes make no difference. */
const processorTime = (): number => process.cpuUsage().user / 1000

/** Runs an input again if it was slow: only an input that is slow three times is a finding. */
const isSlow = async (target: Watched, input: string, first: number): Promise<boolean> => {
  let fastest = first
  for (let times = 0; times < 2 && fastest > SLOW; times++) {
    const begun = processorTime()
    await runOnce(target, input)
    fastest = Math.min(fastest, processorTime() - begun)
  }
  return fastest > SLOW
}

/** The shortest input that still passes the test, found by removing chunks. */
const shorten = async (input: string, passes: (input: string) => Promise<boolean>, tries = 60): Promise<string> => {
  let shortest = input
  let left = tries
  for (let size = Math.ceil(input.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < shortest.length && left > 0; left--) {
      const candidate = shortest.slice(0, at) + shortest.slice(at + size)
      if (await passes(candidate)) shortest = candidate
      else at += size
    }
  }
  return shortest
}

/** The smallest set of inputs that reaches all that these inputs reach, the shortest first. */
const distill = async (target: Watched, inputs: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const coverage = new Coverage()
  const kept: Array<string> = []
  for (const input of [...new Set(inputs)].toSorted((a, b) => a.length - b.length)) {
    if (input.length > MAX_KEPT) continue
    await runOnce(target, input)
    if (coverage.learn()) kept.push(input)
  }
  return kept
}

/** Fuzzes one target until the time is over. */
export const fuzz = async (plain: Target, options: Options): Promise<Report> => {
  const target: Watched = { ...plain, running: options.running }
  const { dictionary = [], maxLength = 4096 } = target
  const random = makeRandom(options.seed)
  const coverage = new Coverage()
  const findings = new Map<string, Found>()
  const inputs: Array<string> = []
  let executions = 0
  let steps = 0

  const attempt = async (input: string): Promise<boolean> => {
    executions++
    const begun = processorTime()
    const outcome = await runOnce(target, input)
    const duration = processorTime() - begun
    const isNew = coverage.learn()
    if (input.length >= 16_384) steps = Math.max(steps, outcome.steps / input.length)
    const what = outcome.broken ??
      (duration > SLOW && await isSlow(target, input, duration) ? "took more than a second, three times" : undefined)
    if (what !== undefined && !findings.has(what)) {
      const isSame = async (shorter: string) => (await runOnce(target, shorter)).broken === what
      const shortest = outcome.broken === undefined ? input : await shorten(input, isSame, 400)
      findings.set(what, { target: target.name, what, input: shortest })
    }
    return isNew
  }

  for (const input of [...target.seeds, ...options.corpus]) {
    await attempt(input)
    inputs.push(input)
  }
  const known = coverage.reached
  const sources = {
    dictionary: [...dictionary, ...dictionary, ...literals, "0"],
    inputs,
    maxLength
  }
  while (executions < options.maxExecutions && Date.now() < options.until) {
    // New inputs are taken more often than old ones.
    const from = random.oneIn(2) ? inputs.slice(-32) : inputs
    const input = random.pick(from)
    if (random.oneIn(400)) {
      await attempt(enlarge(input, random))
      continue
    }
    const mutated = mutate(input, random, sources)
    if (!await attempt(mutated)) continue
    await runOnce(target, mutated)
    const reached = signature()
    const shortest = await shorten(mutated, async (shorter) => {
      await runOnce(target, shorter)
      return signature() === reached
    })
    inputs.push(shortest)
  }
  return {
    target: target.name,
    executions,
    reached: coverage.reached,
    isNew: coverage.reached - known,
    steps: Math.round(steps * 10) / 10,
    corpus: await distill(target, [...target.seeds, ...inputs]),
    findings: [...findings.values()]
  }
}

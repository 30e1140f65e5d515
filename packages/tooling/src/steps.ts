/**
 * Counts the steps of work of a program: how often each block of its sources ran, and how many entries and characters
 * the built-in functions that it called had to visit. The count is the same on a slow and on a fast machine.
 *
 * The count does not see how far a regular expression goes back after a failed attempt: `regexps.ts` proves that no
 * regular expression of the sources goes back far.
 */
import { Session } from "node:inspector"

type Method = (this: unknown, ...args: ReadonlyArray<unknown>) => unknown

/**
 * The number of entries or characters that a call visits. `from` is where an expression with the flag `g` or `y` starts
 * to read.
 */
type Cost = (self: unknown, result: unknown, args: ReadonlyArray<unknown>, from: number) => number

let visited = 0

const lengthOf = (value: unknown): number =>
  (typeof value === "string" || typeof value === "object") && value !== null && "length" in Object(value) &&
    typeof Object(value).length === "number"
    ? Number(Object(value).length)
    : 0

const sizeOf = (value: unknown): number => value instanceof Set || value instanceof Map ? value.size : lengthOf(value)

const whole: Cost = (self) => sizeOf(self)

const ofResult: Cost = (_, result) => lengthOf(result)

/** A search ends where it finds something. */
const toFound: Cost = (self, result, [, from]) =>
  Math.max(0, (typeof result === "number" && result >= 0 ? result : lengthOf(self)) - Number(from ?? 0))

const includes: Cost = (self, result, [searched]) =>
  result === true
    ? Array.isArray(self) ? self.indexOf(searched) : String(self).indexOf(String(searched))
    : lengthOf(self)

const ofArgument: Cost = (_, __, [first]) => sizeOf(first)

const fields: Cost = (_, result) => (typeof result === "object" && result !== null ? Object.keys(result).length : 0)

/** An expression reads to the end of its match, or to the end of the text; with the flag `y` it tries one place only. */
const match: Cost = (self, result, [text], from) =>
  Array.isArray(result) && "index" in result
    ? Number(result.index) + lengthOf(result[0]) - from
    : self instanceof RegExp && self.sticky
    ? 1
    : lengthOf(text) - from

const startOf = (self: unknown): number => (self instanceof RegExp && (self.global || self.sticky) ? self.lastIndex : 0)

const costs: ReadonlyArray<readonly [object, Readonly<Record<string | symbol, Cost>>]> = [
  [Array.prototype, {
    ...Object.fromEntries(
      [
        "concat",
        "every",
        "fill",
        "filter",
        "find",
        "findIndex",
        "flat",
        "flatMap",
        "forEach",
        "join",
        "map",
        "reduce",
        "reverse",
        "shift",
        "some",
        "splice",
        "toReversed",
        "toSorted",
        "toSpliced",
        "unshift",
        "with"
      ].map((name) => [name, whole])
    ),
    // A sort compares by a function of the sources, which is counted, or by the built-in order.
    sort: whole,
    slice: ofResult,
    includes,
    indexOf: toFound,
    lastIndexOf: whole,
    [Symbol.iterator]: whole
  }],
  [String.prototype, {
    ...Object.fromEntries(
      ["normalize", "replace", "replaceAll", "search", "split", "toLowerCase", "toUpperCase", "trim", "trimEnd"]
        .map((name) => [name, whole])
    ),
    concat: ofResult,
    padEnd: ofResult,
    padStart: ofResult,
    repeat: ofResult,
    slice: ofResult,
    substring: ofResult,
    includes,
    indexOf: toFound,
    lastIndexOf: whole,
    [Symbol.iterator]: whole
  }],
  [RegExp.prototype, { exec: match }],
  [Set.prototype, { [Symbol.iterator]: whole, forEach: whole, keys: whole, values: whole }],
  [Map.prototype, { [Symbol.iterator]: whole, entries: whole, forEach: whole, keys: whole, values: whole }],
  [Uint8Array.prototype, { set: ofArgument, slice: ofResult, subarray: () => 0 }],
  [Array, { from: ofResult }],
  [Object, {
    assign: fields,
    entries: ofResult,
    fromEntries: fields,
    getOwnPropertyNames: ofResult,
    keys: ofResult,
    values: ofResult
  }],
  [JSON, { parse: ofArgument, stringify: ofResult }],
  [TextEncoder.prototype, { encode: ofResult }],
  [TextDecoder.prototype, { decode: ofResult }]
]

/** Counts the visits of the built-in functions until the returned function is called. */
const countBuiltIns = (): () => void => {
  const originals: Array<readonly [object, PropertyKey, PropertyDescriptor]> = []
  let isCounting = false
  for (const [owner, methods] of costs) {
    for (const name of Reflect.ownKeys(methods)) {
      const descriptor = Object.getOwnPropertyDescriptor(owner, name)
      const cost = methods[name]
      if (descriptor === undefined || cost === undefined || typeof descriptor.value !== "function") continue
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the descriptor of a method of the platform
      const original = descriptor.value as Method
      const counted: Method = function(...args) {
        const from = startOf(this)
        const result = Reflect.apply(original, this, args)
        // The cost itself calls built-in functions.
        if (!isCounting) {
          isCounting = true
          visited += cost(this, result, args, from)
          isCounting = false
        }
        return result
      }
      originals.push([owner, name, descriptor])
      Object.defineProperty(owner, name, { ...descriptor, value: counted })
    }
  }
  return () => {
    for (const [owner, name, descriptor] of originals) Object.defineProperty(owner, name, descriptor)
  }
}

/** The blocks that ran since the last call, each as often as it ran. Node.js's own modules and this one are left out. */
const takeBlocks = (session: Session): number => {
  let blocks = 0
  session.post("Profiler.takePreciseCoverage", (error, coverage) => {
    if (error !== null) throw error
    for (const { functions, url } of coverage.result) {
      if (!url.startsWith("file:") || url === import.meta.url) continue
      for (const { ranges } of functions) for (const { count } of ranges) blocks += count
    }
  })
  return blocks
}

/** Counts the steps of pieces of work, one after the other. */
export class StepCounter {
  readonly #session = new Session()

  constructor() {
    this.#session.connect()
    this.#session.post("Profiler.enable")
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  }

  async count(work: () => unknown): Promise<number> {
    takeBlocks(this.#session)
    visited = 0
    const end = countBuiltIns()
    try {
      await work()
    } finally {
      end()
    }
    return takeBlocks(this.#session) + visited
  }

  close(): void {
    this.#session.post("Profiler.stopPreciseCoverage")
    this.#session.disconnect()
  }
}

/** The mutations: of characters, of chunks, of words from a dictionary, of two inputs, and of JSON inside an input. */
import type { Random } from "./random.ts"

/** The source of texts for the mutations. */
export interface Sources {
  readonly dictionary: ReadonlyArray<string>
  /** The inputs known so far. */
  readonly inputs: ReadonlyArray<string>
  readonly maxLength: number
}

type Mutation = (input: string, random: Random, sources: Sources) => string

/** Characters that parsers treat in a special way, controls and formatting characters among them. */
const SPECIAL =
  "\0\t\n\r\v\u001b \"'`\\/,;:=?#@%&+-._~<>()[]{}|*!$0159aAzZ\u007f\u0080\u00a0\u00ad\u200b\u202e\u2028\ufeff\uffff\ud800\udc00\u00e9"

const NUMBERS = ["0", "-1", "1", "1e999", "-0", "0.1", "2147483648", "9007199254740993", "1e308", "3600", "NaN", "0x10"]

/** A part of the input: its beginning and its end. */
const chunk = (input: string, random: Random): readonly [start: number, end: number] => {
  const start = random.below(input.length + 1)
  const longest = random.oneIn(4) ? input.length : 16
  return [start, Math.min(input.length, start + 1 + random.below(longest))]
}

const character = (random: Random): string =>
  random.oneIn(8) ? String.fromCharCode(random.below(0x10000)) : SPECIAL.charAt(random.below(SPECIAL.length))

const mutations: ReadonlyArray<Mutation> = [
  // One character changes, by a bit or to another.
  (input, random) => {
    const at = random.below(input.length)
    const changed = random.oneIn(2)
      ? String.fromCharCode((input.charCodeAt(at) || 0) ^ (1 << random.below(8)))
      : character(random)
    return input.slice(0, at) + changed + input.slice(at + 1)
  },
  // A character is inserted.
  (input, random) => {
    const at = random.below(input.length + 1)
    return input.slice(0, at) + character(random) + input.slice(at)
  },
  // A chunk is removed.
  (input, random) => {
    const [start, end] = chunk(input, random)
    return input.slice(0, start) + input.slice(end)
  },
  // A chunk is repeated, sometimes many times.
  (input, random) => {
    const [start, end] = chunk(input, random)
    return input.slice(0, end) + input.slice(start, end).repeat(random.oneIn(6) ? 50 : 1 + random.below(3)) +
      input.slice(end)
  },
  // A chunk moves.
  (input, random) => {
    const [start, end] = chunk(input, random)
    const rest = input.slice(0, start) + input.slice(end)
    const at = random.below(rest.length + 1)
    return rest.slice(0, at) + input.slice(start, end) + rest.slice(at)
  },
  // A word of the dictionary is inserted, or takes the place of a chunk.
  (input, random, { dictionary }) => {
    const [start, end] = chunk(input, random)
    return input.slice(0, start) + random.pick(dictionary) + input.slice(random.oneIn(2) ? start : end)
  },
  // A word of the input is replaced by one of the dictionary.
  (input, random, { dictionary }) => {
    const words = [...input.matchAll(/[\w:/.+-]+/g)]
    if (words.length === 0) return input
    const word = random.pick(words)
    return input.slice(0, word.index) + random.pick(dictionary) + input.slice(word.index + word[0].length)
  },
  // A number is replaced.
  (input, random) => {
    const found = [...input.matchAll(/-?\d+(?:\.\d+)?/g)]
    if (found.length === 0) return input
    const number = random.pick(found)
    return input.slice(0, number.index) + random.pick(NUMBERS) + input.slice(number.index + number[0].length)
  },
  // The beginning of this input and the end of another.
  (input, random, { inputs }) => {
    const other = random.pick(inputs)
    return input.slice(0, random.below(input.length + 1)) + other.slice(random.below(other.length + 1))
  },
  // A chunk of another input is inserted.
  (input, random, { inputs }) => {
    const other = random.pick(inputs)
    const [start, end] = chunk(other, random)
    const at = random.below(input.length + 1)
    return input.slice(0, at) + other.slice(start, end) + input.slice(at)
  },
  // The letters of a chunk change their case.
  (input, random) => {
    const [start, end] = chunk(input, random)
    const text = input.slice(start, end)
    return input.slice(0, start) + (random.oneIn(2) ? text.toUpperCase() : text.toLowerCase()) + input.slice(end)
  },
  (input, random, sources) => mutateJson(input, random, sources),
  (input, random, sources) => mutateJson(input, random, sources)
]

/** Where the JSON of an input stands: the text from its first brace to its last. */
const jsonIn = (input: string): readonly [start: number, value: unknown] | undefined => {
  for (const start of [0, input.indexOf("\n\n") + 2, input.indexOf("\n") + 1]) {
    if (!/[{[]/.test(input[start] ?? "")) continue
    try {
      return [start, JSON.parse(input.slice(start))]
    } catch {}
  }
  return undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Changes one value or one member of the JSON in an input. */
const mutateJson: Mutation = (input, random, sources) => {
  const found = jsonIn(input)
  if (found === undefined) return input
  const [start, value] = found
  return input.slice(0, start) + JSON.stringify(mutateValue(value, random, sources))
}

const mutateValue = (value: unknown, random: Random, sources: Sources): unknown => {
  if (Array.isArray(value) && value.length > 0 && !random.oneIn(4)) {
    const index = random.below(value.length)
    return value.map((entry: unknown, at) => at === index ? mutateValue(entry, random, sources) : entry)
  }
  if (isRecord(value) && Object.keys(value).length > 0) {
    const name = random.pick(Object.keys(value))
    switch (random.below(6)) {
      case 0:
        return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
      case 1:
        return { ...value, [random.pick(sources.dictionary)]: value[name] }
      case 2:
        return { ...value, [random.pick(sources.dictionary)]: newValue(value, random, sources) }
      default:
        return { ...value, [name]: mutateValue(value[name], random, sources) }
    }
  }
  return newValue(value, random, sources)
}

const newValue = (value: unknown, random: Random, sources: Sources): unknown => {
  switch (random.below(10)) {
    case 0:
      return null
    case 1:
      return random.pick([true, false, {}, [], "", 0, -1, 1e300, 1.5])
    case 2:
      return [value, value]
    case 3:
      return { [random.pick(sources.dictionary)]: value }
    case 4:
      return random.pick(sources.dictionary)
    case 5:
      return String(value)
    case 6:
      return Number(value)
    default:
      return typeof value === "string" && value !== ""
        ? random.pick(mutations.slice(0, 8))(value, random, sources)
        : random.pick(sources.dictionary)
  }
}

/** A new input from a known one, by one to eight mutations. */
export const mutate = (input: string, random: Random, sources: Sources): string => {
  let result = input
  for (let times = 1 << random.below(4); times > 0; times--) {
    result = random.pick(mutations)(result === "" ? " " : result, random, sources)
    if (result.length > sources.maxLength) result = result.slice(0, sources.maxLength)
  }
  return result
}

/** An input of 64 KiB that repeats a chunk, so that work which grows faster than the input becomes visible. */
export const enlarge = (input: string, random: Random, length = 64 * 1024): string => {
  const [start, end] = chunk(input, random)
  const part = input.slice(start, end) || " "
  return input.slice(0, end) + part.repeat(Math.ceil(length / part.length)).slice(0, length) + input.slice(end)
}

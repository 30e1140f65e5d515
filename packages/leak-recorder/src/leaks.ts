/**
 * The search for secrets in errors, log lines and spans: the spellings of a secret, and the places to search.
 * `recorder.ts` collects the texts.
 */
import { inspect } from "node:util"
import { isHttpClientError, isRedacted } from "./hooks.ts"

/** Tests put this word into their secrets, so that the search finds a secret that nobody made `Redacted`. */
export const CANARY = "canary"

/** The word in its three positions within base64. */
const base64OfCanary = ["Y2FuYXJ5", "NhbmFye", "jYW5hcn"]

/** The shortest secret to search for, in characters. Texts contain shorter ones by chance. */
const MIN_LENGTH = 8

const formEncode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1)

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")

/** All the spellings in which a secret could leak. */
export const spellings = (secret: string): ReadonlySet<string> => {
  const texts = [secret, formEncode(secret), percentEncode(secret), JSON.stringify(secret).slice(1, -1)]
  return new Set(
    [...texts, ...texts.map(base64), ...texts.map((text) => base64(text).replace(/=+$/, ""))]
      .filter((spelling) => spelling.length >= MIN_LENGTH || spelling.includes(CANARY))
  )
}

/** `encodeURIComponent` throws on half a surrogate pair. */
const percentEncode = (text: string): string => encodeURIComponent(text.toWellFormed())

/**
 * How long a part of a secret is that counts as a leak, in characters. Tests write secrets of words, and shorter parts
 * of them stand in many texts.
 */
const WINDOW = 12

/**
 * How much of the texts of a test is searched for parts and encodings, in characters. A test with thousands of errors
 * repeats a few texts, and would take minutes.
 */
const MAX_SEARCHED = 500_000

/** The label of a PEM. Error messages show labels to say what to give. */
const pemLabel = /-----(?:BEGIN|END) [A-Z\d ]{0,64}-{0,5}/g

/** The scheme, the user name with the password, and the host of a URL. Error messages show the host. */
const urlAuthority = /^\w+:\/\/(?:([^/?#@]*)@)?[^/?#]*/

/** The parts of a secret, in bytes. */
const windowsOf = (secret: string): ReadonlyArray<string> =>
  secret.replace(urlAuthority, "$1\n").split(pemLabel).flatMap((piece) => {
    const bytes = latin1(piece).toLowerCase()
    return Array.from({ length: Math.max(0, bytes.length - WINDOW + 1) }, (_, at) => bytes.slice(at, at + WINDOW))
  })

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

const entities: Readonly<Record<string, string>> = { amp: "&", apos: "'", gt: ">", lt: "<", quot: "\"" }

/** Undoes the escapes of URLs, HTML and JSON once, in bytes. */
const unescape = (bytes: string): string =>
  bytes.replaceAll(
    /%([0-9a-f]{2})|&#x([0-9a-f]{1,6});|&#(\d{1,7});|&(amp|apos|gt|lt|quot);|\\u([0-9a-f]{4})|\\(["'\\/])/gi,
    (_, byte?: string, hex?: string, decimal?: string, entity?: string, unit?: string, character?: string) => {
      if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte, 16))
      const digits = hex ?? unit
      const code = digits === undefined ? Number(decimal) : Number.parseInt(digits, 16)
      return character ?? entities[entity?.toLowerCase() ?? ""] ??
        latin1(code <= 0x10ffff ? String.fromCodePoint(code) : "")
    }
  )

/**
 * How much of a secret is searched for, in characters. A text that has more of it than this has this much as well.
 */
const MAX_SECRET = 16 * 1024

/** A text, without its escapes, and what its parts are in base64 and in hexadecimal digits, all in bytes. */
const views = (text: string): ReadonlyArray<string> => {
  const plain = [latin1(text)]
  for (let rounds = 0; rounds < 3; rounds++) {
    const next = unescape(plain.at(-1) ?? "")
    if (next === plain.at(-1)) break
    plain.push(next)
  }
  const decoded = plain.flatMap((one) => [
    ...[0, 1, 2, 3].map((skipped) =>
      (one.match(/[\w+/-]{16,}/g) ?? []).map((run) => Buffer.from(run.slice(skipped), "base64").toString("latin1"))
    ),
    ...[0, 1].map((skipped) =>
      (one.match(/[0-9a-f]{24,}/gi) ?? []).map((run) => Buffer.from(run.slice(skipped), "hex").toString("latin1"))
    )
  ]).map((runs) => runs.join("\n"))
  return [...plain, ...decoded, ...decoded.map(unescape)].map((one) => one.toLowerCase())
}

/** The place in `Parts` of three characters. */
const placeOf = (first: number, middle: number, last: number): number => (first * 31 + middle * 7 ^ last * 127) & 0xffff

/**
 * Texts of one length, of which thousands are found at once. Most places of a text are passed over by three of their
 * characters.
 */
class Parts {
  readonly #length: number
  readonly #texts = new Set<string>()
  readonly #places = new Uint8Array(0x10000)

  constructor(length: number) {
    this.#length = length
  }

  add(text: string): void {
    this.#texts.add(text)
    this.#places[this.#placeIn(text, 0)] = 1
  }

  #placeIn(text: string, at: number): number {
    return placeOf(text.charCodeAt(at), text.charCodeAt(at + this.#length / 2), text.charCodeAt(at + this.#length - 1))
  }

  /** The first part in a text that passes the test. */
  find(text: string, isFound: (part: string, at: number) => boolean = () => true): string | undefined {
    if (this.#texts.size === 0) return undefined
    for (let at = 0; at + this.#length <= text.length; at++) {
      if (this.#places[this.#placeIn(text, at)] !== 1) continue
      const part = text.slice(at, at + this.#length)
      if (this.#texts.has(part) && isFound(part, at)) return part
    }
    return undefined
  }
}

/** The spellings of secrets, of which thousands are found at once by their first characters. */
class Spellings {
  readonly #byBeginning = new Map<string, Array<string>>()
  readonly #beginnings = new Parts(MIN_LENGTH)

  add(secret: string): void {
    for (const spelling of spellings(secret)) {
      // The search for the marks finds the spellings that contain one.
      if (markIn(spelling) !== undefined) continue
      const beginning = spelling.slice(0, MIN_LENGTH)
      const alike = this.#byBeginning.get(beginning)
      if (alike === undefined) this.#byBeginning.set(beginning, [spelling])
      else alike.push(spelling)
      this.#beginnings.add(beginning)
    }
  }

  in(text: string): string | undefined {
    let found: string | undefined
    this.#beginnings.find(text, (beginning, at) => {
      found = this.#byBeginning.get(beginning)?.find((spelling) => text.startsWith(spelling, at))
      return found !== undefined
    })
    return found
  }
}

/** The word `CANARY` in a text, in clear or in base64. */
const markIn = (text: string): string | undefined =>
  text.toLowerCase().includes(CANARY) ? CANARY : base64OfCanary.find((mark) => text.includes(mark))

/** The texts to search, each with the name of its place. */
export interface Texts {
  readonly add: (place: string, text: string) => void
}

/** The frames of a stack trace hold paths of this repository and no value of the program. */
const withoutFrames = (text: string): string => text.replaceAll(/^\s+at .*$/gm, "")

/** Secrets that are prepared for the search. Each is prepared once, since a key has thousands of parts. */
export class PreparedSecrets {
  readonly #known = new Set<string>()
  readonly #spellings = new Spellings()
  readonly #windows = new Parts(WINDOW)

  add(secrets: Iterable<string>): void {
    for (const secret of secrets) {
      if (this.#known.has(secret)) continue
      this.#known.add(secret)
      const searched = secret.slice(0, MAX_SECRET)
      this.#spellings.add(searched)
      for (const window of windowsOf(searched)) this.#windows.add(window)
    }
  }

  /** What a text holds of a secret, as it is written there. */
  wholeIn(text: string): string | undefined {
    return this.#spellings.in(text)
  }

  isPartIn(text: string): boolean {
    return views(text).some((view) => this.#windows.find(view) !== undefined)
  }
}

/** The places that hold a secret. The report never shows the secret itself. */
export const find = (
  fill: (texts: Texts) => void,
  secrets: Iterable<string>,
  prepared: PreparedSecrets = new PreparedSecrets()
): ReadonlyArray<string> => {
  const seen = new Map<string, string>()
  fill({
    add: (place, text) => {
      const searched = withoutFrames(text)
      if (!seen.has(searched)) seen.set(searched, place)
    }
  })
  if (seen.size > 0) prepared.add(secrets)
  let searched = 0
  return [...seen].flatMap(([text, place]) => {
    const found = markIn(text) ?? prepared.wholeIn(text)
    if (found !== undefined) return [`${place}: ${excerpt(text, found)}`]
    searched += text.length
    return searched <= MAX_SEARCHED && prepared.isPartIn(text)
      ? [`${place}: …<a part of the secret, in some encoding>`]
      : []
  })
}

const excerpt = (text: string, needle: string): string => {
  const at = Math.max(0, text.toLowerCase().indexOf(needle.toLowerCase()))
  return `…${text.slice(Math.max(0, at - 80), at).replaceAll("\n", " ")}<the secret>`
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const field = (value: object, name: PropertyKey): unknown => Object.getOwnPropertyDescriptor(value, name)?.value

const isOwn = (error: unknown): boolean =>
  isObject(error) && typeof error.constructor === "function" &&
  String(Reflect.get(error.constructor, "identifier")).startsWith("@effect-mcp-auth/")

/**
 * Adds an error's message, stack and printed forms, and for an error of this library every string reachable from it.
 *
 * An error of the platform holds the failed request with its credential. Core drops such errors where they arise, so
 * the search looks into the request only when a caller receives the error: when its cause is an error of this library.
 */
export const addError = (texts: Texts, error: unknown, place = nameOf(error)): void => {
  if (!isObject(error)) return texts.add(place, String(error))
  for (const name of ["message", "stack", "description"]) {
    texts.add(`${place}.${name}`, String(Reflect.get(error, name)))
  }
  // oxlint-disable-next-line typescript/no-base-to-string -- the search covers the result of an error's own `toString`
  texts.add(`String(${place})`, safely(() => String(error)))
  const cause = field(error, "cause")
  if (isHttpClientError(error) && !isOwn(cause)) {
    if (cause !== undefined && cause !== error) addError(texts, cause, `${place}.cause`)
    return
  }
  texts.add(`inspect(${place})`, safely(() => inspect(error, { depth: Infinity, showHidden: true })))
  texts.add(`JSON.stringify(${place})`, safely(() => JSON.stringify(error) ?? ""))
  if (isOwn(error) || isHttpClientError(error)) addGraph(texts, error, place)
  else if (cause !== undefined) addError(texts, cause, `${place}.cause`)
}

const nameOf = (error: unknown): string => error instanceof Error ? error.name : "failure"

const safely = (f: () => string): string => {
  try {
    return f()
  } catch {
    return ""
  }
}

/** Adds every string that is reachable from a value through its own fields, hidden fields included. */
export const addGraph = (texts: Texts, root: unknown, place: string): void => {
  const seen = new Set<object>()
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "string") return texts.add(path, value)
    if (!isObject(value) || seen.has(value) || isRedacted(value)) return
    seen.add(value)
    if (ArrayBuffer.isView(value)) {
      return texts.add(path, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"))
    }
    if (value instanceof URL) return texts.add(path, value.href)
    if (value instanceof Headers || value instanceof Map) {
      for (const [name, item] of value) visit(item, `${path}[${String(name)}]`)
    }
    for (const key of Reflect.ownKeys(value)) visit(field(value, key), `${path}.${String(key)}`)
  }
  visit(root, place)
}

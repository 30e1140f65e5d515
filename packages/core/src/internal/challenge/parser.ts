import { MAX_HEADER } from "../text/bounds.ts"
import { BACKSLASH, COMMA, QUOTE, Scanner } from "./scanner.ts"

/**
 * One challenge of a header, with what the parser left out of it.
 *
 * @internal
 */
export interface Reading {
  readonly scheme: string
  token68: string | undefined
  readonly parameters: Map<string, string>
  /** The values of `resource_metadata` after the first one. */
  readonly furtherAddresses: Array<string>
  readonly leftOut: Array<LeftOut>
}

/**
 * A part of a challenge that was left out, because it is not a parameter or could mean several things.
 *
 * @internal
 */
interface LeftOut {
  readonly text: string
  /** Whether the part begins with the name of a parameter. */
  readonly isParameter: boolean
}

/**
 * All challenges of a header, and the parts before the first challenge that were left out.
 *
 * @internal
 */
export interface Readings {
  readonly challenges: ReadonlyArray<Reading>
  readonly leftOut: ReadonlyArray<string>
}

/**
 * Reads a header in one pass. A header that keeps to RFC 9110 §11.6.1 has one meaning. Other forms that servers send
 * are read if they can mean only one thing: values without quotes or in other quotes, white space or semicolons in
 * place of commas, and a colon after the scheme. A header of more than 64 KiB is left out as a whole.
 *
 * @internal
 */
export const readChallenges = (header: string): Readings => {
  if (header.length > MAX_HEADER) return { challenges: [], leftOut: [header] }
  const challenges: Array<Reading> = []
  const leftOut: Array<string> = []
  const scan = new Scanner(header)
  while (!scan.done) {
    scan.skip(isSpaceOrComma)
    const start = scan.position
    const name = scan.take(isTokenChar).toLowerCase()
    const current = challenges.at(-1)
    const omit = (isParameter: boolean) => {
      scan.skipElement()
      const text = scan.text.slice(start, scan.position)
      if (text === "") return
      if (current === undefined) leftOut.push(text)
      else current.leftOut.push({ text, isParameter })
    }
    if (name === "") {
      omit(false)
      continue
    }
    // `name =` is a parameter of the current challenge. A token without `=` begins a new challenge.
    const afterName = scan.position
    scan.skip(isSpace)
    if (current !== undefined && scan.peek === EQUALS) {
      if (!readParameter(scan, name, current)) omit(true)
      continue
    }
    scan.position = afterName
    if (scan.peek === COLON && supported.has(name) && isGap(scan.codeAt(afterName + 1))) scan.position++
    if (!isGap(scan.peek)) {
      omit(false)
      continue
    }
    scan.skip(isSpace)
    challenges.push({
      scheme: name,
      token68: readToken68(scan),
      parameters: new Map(),
      furtherAddresses: [],
      leftOut: []
    })
  }
  return { challenges, leftOut }
}

/** The largest number of values of `resource_metadata` in a challenge that are read after the first one. */
const MAX_FURTHER = 8

/** The schemes whose challenges this library acts on. */
const supported: ReadonlySet<string> = new Set(["bearer", "dpop"])

/** Other schemes that stand in a list beside them, and often alone. */
const common: ReadonlySet<string> = new Set([...supported, "basic", "digest", "kerberos", "negotiate", "ntlm"])

/**
 * Whether this library acts on challenges of a scheme.
 *
 * @internal
 */
export const isSupported = ({ scheme }: { readonly scheme: string }): boolean => supported.has(scheme)

/** A `token68` (RFC 9110 §11.2) reaches to the end of its list element; a parameter does not. */
const readToken68 = (scan: Scanner): string | undefined => {
  const start = scan.position
  const characters = scan.take(isToken68Char)
  const value = characters + scan.take((code) => code === EQUALS)
  if (characters !== "") {
    scan.skip(isSpace)
    if (scan.done || scan.peek === COMMA) return value
  }
  scan.position = start
  return undefined
}

/**
 * How a value is written. A `Token` and a `Quoted` value are as RFC 9110 §11.2 wants them, or in other quotes. A `Bare`
 * value has characters that need quotes.
 */
type Form = "Token" | "Quoted" | "Bare"

interface Value {
  readonly text: string
  readonly form: Form
}

/** Reads `= value`. Returns `false` if it could mean several things. Of a repeated parameter the first one counts. */
const readParameter = (scan: Scanner, name: string, { furtherAddresses, parameters }: Reading): boolean => {
  const afterEquals = ++scan.position
  scan.skip(isSpace)
  if (scan.position > afterEquals) {
    // `realm= error="x"` is a parameter without a value and another one. `realm= error=x` could be one parameter.
    const next = endOfName(scan, scan.position)
    if (next !== undefined) return isQuote(scan.codeAt(next + 1))
  }
  const value = readValue(scan)
  if (value === undefined || !isSeparated(scan, value.form)) return false
  if (!parameters.has(name)) parameters.set(name, value.text)
  else if (name === "resource_metadata" && furtherAddresses.length < MAX_FURTHER) furtherAddresses.push(value.text)
  return true
}

const readValue = (scan: Scanner): Value | undefined => {
  if (scan.peek === QUOTE) return asQuoted(scan.takeQuoted())
  if (scan.peek === BACKSLASH) return asQuoted(scan.takeBetween(ESCAPED_QUOTE, isGap))
  const quoted = scan.takeBetween("'", isGap)
  if (quoted !== undefined) return asQuoted(quoted)
  const start = scan.position
  const token = scan.take(isTokenChar)
  if (isGap(scan.peek)) return token === "" ? undefined : { text: token, form: "Token" }
  scan.skip(isBareChar)
  const text = scan.text.slice(start, scan.position)
  return isGap(scan.peek) && !text.startsWith("=") && !text.startsWith("'") ? { text, form: "Bare" } : undefined
}

const asQuoted = (text: string | undefined): Value | undefined =>
  text === undefined ? undefined : { text, form: "Quoted" }

/** Whether it is clear that the value ends here. Moves to the separator. */
const isSeparated = (scan: Scanner, form: Form): boolean => {
  const end = scan.position
  scan.skip(isSpace)
  if (scan.done) return true
  if (scan.peek === COMMA) return form !== "Bare" || beginsElement(scan)
  if (scan.peek === SEMICOLON && form === "Quoted") {
    scan.position++
    const next = scan.after(isSpace, scan.position)
    return next === scan.text.length || endOfName(scan, next) !== undefined
  }
  // White space separates parameters like a comma. After an unquoted value, another word could belong to the value.
  return scan.position > end &&
    (endOfName(scan, scan.position) !== undefined || (form === "Quoted" && beginsChallenge(scan, scan.position)))
}

/**
 * Whether the text after a comma is an element of the list. If not, the comma could belong to the bare value before it,
 * as in `scope=files:read,files:write`.
 */
const beginsElement = (scan: Scanner): boolean => {
  const start = scan.after(isSpaceOrComma, scan.position)
  const end = scan.after(isTokenChar, start)
  return start === scan.text.length || endOfName(scan, start) !== undefined || beginsChallenge(scan, start) ||
    (isGap(scan.codeAt(end)) && common.has(scan.text.slice(start, end).toLowerCase()))
}

/** Whether a scheme with parameters begins at the position. */
const beginsChallenge = (scan: Scanner, start: number): boolean =>
  endOfName(scan, scan.after(isSpace, scan.after(isTokenChar, start))) !== undefined

/** The position of the equals sign of a parameter whose name begins at `start`, else `undefined`. */
const endOfName = (scan: Scanner, start: number): number | undefined => {
  const end = scan.after(isTokenChar, start)
  const equals = scan.after(isSpace, end)
  return end > start && scan.codeAt(equals) === EQUALS ? equals : undefined
}

const SINGLE_QUOTE = 0x27
const COLON = 0x3a
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const ESCAPED_QUOTE = "\\\""

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09
const isSpaceOrComma = (code: number): boolean => isSpace(code) || code === COMMA
/** White space, a comma, or the end of the header. */
const isGap = (code: number): boolean => isSpaceOrComma(code) || Number.isNaN(code)
const isQuote = (code: number): boolean => code === QUOTE || code === SINGLE_QUOTE

/** The test of one character. The end of the header counts as U+0000. */
const oneOf = (characters: RegExp) => (code: number): boolean => characters.test(String.fromCharCode(code))

const isTokenChar = oneOf(/[\w!#$%&'*+\-.^`|~]/)
const isToken68Char = oneOf(/[\w\-.~+/]/)
/** The semicolon is not among them, because it could be a separator, as in other headers. */
const isBareChar = oneOf(/[\w!#$%&'*+\-.^`|~:/?@=()[\]{}]/)

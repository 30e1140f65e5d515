/**
 * The challenges in the `WWW-Authenticate` header of a 401 or 403 (RFC 9110 §11.6.1).
 *
 * @since 0.1.0
 */
import * as scopes from "./internal/text/scopeList.ts"

/**
 * One challenge.
 *
 * @since 0.1.0
 * @category models
 */
export interface Challenge {
  /** The authentication scheme, in lower case. */
  readonly scheme: string
  /** The value of a scheme that has a `token68` in place of parameters (RFC 9110 §11.2). */
  readonly token68: string | undefined
  /** The parameters by lower-case name. Their values are unquoted. */
  readonly parameters: ReadonlyMap<string, string>
}

/**
 * The address of the protected resource metadata (RFC 9728 §5.1), as the server wrote it. The address is not checked.
 *
 * @since 0.1.0
 * @category getters
 */
export const resourceMetadata = (self: Challenge): string | undefined => self.parameters.get("resource_metadata")

/**
 * The error code (RFC 6750 §3.1), such as `invalid_token` or `insufficient_scope`.
 *
 * @since 0.1.0
 * @category getters
 */
export const error = (self: Challenge): string | undefined => self.parameters.get("error")

/**
 * The scopes that the request needs (RFC 6750 §3). Words that are not scope tokens (RFC 6749 §3.3) are left out.
 *
 * @since 0.1.0
 * @category getters
 */
export const requiredScopes = (self: Challenge): ReadonlyArray<string> => scopes.parse(self.parameters.get("scope"))

/**
 * Whether the server asks for a token with more scope (RFC 6750 §3.1).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isInsufficientScope = (self: Challenge): boolean => error(self) === "insufficient_scope"

/**
 * The challenge of the header that this library acts on: the first `Bearer` challenge, else the first `DPoP` challenge.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromHeader = (header: string | null | undefined): Challenge | undefined => {
  if (header === null || header === undefined) return undefined
  const challenges = parse(header)
  return challenges.find(({ scheme }) => scheme === "bearer") ?? challenges.find(({ scheme }) => scheme === "dpop")
}

/**
 * All challenges of the header, in their order. Several header lines are joined by commas (RFC 9110 §5.3). The parser
 * reads the header once, never throws, and leaves out what does not parse. Of a repeated parameter the first one
 * counts.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Challenge } from "@effect-mcp-auth/core"
 *
 * const [challenge] = Challenge.parse(`Bearer realm="a, b", scope="files:read"`)
 * console.log(challenge?.parameters.get("realm")) // a, b
 * ```
 */
export const parse = (header: string): ReadonlyArray<Challenge> => {
  const challenges: Array<Challenge & { token68: string | undefined; parameters: Map<string, string> }> = []
  const scan = new Scanner(header)
  while (!scan.done) {
    scan.skip(isSpaceOrComma)
    const name = scan.take(isTokenChar).toLowerCase()
    if (name === "") {
      scan.skipElement()
      continue
    }
    // `name =` is a parameter of the current challenge. A token without `=` begins a new challenge.
    const current = challenges.at(-1)
    const afterName = scan.position
    scan.skip(isSpace)
    if (current !== undefined && scan.peek === EQUALS) {
      readParameter(scan, name, current.parameters)
      continue
    }
    scan.position = afterName
    const challenge = { scheme: name, token68: undefined as string | undefined, parameters: new Map<string, string>() }
    if (!isSpace(scan.peek) && !isSpaceOrComma(scan.peek) && !scan.done) {
      scan.skipElement()
      continue
    }
    challenges.push(challenge)
    scan.skip(isSpace)
    challenge.token68 = readToken68(scan)
  }
  return challenges
}

/** A `token68` (RFC 9110 §11.2) reaches to the end of its list element; a parameter does not. */
const readToken68 = (scan: Scanner): string | undefined => {
  const start = scan.position
  const value = scan.take(isToken68Char) + scan.take((code) => code === EQUALS)
  if (value !== "") {
    scan.skip(isSpace)
    if (scan.done || scan.peek === COMMA) return value
  }
  scan.position = start
  return undefined
}

const readParameter = (scan: Scanner, name: string, parameters: Map<string, string>): void => {
  scan.position++
  scan.skip(isSpace)
  // A quoted string may be empty (RFC 9110 §5.6.4), a token may not.
  const value = scan.peek === QUOTE ? scan.takeQuoted() : scan.take(isTokenChar) || undefined
  scan.skip(isSpace)
  const complete = scan.done || scan.peek === COMMA
  if (!complete) scan.skipElement()
  if (complete && value !== undefined && !parameters.has(name)) parameters.set(name, value)
}

const QUOTE = 0x22
const COMMA = 0x2c
const EQUALS = 0x3d
const BACKSLASH = 0x5c

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09
const isSpaceOrComma = (code: number): boolean => isSpace(code) || code === COMMA
const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)

const codesOf = (text: string): ReadonlySet<number> => new Set(Array.from(text, (char) => char.charCodeAt(0)))
const tokenPunctuation = codesOf("!#$%&'*+-.^_`|~")
const token68Punctuation = codesOf("-._~+/")
const isTokenChar = (code: number): boolean => isAlphanumeric(code) || tokenPunctuation.has(code)
const isToken68Char = (code: number): boolean => isAlphanumeric(code) || token68Punctuation.has(code)

/** A position in the header. Its methods only move forwards, so that parsing is linear in the header's length. */
class Scanner {
  readonly text: string
  position = 0

  constructor(text: string) {
    this.text = text
  }

  get done(): boolean {
    return this.position >= this.text.length
  }

  /** The code at the position, `NaN` at the end. */
  get peek(): number {
    return this.text.charCodeAt(this.position)
  }

  skip(accept: (code: number) => boolean): void {
    while (!this.done && accept(this.peek)) this.position++
  }

  take(accept: (code: number) => boolean): string {
    const start = this.position
    this.skip(accept)
    return this.text.slice(start, this.position)
  }

  /** A quoted string without its escapes; `undefined` if its closing quote is missing. */
  takeQuoted(): string | undefined {
    const parts: Array<string> = []
    let start = ++this.position
    while (!this.done) {
      const code = this.peek
      if (code === QUOTE) {
        parts.push(this.text.slice(start, this.position++))
        return parts.join("")
      }
      if (code === BACKSLASH) {
        parts.push(this.text.slice(start, this.position))
        start = ++this.position
      }
      this.position++
    }
    return undefined
  }

  /** Moves to the next comma outside a quoted string. */
  skipElement(): void {
    while (!this.done && this.peek !== COMMA) {
      if (this.peek === QUOTE) this.takeQuoted()
      else this.position++
    }
  }
}

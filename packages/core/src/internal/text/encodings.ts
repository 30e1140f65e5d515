/**
 * A text whose encodings were undone. Every byte of it knows which characters of the original text stand for it.
 *
 * @internal
 */
export interface View {
  /** The bytes of the text in UTF-8, as one character each. */
  readonly bytes: string
  /** The position in the original of the first character that stands for a byte. */
  readonly starts: ReadonlyArray<number>
  /** The position after the last such character. */
  readonly ends: ReadonlyArray<number>
}

/** How often escapes are undone: a text may have been escaped twice on each of two ways. */
const MAX_ROUNDS = 4

/** How often base64 and hexadecimal digits are undone: a secret in base64 may be encoded again as a part of `Basic`. */
const MAX_DEPTH = 2

class Builder {
  bytes = ""
  readonly starts: Array<number> = []
  readonly ends: Array<number> = []

  /** Control characters are left out: encoders break lines where they like. */
  add(bytes: string, start: number, end: number): void {
    for (const byte of bytes) {
      if (byte < " " || byte === "\x7f") continue
      this.bytes += byte
      this.starts.push(start)
      this.ends.push(end)
    }
  }
}

const { fromCharCode, fromCodePoint } = String

const encoder = new TextEncoder()

/** A character in UTF-8. Half of a surrogate pair becomes U+FFFD. */
const utf8 = (character: string): string => character < "\x80" ? character : fromCharCode(...encoder.encode(character))

const formatting = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/**
 * A text as it is, without control and formatting characters.
 *
 * @internal
 */
export const viewOf = (text: string): View => {
  const view = new Builder()
  let at = 0
  for (const character of text) {
    const end = at + character.length
    if (!formatting.test(character)) view.add(utf8(character), at, end)
    at = end
  }
  return view
}

/**
 * A text in Latin-1, as some servers read a secret and some clients write one; `undefined` if Latin-1 lacks one of its
 * characters, or if the text is the same in UTF-8.
 *
 * @internal
 */
export const latin1Of = (text: string): string | undefined =>
  /^[ -ÿ]*$/.test(text) && /[^ -~]/.test(text) ? text : undefined

/** The entities for the characters of ASCII that encoders of HTML escape: each name before its character. */
const entities: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from(
    ("amp&apos'ast*bsol\\colon:comma,commat@dollar$equals=excl!grave`gt>hat^lcub{lowbar_lpar(lsqb[lt<num#percnt%" +
      "period.plus+quest?quot\"rcub}rpar)rsqb]semi;sol/verbar|").matchAll(/([a-z]+)(.)/g),
    ([, name, character]) => [name, character]
  )
)

const percent = "%(?<byte>[0-9a-f]{2})"

const html = [
  "&#x(?<hex>[0-9a-f]{1,8});?",
  String.raw`&#(?<decimal>\d{1,8});?`,
  `&(?<entity>${Object.keys(entities).join("|")});?`
]

/** The escapes of JSON and of similar languages. */
const script = [
  String.raw`\\u(?<high>d[89ab][0-9a-f]{2})\\u(?<low>d[c-f][0-9a-f]{2})`,
  String.raw`\\u(?<unit>[0-9a-f]{4})`,
  String.raw`\\u\{(?<point>[0-9a-f]{1,8})\}`,
  String.raw`\\(?<character>["'\\/])`,
  String.raw`\\[bfnrt]`
]

/** The escapes of JavaScript's function `escape`. */
const oldEscape = [
  "%u(?<high>d[89ab][0-9a-f]{2})%u(?<low>d[c-f][0-9a-f]{2})",
  "%u(?<unit>[0-9a-f]{4})",
  "%(?<latin1>[0-9a-f]{2})"
]

/** A parser of URLs makes a slash of a backslash. */
const scriptInUrl = [
  String.raw`/u(?<highInUrl>d[89ab][0-9a-f]{2})/u(?<lowInUrl>d[c-f][0-9a-f]{2})`,
  "/u(?<unitInUrl>[0-9a-f]{4})",
  String.raw`/(?<characterInUrl>["'/])`
]

/**
 * The ways to undo escapes. Each has a run of its own through a text, because the characters of a secret may look like
 * an escape of another way. The last one undoes mixtures.
 */
const ways: ReadonlyArray<RegExp> = [
  [percent],
  html,
  [...script, String.raw`\\x(?<latin1>[0-9a-f]{2})`],
  oldEscape,
  [...script, ...scriptInUrl, ...html, String.raw`(?:%|\\x)(?<byte>[0-9a-f]{2})`]
].map((escapes) => new RegExp(escapes.join("|"), "gi"))

type Groups = Readonly<Partial<Record<string, string>>>

/** The bytes that an escape stands for. */
const unescaped = (groups: Groups): string => {
  const { byte, decimal, entity, hex, latin1, point } = groups
  if (byte !== undefined) return fromCharCode(Number.parseInt(byte, 16))
  const { character = groups["characterInUrl"], high = groups["highInUrl"], low = groups["lowInUrl"] } = groups
  if (high !== undefined && low !== undefined) {
    return utf8(fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16)))
  }
  const digits = groups["unit"] ?? groups["unitInUrl"] ?? point ?? hex ?? latin1
  const code = digits === undefined ? decimal === undefined ? undefined : Number(decimal) : Number.parseInt(digits, 16)
  if (code !== undefined) return utf8(fromCodePoint(code > 0x10ffff ? 0xfffd : code))
  return character ?? entities[entity?.toLowerCase() ?? ""] ?? ""
}

/** A view with each of its escapes undone once; `undefined` if it has none. */
const unescape = (view: View, escapes: RegExp): View | undefined => {
  const result = new Builder()
  let at = 0
  const copy = (to: number): void => {
    for (; at < to; at++) result.add(view.bytes[at] ?? "", view.starts[at] ?? 0, view.ends[at] ?? 0)
  }
  for (const { 0: escape, groups = {}, index } of view.bytes.matchAll(escapes)) {
    copy(index)
    at = index + escape.length
    result.add(unescaped(groups), view.starts[index] ?? 0, view.ends[at - 1] ?? 0)
  }
  if (at === 0) return undefined
  copy(view.bytes.length)
  return result
}

/**
 * A view, and what it becomes in each way to undo escapes, once, twice and so on. No two results are equal.
 *
 * @internal
 */
export const withoutEscapes = function*(view: View): Generator<View> {
  const seen = new Set([view.bytes])
  yield view
  for (const way of ways) {
    let round = unescape(view, way)
    for (let rounds = 1; round !== undefined && rounds <= MAX_ROUNDS; rounds++) {
      if (!seen.has(round.bytes)) yield round
      seen.add(round.bytes)
      round = unescape(round, way)
    }
  }
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"

/** The value of a digit of base64, and of base64url, whose last two digits are others. */
const base64 = (digit: string): number => {
  const value = base64Digits.indexOf(digit)
  return value < 64 ? value : value - 2
}

const hex = (digit: string): number => Number.parseInt(digit, 16)

/** The bytes of every run of digits in a view. The first digits of each run are skipped. */
const decode = (
  view: View,
  runs: RegExp,
  valueOf: (digit: string) => number,
  bitsOfDigit: number,
  skipped: number
): View => {
  const result = new Builder()
  for (const { 0: run, index } of view.bytes.matchAll(runs)) {
    let bits = 0
    let value = 0
    for (let at = index + skipped; at < index + run.length; at++) {
      value = (value << bitsOfDigit | valueOf(view.bytes[at] ?? "")) & 0xffff
      bits += bitsOfDigit
      if (bits < 8) continue
      bits -= 8
      // A byte has bits of this digit and of the one before.
      result.add(fromCharCode(value >> bits & 0xff), view.starts[at - 1] ?? 0, view.ends[at] ?? 0)
    }
    // Secrets do not reach from one run into the next.
    result.bytes += "\0"
    result.starts.push(view.starts[index] ?? 0)
    result.ends.push(view.starts[index] ?? 0)
  }
  return result
}

/** Reads a view as base64 and as hexadecimal digits, at every place where the encoded text may begin. */
const decoded = (view: View): ReadonlyArray<View> => [
  ...[0, 1, 2, 3].map((skipped) => decode(view, /[\w+/-]{6,}/g, base64, 6, skipped)),
  ...[0, 1].map((skipped) => decode(view, /[0-9a-f]{8,}/gi, hex, 4, skipped))
]

/**
 * A text as it is, and with its encodings undone in every order: escapes of URLs, forms, HTML and JSON up to four times,
 * base64, base64url and hexadecimal digits twice, at any alignment.
 *
 * @internal
 */
export const views = function*(view: View, depth: number = MAX_DEPTH): Generator<View> {
  for (const round of withoutEscapes(view)) {
    if (round.bytes === "") continue
    yield round
    if (depth > 0) { for (const inner of decoded(round)) yield* views(inner, depth - 1) }
  }
}

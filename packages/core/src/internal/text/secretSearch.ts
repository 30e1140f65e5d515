import { latin1Of, type View, viewOf, views, withoutEscapes } from "./encodings.ts"

/** The shortest part of a secret that is found, in characters. A shorter part says little, and stands in many words. */
const WINDOW = 8

/** The shortest secret that is looked for, in characters. A shorter one is a part of many words. */
const MIN_SECRET = 4

/** A longer secret is known by its beginning, in characters. No server accepts a header of that length. */
const MAX_SECRET = 16 * 1024

/** The texts to search for, all of them folded. */
interface Needles {
  /** Every part of a secret that is `WINDOW` bytes long. */
  readonly windows: ReadonlySet<string>
  /** The secrets that are shorter than a window. */
  readonly short: ReadonlyArray<string>
  /** All secrets, as they are and without their escapes. */
  readonly whole: ReadonlyArray<string>
}

/**
 * Makes texts comparable that differ in the case of ASCII letters alone, or in characters that decoders mix up: a plus
 * is a space in forms, and a parser of URLs makes a slash of a backslash.
 */
const fold = (bytes: string): string => bytes.toLowerCase().replaceAll("+", " ").replaceAll("\\", "/")

const needlesOf = (secrets: Iterable<string>): Needles => {
  const windows = new Set<string>()
  const short = new Set<string>()
  const whole = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET) continue
    const hasWindows = Array.from(secret.slice(0, 2 * WINDOW)).length >= WINDOW
    for (const spelling of spellingsOf(secret.slice(0, MAX_SECRET))) {
      const folded = fold(spelling)
      if (folded.length < MIN_SECRET) continue
      whole.add(folded)
      if (!hasWindows || folded.length < WINDOW) short.add(folded)
      else for (let at = 0; at + WINDOW <= folded.length; at++) windows.add(folded.slice(at, at + WINDOW))
    }
  }
  return { windows, short: [...short], whole: [...whole] }
}

/**
 * The bytes of a secret in UTF-8 and in Latin-1, and without what looks like an escape in it: a program that decodes an
 * echo of the secret may decode that as well.
 */
const spellingsOf = (secret: string): ReadonlyArray<string> => {
  const latin1 = latin1Of(secret)
  return [
    ...Array.from(withoutEscapes(viewOf(secret)), ({ bytes }) => bytes),
    ...(latin1 === undefined ? [] : [latin1])
  ]
}

/** Calls back with the parts of a view that are secret, each as the first byte and the one after the last. */
const parts = (view: View, { short, windows }: Needles, found: (from: number, to: number) => void): void => {
  const folded = fold(view.bytes)
  if (windows.size > 0) {
    for (let at = 0; at + WINDOW <= folded.length; at++) {
      if (windows.has(folded.slice(at, at + WINDOW))) found(at, at + WINDOW)
    }
  }
  for (const secret of short) {
    for (let at = folded.indexOf(secret); at !== -1; at = folded.indexOf(secret, at + 1)) found(at, at + secret.length)
  }
}

/**
 * The length of the longest end of a text with which a secret begins. Knuth, Morris and Pratt's table of borders keeps
 * the work linear.
 */
const begunBy = (text: string, secret: string): number => {
  const length = Math.min(text.length, secret.length)
  // No byte has this character, so that no border is longer than the text.
  const joined = `${secret.slice(0, length)}\u0100${text.slice(text.length - length)}`
  const borders = new Uint32Array(joined.length)
  for (let at = 1; at < joined.length; at++) {
    let border = borders[at - 1] ?? 0
    while (border > 0 && joined[at] !== joined[border]) border = borders[border - 1] ?? 0
    borders[at] = joined[at] === joined[border] ? border + 1 : 0
  }
  return borders.at(-1) ?? 0
}

/** The position in the text at which a secret begins that reaches the end; the length of the text if there is none. */
const beginning = (text: string, { whole }: Needles): number => {
  let first = text.length
  for (const view of withoutEscapes(viewOf(text))) {
    const folded = fold(view.bytes)
    const longest = whole.reduce((longest, secret) => Math.max(longest, begunBy(folded, secret)), 0)
    first = Math.min(first, view.starts[folded.length - longest] ?? text.length)
  }
  return first
}

/** Half an escape at the end of a text that was cut there. */
const halfEscape = /(?:%(?:25)*[0-9a-f]?|&[#\w]{0,8}|[\\/]u?[0-9a-f]{0,3})$/i

/**
 * The position in a text that was cut at its end at which the beginning of a secret stands there; the length of the
 * text if none does.
 *
 * @internal
 */
export const positionOfBegun = (text: string, secrets: Iterable<string>): number => {
  const needles = needlesOf(secrets)
  const found = beginning(text, needles)
  if (found < text.length) return found
  const shorter = text.replace(halfEscape, "")
  const before = shorter.length === text.length ? found : beginning(shorter, needles)
  return before < shorter.length ? before : text.length
}

/**
 * Finds secrets in a text: each part of 8 characters and more, and whole if the secret is shorter, as it is or in any
 * encoding that `views` undoes. A secret of fewer than 4 characters is not looked for.
 *
 * The work is linear in the length of the text, so the caller cuts the text first, and linear in that of the secrets.
 *
 * @param isCut whether the end of the text may be the beginning of a secret
 *
 * @returns for each character of the text whether it is a part of a secret
 *
 * @internal
 */
export const searchSecrets = (text: string, secrets: Iterable<string>, isCut = false): Uint8Array => {
  const hidden = new Uint8Array(text.length)
  const given = [...secrets]
  const needles = needlesOf(given)
  if (needles.whole.length === 0) return hidden
  for (const view of views(viewOf(text))) {
    parts(view, needles, (from, to) => hidden.fill(1, view.starts[from], view.ends[to - 1]))
  }
  return isCut ? hidden.fill(1, positionOfBegun(text, given)) : hidden
}

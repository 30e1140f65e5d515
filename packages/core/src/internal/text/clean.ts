import { registeredCodes } from "./errorCodes.ts"
import { positionOfBegun, searchSecrets } from "./secretSearch.ts"

/** The longest text from outside in an error message, in characters. */
const MAX_LENGTH = 200

/** How much of a text is read, in characters. */
const MAX_READ = 64 * 1024

/** How much of a text is searched for secrets, in characters: several times as much as is shown. */
const MAX_SEARCHED = 1024

/**
 * A JWT, whole or cut, anywhere in a text: every JWT begins with the `{"` of its header. A search for a known JWT would
 * miss its parts.
 */
const jwt = /eyJ[\w-]{5,}(?:\.[\w-]*)*/g

/** Characters that change how a terminal or an editor shows a text, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu

const REDACTED = "<redacted>"

/** A mark in place of a JWT. No text has it, since it is a control character. */
const JWT_MARK = "\0"

/**
 * Makes text from outside fit for an error message or a log line: one line of at most 200 characters, without control
 * and formatting characters, without JWTs, and without the given secrets and their parts of 8 characters and more, in
 * any encoding in which the other side may repeat them. Registered error codes stay whole, although a secret such as
 * `client` is a part of them.
 *
 * Nothing finds a secret that a server disguises on purpose, for example by reversing or encrypting it: such a server
 * has the secret already, and can publish it anywhere.
 *
 * @internal
 */
export const clean = (text: string, secrets: Iterable<string> = []): string => {
  // The line break is a mark: the search for secrets ignores it.
  const line = text.slice(0, MAX_READ).replace(unprintable, "\n").trim().replace(jwt, JWT_MARK)
  const searched = line.slice(0, MAX_SEARCHED)
  const hidden = searchSecrets(searched, secrets, text.length > MAX_READ || line.length > MAX_SEARCHED)
  const shown = withoutHidden(searched, hidden).replaceAll(JWT_MARK, REDACTED).replace(unprintable, " ").trim()
  return shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH).replace(/\p{Cs}$/u, "")}…` : shown
}

/** The longest text from which secrets are removed and that is not cut, in characters: more than a header has. */
const MAX_KEPT = 16 * 1024

/**
 * A text without the given secrets in any encoding, for programs: the text has all of its other characters, and is cut
 * after 16,384 characters.
 *
 * @internal
 */
export const withoutSecrets = (text: string, secrets: Iterable<string>): string => {
  const kept = text.slice(0, MAX_KEPT)
  return withoutHidden(kept, searchSecrets(kept, secrets, text.length > MAX_KEPT))
}

/**
 * Makes one line of a text without control and formatting characters, however long the text is. For the messages of
 * errors and for names, whose parts from outside are cut and cleaned already where they come from a server.
 *
 * @internal
 */
export const oneLine = (text: string): string => text.replace(unprintable, " ")

const codeWord = new RegExp(`\\b(?:${[...registeredCodes].join("|")})\\b`, "g")

/** Replaces each hidden part, unless it lies within a registered error code. */
const withoutHidden = (text: string, hidden: Uint8Array): string => {
  for (const { 0: code, index } of text.matchAll(codeWord)) {
    const end = index + code.length
    if (hidden[index - 1] !== 1 && hidden[end] !== 1) hidden.fill(0, index, end)
  }
  let result = ""
  for (let at = 0; at < text.length; at++) {
    if (hidden[at] !== 1) result += text[at]
    else if (hidden[at - 1] !== 1) result += REDACTED
  }
  return result
}

/**
 * `clean`, in double quotes.
 *
 * @internal
 */
export const quote = (text: string): string => `"${clean(text)}"`

/**
 * Removes the beginning of a secret from the end of a text that was cut there. `clean` finds parts of 8 characters and
 * more.
 *
 * @internal
 */
export const withoutBegun = (text: string, secrets: Iterable<string>): string =>
  text.slice(0, positionOfBegun(text, secrets))

/**
 * A text in the encoding of a form (RFC 6749 appendix B).
 *
 * @internal
 */
export const formEncode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1)

/**
 * The checks of options that are texts or secrets. For authors of providers.
 *
 * The value may come from JavaScript, from a variable that is not set, or from a file, so that no compiler has checked
 * it.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { clean } from "../internal/text/clean.ts"
import { InvalidOptions } from "../OAuthError.ts"
import { nameOf, parse } from "./SecureEndpoint.ts"

/**
 * A text that is sent as it is: not empty, no control character, no byte order mark, no line break at the end.
 *
 * @param give what to do about an empty text, as a sentence
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
 *
 * export const tenantOf = (options: { readonly tenant: string }) => TextOption.check("tenant", options.tenant)
 * ```
 */
export const check = (
  option: string,
  value: unknown,
  give = "Give its value."
): Either.Either<string, InvalidOptions> => {
  const fault = typeof value === "string" ? faultOf(value, give) : `it is ${kindOf(value)}. ${adviceOn(value)}`
  return fault === undefined ? Either.right(String(value)) : invalid(option, fault)
}

/**
 * `check` for an option that may be left out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const checkOptional = (
  option: string,
  value: unknown,
  give?: string
): Either.Either<string | undefined, InvalidOptions> =>
  value === undefined ? Either.right(undefined) : check(option, value, give)

/**
 * `check` for a secret. No error shows the secret.
 *
 * @since 0.1.0
 * @category constructors
 */
export const checkSecret = (
  option: string,
  value: unknown,
  give?: string
): Either.Either<Redacted.Redacted<string>, InvalidOptions> => {
  const fault = faultOfSecret(value, give)
  return fault === undefined && isRedactedText(value) ? Either.right(value) : invalid(option, fault ?? "")
}

/**
 * The fault of a value that must be a secret, as a sentence after a colon; `undefined` if the value is a usable secret.
 *
 * @since 0.1.0
 * @category getters
 */
export const faultOfSecret = (value: unknown, give = "Give the secret."): string | undefined =>
  isRedactedText(value) ? faultOf(Redacted.value(value), give) : faultOfWrapping(value)

/**
 * `faultOfSecret` for a secret whose text has another check: only the fault of a value that is no text in `Redacted`.
 *
 * @since 0.1.0
 * @category getters
 */
export const faultOfWrapping = (value: unknown): string | undefined => {
  if (isRedactedText(value)) return undefined
  if (typeof value === "string") return "it is a plain string. Wrap it in `Redacted.make`."
  if (!Redacted.isRedacted(value)) return `it is ${kindOf(value)}. ${adviceOn(value)}`
  const content = contentOf(value)
  return `its \`Redacted\` holds ${kindOf(content)}. ${adviceOn(content)}`
}

/**
 * The options as a whole, which a caller in JavaScript may have forgotten.
 *
 * @since 0.1.0
 * @category constructors
 */
export const checkOptions = (options: unknown): Either.Either<void, InvalidOptions> =>
  typeof options === "object" && options !== null
    ? Either.right(undefined)
    : invalid("options", `it is ${kindOf(options)}. Give an object with the options.`)

/**
 * `check` for an option with a few fixed values.
 *
 * @since 0.1.0
 * @category constructors
 */
export const checkOneOf = <const A extends string>(
  option: string,
  value: unknown,
  allowed: ReadonlyArray<A>
): Either.Either<A, InvalidOptions> => {
  const found = allowed.find((one) => one === value)
  if (found !== undefined) return Either.right(found)
  const what = typeof value === "string" ? `"${clean(value)}"` : kindOf(value)
  const unset = Predicate.isNullable(value) ? " If it comes from a variable, check that the variable is set." : ""
  return invalid(option, `${what} is not one of the allowed values. Write ${listOf(allowed)}.${unset}`)
}

/**
 * `check` for an option that may be left out and is an array of texts.
 *
 * @param entry what each entry is, such as `scope`
 * @param faultOfEntry the fault of an entry, as a sentence after a colon; `undefined` if the entry is right
 *
 * @internal
 */
export const checkList = (
  option: string,
  value: unknown,
  entry: string,
  faultOfEntry: (text: string) => string | undefined
): Either.Either<ReadonlyArray<string>, InvalidOptions> => {
  if (value === undefined) return Either.right([])
  if (!Array.isArray(value)) {
    return invalid(option, `it is ${kindOf(value)}. Give an array with one ${entry} per entry, or leave it out.`)
  }
  // The copy has an entry in place of each hole.
  const entries = Array.from<unknown>(value)
  for (const one of entries) {
    const fault = typeof one === "string" ? faultOfEntry(one) : `one of its entries is ${kindOf(one)}. ${adviceOn(one)}`
    if (fault !== undefined) return invalid(option, fault)
  }
  return Either.right(entries.filter(Predicate.isString))
}

/**
 * `check` for an option with a few fixed values, or `{ value: "…" }`.
 *
 * @internal
 */
export const checkChoice = (
  option: string,
  choice: unknown,
  allowed: readonly [string, string]
): Either.Either<unknown, InvalidOptions> => {
  if (choice === undefined || allowed.some((one) => one === choice)) return Either.right(choice)
  return isFields(choice) && "value" in choice
    ? check(option, choice["value"])
    : invalid(
      option,
      `it is none of the allowed values. Write ${allowed.map((one) => `"${one}"`).join(", ")} or { value: "…" }.`
    )
}

/**
 * Whether a value is an object with fields, and neither an array nor a secret.
 *
 * @internal
 */
export const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isRecord(value) && !Redacted.isRedacted(value)

/**
 * The kind of a value in an error message, which never shows the value itself.
 *
 * @since 0.1.0
 * @category getters
 */
export const kindOf = (value: unknown): string => {
  if (value === undefined || value === null) return String(value)
  if (Array.isArray(value)) return "an array"
  if (Redacted.isRedacted(value)) return "a `Redacted`"
  return typeof value === "object" ? "an object" : `a ${typeof value}`
}

/**
 * The advice about a value of the wrong kind, as a sentence.
 *
 * @since 0.1.0
 * @category getters
 */
export const adviceOn = (value: unknown): string =>
  Predicate.isNullable(value)
    ? "Give a value; if it comes from a variable, check that the variable is set."
    : Redacted.isRedacted(value)
    ? "Give the text itself: `Redacted` is for secrets."
    : "Give a string."

/**
 * A text that should have been a URL, as error messages show it: without user name, password, query and fragment.
 *
 * @since 0.1.0
 * @category getters
 */
export const quoteUrl = (written: string): string => {
  const url = parse(written)
  if (url !== undefined && isHttp(url)) return `"${clean(nameOf(url))}"`
  // The part before an `@` may be a password, and so may any other part where the text is no URL.
  return written.includes("@")
    ? "the text (not shown here, because a text with \"@\" may hold a password)"
    : `"${clean(written.replace(/[?#].*/s, ""))}"`
}

/**
 * A URL that a caller has written.
 *
 * @param parse reads the text; `undefined` if it is not such a URL. A URL of another scheme is a forgotten one, as in
 *   `localhost:8080` or `user:password@host`
 * @param fault the rest of the sentence that begins with the text
 *
 * @internal
 */
export const checkUrl = (
  option: string,
  written: string,
  parse: (text: string) => URL | undefined,
  fault: string
): Either.Either<URL, InvalidOptions> => {
  const url = parse(written)
  return url !== undefined && isHttp(url) ? Either.right(url) : invalid(option, `${quoteUrl(written)} ${fault}`)
}

const isHttp = ({ protocol }: URL): boolean => protocol === "https:" || protocol === "http:"

/**
 * The failure of an option that is wrong.
 *
 * @internal
 */
export const invalid = (option: string, description: string): Either.Either<never, InvalidOptions> =>
  Either.left(new InvalidOptions({ option, description }))

/** A wiped `Redacted` has no content any more. */
const contentOf = (value: Redacted.Redacted<unknown>): unknown =>
  Either.getOrUndefined(Either.try(() => Redacted.value(value)))

const isRedactedText = (value: unknown): value is Redacted.Redacted<string> =>
  Redacted.isRedacted(value) && typeof contentOf(value) === "string"

const control = /\p{Cc}/u

/** Half of a surrogate pair, which UTF-8 cannot encode. */
const unpaired = /\p{Cs}/u

const faultOf = (text: string, give: string): string | undefined => {
  if (text.trim() === "") return `it is empty. ${give}`
  if (/[\r\n]$/.test(text)) {
    return "it ends with a line break, as a text from a file does. Take the line break off the end."
  }
  if (text.includes("\ufeff")) {
    return "it holds a byte order mark (U+FEFF), as a file of Windows does. Save the file as UTF-8 without one."
  }
  if (control.test(text)) {
    return "it holds a control character, such as a line break or a tab. Check how the value was copied or read."
  }
  return unpaired.test(text) ? "it is not valid Unicode. Check how the value was read." : undefined
}

const listOf = (values: ReadonlyArray<string>): string => {
  const quoted = values.map((value) => `"${value}"`)
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`
}

/**
 * `WWW-Authenticate` headers by the grammar of RFC 9110 §11: what each one means, and one of the many ways to write it.
 */
import * as FastCheck from "effect/FastCheck"

/** A challenge as a reader should understand it. Of a repeated parameter the first one counts. */
export interface Meaning {
  readonly scheme: string
  readonly token68: string | undefined
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>
}

export interface Written {
  readonly header: string
  readonly meaning: ReadonlyArray<Meaning>
}

interface Parameter {
  readonly name: string
  readonly value: string
  readonly written: string
}

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

const tokenOf = (characters: string): FastCheck.Arbitrary<string> =>
  FastCheck.string({ unit: FastCheck.constantFrom(...characters.split("")), minLength: 1, maxLength: 10 })

/** `token` of RFC 9110 §5.6.2. */
const token = tokenOf(tokenChars)

const scheme = FastCheck.oneof(
  FastCheck.constantFrom("Bearer", "bearer", "BEARER", "DPoP", "Basic", "Negotiate"),
  token
)

const name = FastCheck.oneof(
  FastCheck.constantFrom(
    "resource_metadata",
    "Resource_Metadata",
    "scope",
    "error",
    "ERROR_DESCRIPTION",
    "realm",
    "__proto__"
  ),
  token
)

/** `token68` (RFC 9110 §11.2). */
const token68 = FastCheck.tuple(
  FastCheck.string({ unit: FastCheck.constantFrom(..."abcXYZ059-._~+/".split("")), minLength: 1, maxLength: 20 }),
  FastCheck.constantFrom("", "=", "==")
).map(([text, padding]) => text + padding)

/** Optional white space: OWS and BWS (RFC 9110 §5.6.3). */
const space = FastCheck.constantFrom("", "", "", " ", "\t", " \t ")

/** A comma and the empty elements around it (RFC 9110 §5.6.1.2). */
const comma = FastCheck.constantFrom(",", ", ", " ,", " ,\t", ",,", ", , ", ",\t,")

/** The value of a quoted string: any text, and text that looks like syntax. */
const text = FastCheck.oneof(
  FastCheck.string({ unit: "binary", maxLength: 12 }),
  FastCheck.string({ unit: "grapheme", maxLength: 12 }),
  FastCheck.array(FastCheck.constantFrom(",", "\"", "\\", "=", " ", "\t", "Bearer a=b", "'", ";", "x"), {
    maxLength: 6
  })
    .map((pieces) => pieces.join(""))
)

/** A quoted string. `escapes` says which characters are escaped although they need not be. */
const quoted = (value: string, escapes: ReadonlyArray<boolean>): string => {
  const characters = value.split("").map((character, index) =>
    character === "\"" || character === "\\" || escapes[index] === true ? `\\${character}` : character
  )
  return `"${characters.join("")}"`
}

const value = FastCheck.oneof(
  // A value in single quotes is read as a quoted string, which is one of the lenient forms.
  token.filter((text) => !text.startsWith("'")).map((value) => ({ value, written: value })),
  FastCheck.tuple(text, FastCheck.array(FastCheck.boolean(), { maxLength: 12 }))
    .map(([value, escapes]) => ({ value, written: quoted(value, escapes) }))
)

const parameter: FastCheck.Arbitrary<Parameter> = FastCheck.tuple(name, space, space, value)
  .map(([name, before, after, { value, written }]) => ({ name, value, written: `${name}${before}=${after}${written}` }))

const first = (parameters: ReadonlyArray<Parameter>): Meaning["parameters"] => {
  const seen = new Map<string, string>()
  for (const { name, value } of parameters) {
    if (!seen.has(name.toLowerCase())) seen.set(name.toLowerCase(), value)
  }
  return [...seen]
}

/** Texts joined by separators, the last of which is left over. */
const joined = (texts: ReadonlyArray<string>, separators: ReadonlyArray<string>): string =>
  texts.map((text, index) => index === 0 ? text : `${separators[index % separators.length] ?? ","}${text}`).join("")

const commas = FastCheck.array(comma, { minLength: 1, maxLength: 4 })

interface OneChallenge {
  readonly meaning: Meaning
  readonly written: string
}

const challenge: FastCheck.Arbitrary<OneChallenge> = FastCheck.oneof(
  FastCheck.tuple(scheme, FastCheck.constantFrom(" ", "  "), token68).map(([scheme, gap, token68]) => ({
    meaning: { scheme: scheme.toLowerCase(), token68, parameters: [] },
    written: `${scheme}${gap}${token68}`
  })),
  FastCheck.tuple(
    scheme,
    FastCheck.constantFrom(" ", "  ", "   "),
    FastCheck.array(parameter, { maxLength: 5 }),
    commas
  ).map(([scheme, gap, parameters, commas]) => ({
    meaning: { scheme: scheme.toLowerCase(), token68: undefined, parameters: first(parameters) },
    written: parameters.length === 0
      ? scheme
      : `${scheme}${gap}${joined(parameters.map(({ written }) => written), commas)}`
  }))
)

/** A header that keeps to the grammar, perhaps of several lines, which are joined by commas (RFC 9110 §5.3). */
export const validHeader: FastCheck.Arbitrary<Written> = FastCheck.tuple(
  FastCheck.array(challenge, { maxLength: 4 }),
  commas,
  FastCheck.constantFrom("", ",", " ", ", ,"),
  FastCheck.constantFrom("", ",", " ", " ,, ")
).map(([challenges, commas, before, after]) => ({
  header: before + joined(challenges.map(({ written }) => written), commas) + after,
  meaning: challenges.map(({ meaning }) => meaning)
}))

// ---- forms that break the grammar and can mean only one thing
// ---------------------------------------------------------------------------------------------------------------------

/** An address as servers write it without quotes. */
const address = FastCheck.webUrl({ withQueryParameters: true, validSchemes: ["https"] })
  .filter((url) => /^[\w!#$%&'*+\-.^`|~:/?@=()[\]{}]+$/.test(url))

/** A text that one may write in single quotes. */
const plainText = FastCheck.string({
  unit: FastCheck.constantFrom(..."abcXYZ019 ,;:=/?&.-_ü".split("")),
  maxLength: 12
})

const lenientValue = FastCheck.oneof(
  address.map((value) => ({ value, written: value })),
  FastCheck.tuple(token, token).map(([a, b]) => `${a}:${b}`).filter((text) => !text.startsWith("'"))
    .map((value) => ({ value, written: value })),
  FastCheck.oneof(address.filter((url) => !url.includes("'")), plainText)
    .map((value) => ({ value, written: `'${value}'` })),
  FastCheck.oneof(address, plainText).map((value) => ({ value, written: `\\"${value}\\"` })),
  value
)

/** A name that is no scheme of its own, so that a list has one reading. */
const plainName = tokenOf("abcdefghijklmnopqrstuvwxyz_ABC").filter((name) => !/^(basic|digest|ntlm)$/i.test(name))

const lenientParameter: FastCheck.Arbitrary<Parameter> = FastCheck.tuple(plainName, lenientValue)
  .map(([name, { value, written }]) => ({ name, value, written: `${name}=${written}` }))

/** White space in place of commas, semicolons after quotes, and commas. */
const separator = FastCheck.constantFrom(" ", "  ", "\t", ", ", ",", " , ")

/**
 * One challenge with values without quotes, in single quotes or in escaped quotes, which are separated by commas or
 * white space.
 */
export const lenientHeader: FastCheck.Arbitrary<Written> = FastCheck.tuple(
  FastCheck.constantFrom("Bearer", "bearer", "DPoP"),
  FastCheck.constantFrom(" ", ": ", ", ", "  "),
  FastCheck.array(lenientParameter, { minLength: 1, maxLength: 5 }),
  FastCheck.array(separator, { minLength: 1, maxLength: 5 }),
  FastCheck.constantFrom("", ",", " ")
).map(([scheme, gap, parameters, separators, after]) => ({
  header: `${scheme}${gap}${joined(parameters.map(({ written }) => written), separators)}${after}`,
  meaning: [{ scheme: scheme.toLowerCase(), token68: undefined, parameters: first(parameters) }]
}))

/** Texts that a parser of challenges could stumble over. */
export const pieces: ReadonlyArray<string> = [
  "\"",
  "\\",
  ",",
  "=",
  " ",
  "\t",
  "'",
  ";",
  ":",
  "\\\"",
  "Bearer",
  "DPoP ",
  "a=b",
  "scope=",
  "resource_metadata=https://a.test/",
  "abc==",
  "é",
  "\ud800",
  "\0",
  "\r\n"
]

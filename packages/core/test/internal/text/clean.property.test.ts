import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Buffer } from "node:buffer"
import { clean } from "../../../src/internal/text/clean.ts"

type Encoding = (text: string) => string

const characters = (text: string): ReadonlyArray<string> => Array.from(text)

const each = (encode: Encoding): Encoding => (text) => characters(text).map(encode).join("")

const bytes = (text: string): ReadonlyArray<number> => [...Buffer.from(text, "utf8")]

const units = (text: string): ReadonlyArray<number> =>
  Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))

const digits = (value: number, length: number): string => value.toString(16).padStart(length, "0")

const form: Encoding = (text) => new URLSearchParams([["", text]]).toString().slice(1)
const percentAll: Encoding = (text) => bytes(text).map((byte) => `%${digits(byte, 2)}`).join("")
const named: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", "\"": "quot", "'": "apos" }
const percentLatin1: Encoding = (text) =>
  /^[ -ÿ]*$/.test(text) ? [...Buffer.from(text, "latin1")].map((byte) => `%${digits(byte, 2)}`).join("") : text
const htmlNamed = each((one) => named[one] === undefined ? one : `&${named[one]};`)
const htmlDecimal = each((one) => /\w/.test(one) ? one : `&#${one.codePointAt(0)};`)
const htmlHex = each((one) => /\w/.test(one) ? one : `&#x${one.codePointAt(0)?.toString(16).toUpperCase()};`)
const unicode: Encoding = (text) => units(text).map((unit) => `\\u${digits(unit, 4)}`).join("")
const ascii = each((one) => /[ -~]/.test(one) ? one : unicode(one))
const json: Encoding = (text) => JSON.stringify(text).slice(1, -1)
const php: Encoding = (text) => ascii(json(text)).replaceAll("/", "\\/")
const javaScript: Encoding = (text) =>
  units(text).map((unit) => unit < 256 ? `\\x${digits(unit, 2)}` : unicode(String.fromCharCode(unit))).join("")
const python = each((one) => `\\u{${one.codePointAt(0)?.toString(16)}}`)
const oldEscape: Encoding = (text) =>
  units(text).map((unit) => unit < 256 ? `%${digits(unit, 2)}` : `%u${digits(unit, 4)}`).join("")
const mixed: Encoding = (text) =>
  characters(text).map((one, index) => [percentAll, unicode, htmlHex, encodeURIComponent][index % 4]?.(one)).join("")
const upperHex: Encoding = (text) => text.replaceAll(/%[0-9a-f]{2}/g, (escape) => escape.toUpperCase())

/** Encodings that write each character by itself, so that a part of a secret is a part of the encoded secret. */
const byCharacter: ReadonlyArray<readonly [name: string, encode: Encoding]> = [
  ["as it is", (text) => text],
  ["in upper case", each((one) => /[a-z]/.test(one) ? one.toUpperCase() : one)],
  ["in lower case", each((one) => /[A-Z]/.test(one) ? one.toLowerCase() : one)],
  ["percent-encoded", encodeURIComponent],
  ["percent-encoded in lower case", each((one) => encodeURIComponent(one).toLowerCase())],
  ["percent-encoded, each byte", percentAll],
  ["percent-encoded, each byte in upper case", (text) => upperHex(percentAll(text))],
  ["percent-encoded twice", (text) => encodeURIComponent(encodeURIComponent(text))],
  ["percent-encoded three times", (text) => encodeURIComponent(encodeURIComponent(encodeURIComponent(text)))],
  ["percent-encoded as a whole URL", encodeURI],
  ["form-encoded", form],
  ["form-encoded and then percent-encoded", (text) => encodeURIComponent(form(text))],
  ["escaped for HTML by names", htmlNamed],
  ["escaped for HTML in decimal digits", htmlDecimal],
  ["escaped for HTML in hexadecimal digits", htmlHex],
  ["escaped for HTML twice", (text) => htmlNamed(htmlNamed(text))],
  [
    "escaped for HTML, some characters by names and some by numbers",
    (text) => htmlNamed(text).replaceAll("'", "&#39;").replaceAll("/", "&#x2F;")
  ],
  ["escaped for HTML within a URL", (text) => encodeURIComponent(htmlDecimal(text))],
  ["as \\u", unicode],
  ["as \\u in upper case", (text) => unicode(text).replaceAll(/[a-f]/g, (digit) => digit.toUpperCase())],
  ["as \\u{}", python],
  ["as \\x", javaScript],
  ["as \\x of its bytes", (text) => bytes(text).map((byte) => `\\x${digits(byte, 2)}`).join("")],
  ["percent-encoded in Latin-1", (text) => percentLatin1(text)],
  ["as %u", oldEscape],
  ["as JSON", json],
  ["as JSON in ASCII", (text) => ascii(json(text))],
  ["as JSON with escaped slashes", php],
  ["as JSON in JSON", (text) => json(php(text))],
  ["in a mixture of escapes", mixed],
  ["in hexadecimal digits", (text) => Buffer.from(text).toString("hex")],
  ["in hexadecimal digits, in upper case", (text) => Buffer.from(text).toString("hex").toUpperCase()]
]

const base64 = (text: string): string => Buffer.from(text).toString("base64")

/** Encodings that write several characters together. Each also takes the text before the secret. */
const together: ReadonlyArray<readonly [name: string, encode: Encoding]> = [
  ["base64", base64],
  ["base64 without padding", (text) => base64(text).replace(/=+$/, "")],
  ["base64url", (text) => Buffer.from(text).toString("base64url")],
  ["base64 of its form-encoding, as in Basic", (text) => base64(form(text))],
  ["base64 in base64", (text) => base64(base64(text))],
  ["base64 in lines", (text) => base64(text).replaceAll(/.{12}/g, "$&\r\n")],
  ["base64, percent-encoded", (text) => encodeURIComponent(base64(text))],
  ["base64 of hexadecimal digits", (text) => base64(Buffer.from(text).toString("hex"))],
  ["hexadecimal digits of base64", (text) => Buffer.from(base64(text)).toString("hex")]
]

/**
 * Everything that Node.js decodes from a text, up to three times: a reader who has the cleaned text alone would do that.
 */
const decodings = (text: string, depth = 3): ReadonlyArray<string> => {
  if (depth === 0) return [text]
  const runs = text.replaceAll(/[\r\n]| (?=[\w+/]{12})/g, "").match(/[\w+/-]{4,}/g) ?? []
  const inner = runs.flatMap((run) => [
    ...[0, 1, 2, 3].map((skipped) => Buffer.from(run.slice(skipped), "base64").toString("utf8")),
    ...[0, 1].map((skipped) => Buffer.from(run.slice(skipped), "hex").toString("utf8"))
  ])
  const url = text.replaceAll(
    /(?:%[0-9a-f]{2})+/gi,
    (escapes) => Buffer.from(escapes.replaceAll("%", ""), "hex").toString()
  )
  return [
    text,
    ...(url === text ? [] : decodings(url, depth - 1)),
    ...(text.includes("+") ? [url.replaceAll("+", " ")] : []),
    ...inner.flatMap((one) => decodings(one, depth - 1))
  ]
}

const windows = (text: string): ReadonlyArray<string> => {
  const all = characters(text)
  return all.slice(7).map((_, at) => all.slice(at, at + 8).join(""))
}

/**
 * Parts of a secret that tests can tell from the words around it. Characters that are one after folding, and escapes
 * within the secret, have tests of their own.
 */
const secret = fc.string({
  unit: fc.constantFrom(..."abcxyzABCXYZ012789-._~+/=&%<>\"'!$()*,:;?@[]{}|ü€漢𝄞 ".split(/(?:)/u)),
  minLength: 8,
  maxLength: 60
}).filter((text) => text.trim() === text && characters(text).length >= 8)

const word = fc.constantFrom("", " ", "no ", "client_secret=", "id:", "\"", "a?b=", "zz", "ÿ")

/** A part of a secret of at least 8 characters. */
const part = fc.tuple(secret, fc.nat(), fc.nat()).map(([text, from, length]) => {
  const all = characters(text)
  const start = from % (all.length - 7)
  return { secret: text, part: all.slice(start, start + 8 + length % (all.length - 7 - start)).join("") }
})

describe("no part of a secret of 8 characters and more survives", () => {
  it.each(byCharacter)("%s", (_, encode) => {
    fc.assert(
      fc.property(part, word, word, ({ part, secret }, before, after) => {
        const result = clean(`${before}${encode(part)}${after}`, ["another-secret", secret])
        for (const window of windows(part)) expect(result).not.toContain(encode(window))
      }),
      { numRuns: 300 }
    )
  })
})

describe("no part of a secret of 8 characters and more survives in", () => {
  it.each(together)("%s, at any alignment, before and after an id", (_, encode) => {
    fc.assert(
      fc.property(part, word, word, ({ part, secret }, before, after) => {
        const text = encode(`${before}${part}${after}`)
        const result = clean(`Basic ${text}`, ["another-secret", secret])
        expect(decodings(result).filter((decoded) => windows(part).some((window) => decoded.includes(window)))).toEqual(
          []
        )
      }),
      { numRuns: 300 }
    )
  })
})

import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Encoding, Redacted } from "effect"
import * as fc from "effect/FastCheck"
import { jwtVerify } from "jose"
import { createPrivateKey } from "node:crypto"
import { importKey, keyIdOf } from "../../../src/internal/signing/importKey.ts"
import { readKey } from "../../../src/internal/signing/readKey.ts"
import type { SigningKey } from "../../../src/index.ts"
import { asPem, bodyOf, type Pair, pair } from "../../support/keys.ts"
import { effectProperty } from "../../support/property.ts"

const certificate = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n"
const attributes = "Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n"

/** The spellings of a text with line breaks in files, variables and stores. */
const spellings: Readonly<Record<string, (pem: string) => string>> = {
  "as it is": (pem) => pem,
  "with CRLF": (pem) => pem.replaceAll("\n", "\r\n"),
  "with CR alone": (pem) => pem.replaceAll("\n", "\r"),
  "with \\n written out": (pem) => pem.replaceAll("\n", "\\n"),
  "with \\r\\n written out": (pem) => pem.replaceAll("\n", "\\r\\n"),
  "with \\n written out twice": (pem) => pem.replaceAll("\n", "\\\\n"),
  "with \\n written out four times": (pem) => pem.replaceAll("\n", "\\\\\\\\n"),
  "with \\u000a written out": (pem) => pem.replaceAll("\n", "\\u000a"),
  "with \\n written out before each line break": (pem) => pem.replaceAll("\n", "\\n\n"),
  "with a backslash before each line break": (pem) => pem.replaceAll("\n", "\\\n"),
  "as a JSON string": (pem) => JSON.stringify(pem),
  "as a JSON string in a JSON string": (pem) => JSON.stringify(JSON.stringify(pem)),
  "in double quotes": (pem) => `"${pem}"`,
  "in single quotes": (pem) => `'${pem.replaceAll("\n", "\\n")}'`,
  "with one quote at the start": (pem) => `"${pem}`,
  "with spaces for line breaks": (pem) => pem.trim().replaceAll("\n", " "),
  "without line breaks": (pem) => pem.replaceAll("\n", ""),
  "indented by spaces": (pem) => pem.replaceAll("\n", "\n    "),
  "indented by tabs": (pem) => pem.replaceAll("\n", "\n\t"),
  "indented by written out tabs": (pem) => pem.replaceAll("\n", "\\n\\t"),
  "with blanks at the end of lines": (pem) => pem.replaceAll("\n", "  \n"),
  "with empty lines": (pem) => pem.replaceAll("\n", "\n\n"),
  "behind a byte order mark": (pem) => `\ufeff${pem}`,
  "in quotes behind a byte order mark": (pem) => `\ufeff"${pem}"\n`,
  "without a line break at the end": (pem) => pem.trim(),
  "without its last line": (pem) => pem.replace(/-----END.*/s, ""),
  "behind a certificate": (pem) => certificate + pem,
  "before a certificate": (pem) => pem + certificate,
  "between attributes and certificates": (pem) => attributes + pem + attributes + certificate + certificate,
  "twice": (pem) => pem + pem,
  "in base64": (pem) => Encoding.encodeBase64(pem),
  "in base64 of 76 columns": (pem) => Encoding.encodeBase64(pem).replace(/.{76}/g, "$&\n"),
  "in base64url": (pem) => Encoding.encodeBase64Url(pem),
  "in base64 in quotes": (pem) => `"${Encoding.encodeBase64(pem)}"`,
  "without its first and last line": bodyOf,
  "without its first and last line, on one line": (pem) => bodyOf(pem).replaceAll("\n", "")
}

/** SEC1 as the smallest encoders write it: without the curve, and without the public key (RFC 5915 §3). */
const bareSec1 = ({ jwk }: Pair): string => {
  const d = new Uint8Array(Buffer.from(jwk.d ?? "", "base64url"))
  const der = new Uint8Array([0x30, d.length + 5, 0x02, 0x01, 0x01, 0x04, d.length, ...d])
  return `-----BEGIN EC PRIVATE KEY-----\n${Encoding.encodeBase64(der)}\n-----END EC PRIVATE KEY-----\n`
}

const curve = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

/** The forms of a key as text, for an algorithm each. */
const forms: ReadonlyArray<
  readonly [name: string, alg: SigningKey.SigningAlgorithm, text: (pair: Pair) => string]
> = [
  ["PKCS#8", "RS256", ({ pem }) => pem],
  ["PKCS#8", "ES256", ({ pem }) => pem],
  ["PKCS#8", "EdDSA", ({ pem }) => pem],
  ["PKCS#1", "RS256", asPem("pkcs1")],
  ["PKCS#1", "PS512", asPem("pkcs1")],
  ["SEC1", "ES256", asPem("sec1")],
  ["SEC1", "ES384", asPem("sec1")],
  ["SEC1", "ES512", asPem("sec1")]
]

/** Signs by the key, and lets jose verify the signature. */
const signs = (key: SigningKey.SigningKey, { alg, publicKey }: Pair) =>
  Effect.gen(function*() {
    const sign = yield* importKey(yield* readKey(key, alg), { alg })
    const jwt = yield* sign({ iss: "machine" })
    const { payload } = yield* Effect.promise(() => jwtVerify(jwt, publicKey, { algorithms: [alg] }))
    assert.deepStrictEqual(payload, { iss: "machine" })
  })

describe.each(forms)("a PEM of %s for %s", (_, alg, textOf) => {
  it.effect.each(Object.entries(spellings))("signs if it is given %s", ([, spell]) =>
    Effect.gen(function*() {
      const keys = yield* pair(alg)
      yield* signs(Redacted.make(spell(textOf(keys))), keys)
    }))
})

describe("other texts of a key", () => {
  it.effect.each<readonly [name: string, alg: SigningKey.SigningAlgorithm, text: (pair: Pair) => string]>([
    ["SEC1 behind its curve", "ES256", (keys) => curve + asPem("sec1")(keys)],
    ["SEC1 without its curve and public key", "ES256", bareSec1],
    ["SEC1 without its curve and public key", "ES384", bareSec1],
    ["PKCS#8 under the label of PKCS#1", "RS256", ({ pem }) => pem.replaceAll("PRIVATE KEY", "RSA PRIVATE KEY")],
    ["PKCS#1 under the label of PKCS#8", "RS256", (keys) => asPem("pkcs1")(keys).replaceAll("RSA PRIVATE", "PRIVATE")],
    ["SEC1 under the label of PKCS#8", "ES256", (keys) => asPem("sec1")(keys).replaceAll("EC PRIVATE", "PRIVATE")],
    ["a JWK as JSON", "ES256", ({ jwk }) => JSON.stringify(jwk)],
    ["a JWK as JSON", "RS256", ({ jwk }) => JSON.stringify(jwk, null, 2)],
    ["a JWK as JSON behind a byte order mark", "EdDSA", ({ jwk }) => `\ufeff${JSON.stringify(jwk)}\n`],
    ["a JWK as a JSON string", "ES256", ({ jwk }) => JSON.stringify(JSON.stringify(jwk))],
    ["a JWK with escaped quotes", "ES256", ({ jwk }) => JSON.stringify(jwk).replaceAll("\"", "\\\"")],
    ["a JWK in single quotes", "ES256", ({ jwk }) => `'${JSON.stringify(jwk)}'`],
    ["a JWK in base64", "ES256", ({ jwk }) => Encoding.encodeBase64(JSON.stringify(jwk))],
    [
      "DER in base64",
      "EdDSA",
      ({ pem }) => createPrivateKey(pem).export({ type: "pkcs8", format: "der" }).toString("base64")
    ]
  ])("%s signs, for %s", ([, alg, textOf]) =>
    Effect.gen(function*() {
      const keys = yield* pair(alg)
      yield* signs(Redacted.make(textOf(keys)), keys)
    }))

  it.effect("a JWK as JSON brings its own kid", () =>
    Effect.gen(function*() {
      const { jwk } = yield* pair("ES256")
      const text = Redacted.make(JSON.stringify({ ...jwk, kid: "2026-01" }))
      expect(keyIdOf(yield* readKey(text, "ES256"))).toBe("2026-01")
      expect(keyIdOf(yield* readKey(Redacted.make(JSON.stringify({ ...jwk, kid: 7 })), "ES256"))).toBeUndefined()
    }))

  it.effect("a text is not taken for a key however deep it is wrapped", () =>
    Effect.gen(function*() {
      let text = "canary-text"
      for (let i = 0; i < 8; i++) text = i % 2 === 0 ? Encoding.encodeBase64(`{${text}`) : JSON.stringify(text)
      const error = yield* Effect.flip(readKey(Redacted.make(text), "ES256"))
      expect(error.message).toContain("`signingKey`: it ")
      expect(error.message).not.toContain("canary")
    }))

  effectProperty(
    "bytes that are no key are InvalidOptions, and never a defect",
    [fc.uint8Array({ maxLength: 80 }), fc.constantFrom([], [0x30, 0x82], [0x30, 0x30, 0x02, 0x01, 0x00, 0x04, 0x01])],
    ([bytes, start]) =>
      Effect.gen(function*() {
        const text = Encoding.encodeBase64(new Uint8Array([...start, ...bytes]))
        for (const key of [text, `-----BEGIN EC PRIVATE KEY-----\n${text}\n-----END EC PRIVATE KEY-----`]) {
          const read = Effect.flatMap(readKey(Redacted.make(key), "ES256"), (read) => importKey(read, { alg: "ES256" }))
          expect((yield* Effect.flip(read)).option).toBe("signingKey")
        }
      })
  )

  it.effect("a hostile text is read in a time that grows with its length alone", () =>
    Effect.gen(function*() {
      const hostile = [
        "-----BEGIN ".repeat(50_000),
        "\\".repeat(500_000),
        `-----BEGIN PRIVATE KEY-----${"\\".repeat(500_000)}`,
        "\"".repeat(500_000),
        "A".repeat(500_000),
        "=".repeat(500_000)
      ]
      for (const text of hostile) {
        const error = yield* Effect.flip(readKey(Redacted.make(text), "ES256"))
        expect(error.option).toBe("signingKey")
      }
    }))
})

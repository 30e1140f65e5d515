/** Malformed signing keys and thumbprints of certificates. Each row asks for a signed assertion. */
import { Effect, Redacted } from "effect"
import { SignedAssertion, type SigningKey } from "../../src/index.ts"
import { bodyOf, pair } from "../support/keys.ts"
import type { Family, Row } from "./support.ts"

const request = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com/mcp",
  scopes: ["mcp"],
  refused: []
}

/** Options whose values no compiler has checked. */
const signed = (options: object) =>
  Effect.gen(function*() {
    const provider = yield* SignedAssertion.make({
      issuer: "machine",
      signingAlgorithm: "ES256",
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a program in JavaScript can give any value
      ...options as { readonly signingKey: SigningKey.SigningKey }
    })
    yield* provider(request)
    return "signed"
  })

/** The text in place of the key. */
const text = (input: string, section: string, key: string, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: signed({ signingKey: Redacted.make(key) })
})

/** The key made from a valid one of P-256. */
const spoilt = (input: string, section: string, spoil: (pem: string) => string, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: Effect.flatMap(pair("ES256"), ({ pem }) => signed({ signingKey: Redacted.make(spoil(pem)) }))
})

const jwk = (input: string, section: string, changes: object, outcome: string): Row => ({
  input: `a JWK with ${input}`,
  section,
  outcome,
  run: Effect.flatMap(pair("ES256"), ({ jwk }) => signed({ signingKey: Redacted.make({ ...jwk, ...changes }) }))
})

const value = (input: string, section: string, signingKey: unknown, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: signed({ signingKey })
})

const option = (input: string, section: string, changes: object, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: Effect.flatMap(pair("ES256"), ({ pem }) => signed({ signingKey: Redacted.make(pem), ...changes }))
})

const external = (input: string, section: string, signature: unknown, outcome: string): Row => ({
  input: `an external signer that returns ${input}`,
  section,
  outcome,
  run: signed({ signingKey: () => Effect.succeed(signature) })
})

const BEGIN = "-----BEGIN PRIVATE KEY-----"
const END = "-----END PRIVATE KEY-----"
const base64 = (bytes: ReadonlyArray<number>): string => Buffer.from(bytes).toString("base64")

export const keys: Family = {
  name: "key",
  rows: [
    text("an empty PEM", "RFC 7468 §2", "", "InvalidOptions signingKey"),
    text("white space", "RFC 7468 §2", " \n\t", "InvalidOptions signingKey"),
    text("a PEM without a body", "RFC 7468 §2", `${BEGIN}\n${END}`, "InvalidOptions signingKey"),
    text("a PEM of letters that are no base64", "RFC 7468 §2", `${BEGIN}\n????\n${END}`, "InvalidOptions signingKey"),
    text("a PEM without an end", "RFC 7468 §2", `${BEGIN}\nTUlHSEFnRUFNQk1HQnl1`, "InvalidOptions signingKey"),
    text(
      "a DER length beyond the text",
      "RFC 5958 §2",
      `${BEGIN}\n${base64([0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 0])}\n${END}`,
      "InvalidOptions signingKey"
    ),
    text(
      "a DER length without an end",
      "RFC 5958 §2",
      `${BEGIN}\n${base64([0x30, 0x80, 0, 0])}\n${END}`,
      "InvalidOptions signingKey"
    ),
    text("a DER of one byte", "RFC 5958 §2", `${BEGIN}\n${base64([0x30])}\n${END}`, "InvalidOptions signingKey"),
    text(
      "a DER of 10,000 nested sequences",
      "RFC 5958 §2",
      `${BEGIN}\n${base64(Array.from({ length: 20_000 }, (_, i) => i % 2 === 0 ? 0x30 : 0x7f))}\n${END}`,
      "InvalidOptions signingKey"
    ),
    text(
      "a SEC1 key of one byte",
      "RFC 5915 §3",
      `-----BEGIN EC PRIVATE KEY-----\n${base64([0x30])}\n-----END EC PRIVATE KEY-----`,
      "InvalidOptions signingKey"
    ),
    text(
      "a PKCS#1 key of one byte",
      "RFC 8017 appendix A.1.2",
      `-----BEGIN RSA PRIVATE KEY-----\n${base64([0x30])}\n-----END RSA PRIVATE KEY-----`,
      "InvalidOptions signingKey"
    ),
    text(
      "a certificate",
      "RFC 7468 §5",
      `-----BEGIN CERTIFICATE-----\n${base64([0x30, 0])}\n-----END CERTIFICATE-----`,
      "InvalidOptions signingKey"
    ),
    text(
      "a PEM of a made-up kind",
      "RFC 7468 §2",
      "-----BEGIN CANARY-----\nAAAA\n-----END CANARY-----",
      "InvalidOptions signingKey"
    ),
    text("a megabyte of text", "RFC 7468 §2", "x".repeat(1024 * 1024), "InvalidOptions signingKey"),
    text("a megabyte of dashes", "RFC 7468 §2", "-".repeat(1024 * 1024), "InvalidOptions signingKey"),
    text("a path of a file", "RFC 7468 §2", "/etc/keys/canary.pem", "InvalidOptions signingKey"),
    text("JSON that is cut", "RFC 7517 §4", "{\"kty\":\"EC\",", "InvalidOptions signingKey"),
    text("an empty JWK", "RFC 7517 §4", "{}", "InvalidOptions signingKey"),
    text("an array as a JWK", "RFC 7517 §4", "[]", "InvalidOptions signingKey"),
    text(
      "a JWK of `__proto__`",
      "RFC 7517 §4",
      "{\"__proto__\":{\"kty\":\"EC\",\"d\":\"canary\"}}",
      "InvalidOptions signingKey"
    ),
    text(
      "a JWK of 10,000 nested objects",
      "RFC 8259 §9",
      `${"{\"a\":".repeat(10_000)}1${"}".repeat(10_000)}`,
      "InvalidOptions signingKey"
    ),
    spoilt("a PEM whose line breaks are lost", "RFC 7468 §3", (pem) => pem.replaceAll("\n", ""), "signed"),
    spoilt("a PEM whose line breaks are spaces", "RFC 7468 §3", (pem) => pem.replaceAll("\n", " "), "signed"),
    spoilt(
      "a PEM whose line breaks are the two letters \\n",
      "RFC 7468 §3",
      (pem) => pem.replaceAll("\n", "\\n"),
      "signed"
    ),
    spoilt("a PEM with carriage returns", "RFC 7468 §3", (pem) => pem.replaceAll("\n", "\r\n"), "signed"),
    spoilt("a PEM with a byte order mark", "RFC 7468 §2", (pem) => `\ufeff${pem}`, "signed"),
    spoilt("a PEM in quotation marks", "RFC 7468 §2", (pem) => `"${pem}"`, "signed"),
    spoilt("a PEM with text before it", "RFC 7468 §2", (pem) => `Bag Attributes\n${pem}`, "signed"),
    spoilt("the body of a PEM without its first and last line", "RFC 7468 §2", bodyOf, "signed"),
    spoilt(
      "a PEM with one wrong letter",
      "RFC 5958 §2",
      (pem) => pem.replace(/\n(...)./, "\n$1!"),
      "InvalidOptions signingKey"
    ),
    spoilt("a PEM in base64", "RFC 7468 §2", (pem) => Buffer.from(pem).toString("base64"), "signed"),
    spoilt("two keys in one PEM", "RFC 7468 §2", (pem) => pem + pem, "signed"),
    jwk("a `kty` in lower case", "RFC 7517 §4.1", { kty: "ec" }, "InvalidOptions signingKey"),
    jwk("an unknown `crv`", "RFC 7518 §6.2.1.1", { crv: "P-257" }, "InvalidOptions signingKey"),
    jwk("a point that is not on the curve", "RFC 7518 §6.2.1", { x: "AAAA" }, "InvalidOptions signingKey"),
    jwk("a `d` that is a number", "RFC 7518 §6.2.2", { d: 1 }, "InvalidOptions signingKey"),
    jwk("an empty `d`", "RFC 7518 §6.2.2", { d: "" }, "InvalidOptions signingKey"),
    jwk("`use` for encryption", "RFC 7517 §4.2", { use: "enc" }, "signed"),
    jwk("`key_ops` without `sign`", "RFC 7517 §4.3", { key_ops: ["verify"] }, "signed"),
    jwk("another `alg`", "RFC 7517 §4.4", { alg: "ES384" }, "signed"),
    jwk("a `kid` that is a number", "RFC 7517 §4.5", { kid: 1 }, "signed"),
    jwk("a `kid` with a line break", "RFC 7517 §4.5", { kid: "a\nb" }, "InvalidOptions keyId"),
    value("undefined", "RFC 7517 §4", undefined, "InvalidOptions signingKey"),
    value("a key that is not `Redacted`", "RFC 7517 §4", "canary", "InvalidOptions signingKey"),
    value("a number", "RFC 7517 §4", 1, "InvalidOptions signingKey"),
    value("a `Redacted` number", "RFC 7517 §4", Redacted.make(1), "InvalidOptions signingKey"),
    value("`Redacted` bytes", "RFC 7517 §4", Redacted.make(new Uint8Array(32)), "InvalidOptions signingKey"),
    option("an `x5t` that is no base64url", "RFC 7515 §4.1.7", { x5t: "????" }, "InvalidOptions x5t"),
    option("an `x5t` of 19 bytes", "RFC 7515 §4.1.7", { x5t: "A".repeat(26) }, "InvalidOptions x5t"),
    option("an `x5tS256` of 20 bytes", "RFC 7515 §4.1.8", { x5tS256: "A".repeat(27) }, "InvalidOptions x5tS256"),
    option("an `x5t` that is an object", "RFC 7515 §4.1.7", { x5t: {} }, "InvalidOptions x5t"),
    option(
      "a `signingAlgorithm` that is `none`",
      "RFC 8725 §3.1",
      { signingAlgorithm: "none" },
      "InvalidOptions signingAlgorithm"
    ),
    option(
      "a symmetric `signingAlgorithm`",
      "RFC 8725 §3.1",
      { signingAlgorithm: "HS256" },
      "InvalidOptions signingAlgorithm"
    ),
    option("a `lifetime` of NaN", "RFC 7519 §4.1.4", { lifetime: Number.NaN }, "InvalidOptions lifetime"),
    option("a `lifetime` without end", "RFC 7519 §4.1.4", { lifetime: "Infinity" }, "InvalidOptions lifetime"),
    option("a negative `lifetime`", "RFC 7519 §4.1.4", { lifetime: -1 }, "InvalidOptions lifetime"),
    option("a `keyId` that is an object", "RFC 7515 §4.1.4", { keyId: {} }, "InvalidOptions keyId"),
    option(
      "`additionalClaims` that hold a BigInt",
      "RFC 7519 §4",
      { additionalClaims: { n: 1n } },
      "AssertionError Unavailable"
    ),
    option(
      "`claimOverrides` that are an array",
      "RFC 7519 §4",
      { claimOverrides: ["canary"] },
      "InvalidOptions claimOverrides"
    ),
    option(
      "`additionalClaims` that are a text",
      "RFC 7519 §4",
      { additionalClaims: "canary" },
      "InvalidOptions additionalClaims"
    ),
    external("a signature that is too short", "RFC 7518 §3.4", new Uint8Array(63), "AssertionError Malformed"),
    external("an empty signature", "RFC 7518 §3.4", new Uint8Array(0), "AssertionError Malformed"),
    external("a text", "RFC 7515 §5.1", "canary".repeat(16).slice(0, 64), "AssertionError Malformed"),
    external(
      "a whole JWT",
      "RFC 7515 §5.1",
      new TextEncoder().encode("eyJhbGciOiJub25lIn0.e30."),
      "AssertionError Malformed"
    ),
    external("undefined", "RFC 7515 §5.1", undefined, "AssertionError Malformed")
  ]
}

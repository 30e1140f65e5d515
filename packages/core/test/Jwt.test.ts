import { assert, describe, expect, it } from "@effect/vitest"
import { Encoding, Option } from "effect"
import * as fc from "effect/FastCheck"
import { isJwe, isJws, isUnsigned, read } from "../src/Jwt.ts"
import { property } from "./support/property.ts"

const encode = (value: unknown) => Encoding.encodeBase64Url(JSON.stringify(value))
const jwt = (claims: unknown, header: unknown = { alg: "ES256" }) =>
  `${encode(header)}.${encode(claims)}.canary-signature`

describe("read", () => {
  it("returns the header and the claims that are used, and leaves out the others", () => {
    const found = Option.getOrThrow(
      read(jwt({ aud: ["a", "b"], exp: 1, nbf: 2.5, sub: "x" }, { alg: "RS256", kid: "k" }))
    )
    assert.deepStrictEqual(found, {
      header: { alg: "RS256" },
      claims: { aud: ["a", "b"], exp: 1, nbf: 2.5 },
      hasWholeSignature: false
    })
  })

  it.each([
    ["nothing", ""],
    ["text", "canary"],
    ["two parts", "e30.e30"],
    ["four parts", `${jwt({})}.x`],
    ["five parts, as an encrypted one has", `${jwt({})}.x.y`],
    ["a header that is not base64", `canary!.${encode({})}.x`],
    ["a header that is not JSON", `${Encoding.encodeBase64Url("canary")}.${encode({})}.x`],
    ["a header without alg", jwt({}, { typ: "JWT" })],
    ["a header that is a list", jwt({}, [])],
    ["claims that are not base64", `${encode({ alg: "ES256" })}.canary!.x`],
    ["claims that are not JSON", `${encode({ alg: "ES256" })}.${Encoding.encodeBase64Url("{canary}")}.x`],
    ["claims that are null", jwt(null)],
    ["an expiry in words", jwt({ exp: "canary" })],
    ["an audience that is a number", jwt({ aud: 1 })],
    ["an audience with a number", jwt({ aud: ["a", 1] })]
  ])("a text that is not a JWT is None: %s", (_, text) => {
    expect(Option.isNone(read(text))).toBe(true)
  })

  property("does not throw, whatever the text is", [fc.string({ unit: "binary" })], ([text]) => {
    expect(Option.isNone(read(`${text}.${text}.${text}`))).toBe(true)
  })
})

describe("isJwe", () => {
  const header = encode({ alg: "RSA-OAEP-256", enc: "A256GCM", cty: "JWT", typ: "oauth-id-jag+jwt" })

  it.each([
    ["an encrypted JWT", `${header}.a-key.iv.canary_text.tag`],
    ["one whose key both sides know", `${encode({ alg: "dir", enc: "A256GCM" })}..iv.canary.tag`]
  ])("is true for %s (RFC 7516 §7.1)", (_, text) => {
    expect(isJwe(text)).toBe(true)
  })

  it.each([
    ["nothing", ""],
    ["a signed JWT", jwt({})],
    ["four dots", "...."],
    ["six parts", `${header}.a.b.c.d.e`],
    ["five parts of which one is empty", `${header}.a.b..d`],
    ["five parts of which one is not base64url", `${header}.a.b.canary!.d`],
    ["five parts with a line break", `${header}.a.b.c.d\n`],
    ["five parts behind the header of a signed JWT", `${encode({ alg: "ES256" })}.a.b.c.d`],
    ["five parts behind a header without alg", `${encode({ enc: "A256GCM" })}.a.b.c.d`],
    ["five parts behind text", "canary.a.b.c.d"]
  ])("is false for %s", (_, text) => {
    expect(isJwe(text)).toBe(false)
  })
})

describe("hasWholeSignature", () => {
  const signed = (alg: string, bytes: number) => {
    const signature = Encoding.encodeBase64Url(new Uint8Array(bytes).fill(7))
    return Option.map(read(`${encode({ alg })}.${encode({})}.${signature}`), (one) => one.hasWholeSignature)
  }

  it.each([
    ["HS256", 32],
    ["HS384", 48],
    ["HS512", 64],
    ["ES256", 64],
    ["ES384", 96],
    ["ES512", 132],
    ["EdDSA", 64],
    ["Ed25519", 64],
    ["RS256", 256],
    ["PS512", 384]
  ])("a signature by %s has %d bytes, and no byte less", (alg, bytes) => {
    expect(signed(alg, bytes)).toEqual(Option.some(true))
    expect(signed(alg, bytes - 1)).toEqual(Option.some(false))
  })

  it("a signature by an unknown algorithm has any length, and base64url is required", () => {
    expect(signed("ML-DSA-44", 1)).toEqual(Option.some(true))
    expect(signed("toString", 1)).toEqual(Option.some(true))
    expect(Option.getOrThrow(read(`${encode({ alg: "ML-DSA-44" })}.${encode({})}.a=`)).hasWholeSignature).toBe(false)
  })
})

it("isJws is true for three parts with a header, whatever the claims are", () => {
  expect([jwt({}), `${encode({ alg: "ES256" })}..`, `${jwt({})}.x.y`, "a.b.c", ""].map(isJws)).toEqual([
    true,
    true,
    false,
    false,
    false
  ])
})

describe("isUnsigned", () => {
  const signed = jwt({})
  const algorithms = ["none", "None", "NONE", "nONE", " none", "none\t", "", " "]
  it.each<readonly [what: string, text: string]>([
    ...algorithms.map((alg) => [`alg ${JSON.stringify(alg)}`, jwt({}, { alg })] as const),
    ["no alg", jwt({}, { typ: "JWT" })],
    ["alg null", jwt({}, { alg: null })],
    ["an alg that is a list", jwt({}, { alg: ["ES256"] })],
    ["alg in upper case only", jwt({}, { ALG: "ES256" })],
    ["an empty signature", signed.replace(/[^.]*$/, "")],
    ["a header alone", encode({ alg: "none" })],
    ["alg none before four parts", `${jwt({}, { alg: "none" })}.x`]
  ])("is true: %s", (_, text) => {
    expect(isUnsigned(text)).toBe(true)
  })

  it.each([
    ["ES256", signed],
    ["a shared secret", jwt({}, { alg: "HS256" })],
    ["an algorithm that is not known here", jwt({}, { alg: "ML-DSA-44" })],
    ["an encrypted JWT without an encrypted key", `${encode({ alg: "dir", enc: "A256GCM" })}..iv.text.tag`],
    ["a text", "opaque"],
    ["a text with two dots", "opaque.text."],
    ["nothing", ""]
  ])("is false: %s", (_, text) => {
    expect(isUnsigned(text)).toBe(false)
  })
})

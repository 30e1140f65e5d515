/** What every profile refuses of an assertion, and the algorithms that they take. */
import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import { IdentityProviderProfile } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { Encoding, Layer, Redacted } from "effect"
import { anonymous, es256, isRefused, otherRs256, privateKeyJwt, ps256, resource, rs256, works } from "./support.ts"

const clientId = "nightly-report"
const issuer = "https://auth.pingone.com/acme/as"

const keys = {
  RS256: rs256.publicKey,
  PS256: ps256.publicKey,
  ES256: es256.publicKey
}

const es384 = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, ["sign", "verify"])
const es512 = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-521" }, true, ["sign", "verify"])
const eddsa = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])
const hmac = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"])

const pingOne = IdentityProviderProfile.pingOne({
  environmentId: "acme",
  resource,
  clients: [
    {
      clientId,
      keys: [
        ...Object.entries(keys).map(([keyId, publicKey]) => ({ keyId, publicKey })),
        { keyId: "ES384", publicKey: es384.publicKey },
        { keyId: "ES512", publicKey: es512.publicKey },
        { keyId: "EdDSA", publicKey: eddsa.publicKey },
        { keyId: "HS256", publicKey: hmac }
      ]
    },
    { clientId: "single", keys: [{ publicKey: rs256.publicKey }] },
    { clientId: "keyless" }
  ]
})

const withKey = privateKeyJwt({ serverUrl: resource, issuer, clientId }, {
  signingKey: rs256.pem,
  signingAlgorithm: "RS256",
  keyId: "RS256"
})

const opaque = (assertion: string) =>
  PrivateKeyJwt.layer({ serverUrl: resource, issuer, clientId }).pipe(
    Layer.provide(AssertionProvider.layerStatic(Redacted.make(assertion), { opaque: true })),
    Layer.provide(TokenStorage.layerMemory)
  )

/** The client itself refuses a JWT without a signing algorithm or without an audience, so this one has both. */
const withoutIssuer = `${Encoding.encodeBase64Url("{\"alg\":\"RS256\"}")}.${
  Encoding.encodeBase64Url(JSON.stringify({ aud: issuer }))
}.AA`

const refuses = (
  what: string,
  assertion: Parameters<typeof withKey>[1],
  says: string,
  options: Parameters<typeof withKey>[0] = {}
) =>
  it.effect(`refuses ${what}`, () => isRefused(pingOne, withKey(options, assertion), { code: "invalid_client", says }))

describe("an assertion", () => {
  for (
    const [signingAlgorithm, signingKey] of [
      ["RS256", rs256.pem],
      ["PS256", ps256.pem],
      ["ES256", es256.pem],
      ["ES384", es384.privateKey],
      ["ES512", es512.privateKey],
      ["EdDSA", eddsa.privateKey]
    ] as const
  ) {
    it.effect(`may be signed by ${signingAlgorithm}`, () =>
      works(pingOne, withKey({}, { signingKey, signingAlgorithm, keyId: signingAlgorithm }), []))
  }

  it.effect("needs no kid where there is one key", () =>
    works(pingOne, withKey({ clientId: "single" }, { issuer: "single", keyId: undefined }), []))

  for (const text of ["opaque", "a.b.c.d", withoutIssuer, `${btoa("{")}.e30.AA`]) {
    it.effect(`is a JWT, and not ${text}`, () =>
      isRefused(pingOne, opaque(text), { code: "invalid_client", says: "not a signed JWT" }))
  }

  refuses("a stranger", { issuer: "stranger" }, "not the id of a client with a key")
  refuses("a client without a key", { issuer: "keyless" }, "not the id of a client with a key")
  refuses("another subject", { subject: "admin" }, "iss and sub")
  refuses("no kid where there are many keys", { keyId: undefined }, "no key of the client")
  refuses("a kid that is not the client's", { keyId: "stranger" }, "no key of the client")
  refuses("the kid of a key for another algorithm", { keyId: "ES256" }, "no key of the client")
  refuses("a kid of a secret", { keyId: "HS256" }, "no key of the client")
  refuses("another key's signature", { signingKey: otherRs256.pem }, "signature does not match")
  refuses("one that has expired", { claimOverrides: { exp: 0 } }, "expired")
  refuses("one from the future", { claimOverrides: { iat: 60 } }, "not valid yet")
  refuses("one that is not valid yet", { claimOverrides: { nbf: 60 } }, "not valid yet")
  refuses("one without exp", { claimOverrides: { exp: undefined } }, "iss, aud and exp")
})

describe("a client that proves nothing", () => {
  it.effect("gets no token", () =>
    isRefused(pingOne, anonymous(issuer), { code: "invalid_client", says: "no client authentication" }))
})

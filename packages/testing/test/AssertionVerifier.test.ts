import { SignedAssertion } from "@effect-mcp-auth/core"
import { AssertionVerifier } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"

const generate = () => crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"])

const keyPairs = Effect.promise(() => Promise.all([generate(), generate()]))

type Claims = Readonly<Record<string, unknown>>

const sign = (signingKey: CryptoKey, claims: Claims, keyId?: string) =>
  Effect.gen(function*() {
    const provider = yield* SignedAssertion.make({
      issuer: "machine",
      signingKey,
      signingAlgorithm: "ES256",
      keyId,
      claimOverrides: claims
    })
    const audience = "https://auth.example.com"
    const tokenEndpoint = `${audience}/token`
    const request = { audience, issuer: audience, tokenEndpoint, resource: "", scopes: [], refused: [] }
    return Redacted.value(yield* provider(request))
  })

const good = (changes: Claims = {}): Claims => ({
  iss: "machine",
  sub: "machine",
  aud: "https://auth.example.com",
  iat: 0,
  exp: 300,
  jti: "one",
  ...changes
})

const setup = (changes: Partial<AssertionVerifier.Options> = {}) =>
  Effect.map(keyPairs, ([first, second]) => ({
    first,
    second,
    verifier: AssertionVerifier.make({
      issuer: "machine",
      keys: [{ publicKey: first.publicKey }],
      audiences: ["https://auth.example.com", "https://auth.example.com/token"],
      ...changes
    })
  }))

describe("AssertionVerifier", () => {
  it.effect("returns all claims of a valid assertion", () =>
    Effect.gen(function*() {
      const { first, verifier } = yield* setup()
      const claims = good({ tenant: "acme" })
      assert.deepStrictEqual(yield* verifier.verify(yield* sign(first.privateKey, claims)), claims)
      assert.deepStrictEqual(yield* verifier.seen, [claims])
    }))

  it.effect.each<[string, Claims, string]>([
    ["another issuer", good({ iss: "other" }), "iss is not the id of a client"],
    ["another subject", good({ sub: "other" }), "sub must be machine"],
    ["another audience", good({ aud: "https://other.example" }), "aud must be https://auth.example.com or"],
    ["two audiences", good({ aud: ["https://auth.example.com", "https://x.example"] }), "and nothing else"],
    ["no jti", good({ jti: undefined }), "jti is required"],
    ["too long a life", good({ exp: 301 }), "exp must be at most 300 seconds from now"],
    ["an end that has passed", good({ exp: 0 }), "expired"]
  ])("refuses %s", ([, claims, says]) =>
    Effect.gen(function*() {
      const { first, verifier } = yield* setup({ maxLifetime: "5 minutes" })
      const refusal = yield* Effect.flip(verifier.verify(yield* sign(first.privateKey, claims)))
      assert.strictEqual(refusal.error, "invalid_client")
      assert.include(refusal.description, says)
      assert.deepStrictEqual(yield* verifier.seen, [])
    }))

  it.effect("refuses a jti that was used before, and records its claims", () =>
    Effect.gen(function*() {
      const { first, verifier } = yield* setup({ error: "invalid_grant" })
      const jwt = yield* sign(first.privateKey, good())
      yield* verifier.verify(jwt)
      yield* TestClock.adjust("1 minute")
      const refusal = yield* Effect.flip(verifier.verify(jwt))
      assert.deepStrictEqual([refusal.error, refusal.description], ["invalid_grant", "jti was used before"])
      assert.deepStrictEqual((yield* verifier.seen).map(({ jti }) => jti), ["one", "one"])
    }))

  it.effect("accepts the `subject` of the options, and refuses another one", () =>
    Effect.gen(function*() {
      const { first, verifier } = yield* setup({ subject: "workload" })
      yield* Effect.flip(verifier.verify(yield* sign(first.privateKey, good())))
      yield* verifier.verify(yield* sign(first.privateKey, good({ sub: "workload", jti: "two" })))
    }))

  it.effect("after a rotation refuses the old key and its name", () =>
    Effect.gen(function*() {
      const { first, second, verifier } = yield* setup()
      yield* verifier.rotate([{ publicKey: second.publicKey, keyId: "new" }])
      for (const kid of [undefined, "old", "new"]) {
        const refusal = yield* Effect.flip(verifier.verify(yield* sign(first.privateKey, good(), kid)))
        assert.include(refusal.description, kid === "old" ? "no key of the client" : "the signature does not match")
      }
      yield* Effect.flip(verifier.verify(yield* sign(second.privateKey, good(), "old")))
      yield* verifier.verify(yield* sign(second.privateKey, good(), "new"))
    }))

  it.effect("refuses a text that is not a JWT", () =>
    Effect.gen(function*() {
      const { verifier } = yield* setup()
      const refusal = yield* Effect.flip(verifier.verify("canary"))
      assert.include(refusal.description, "not a signed JWT")
    }))
})

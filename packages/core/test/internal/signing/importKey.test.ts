import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { jwtVerify } from "jose"
import { importKey } from "../../../src/internal/signing/importKey.ts"
import { readKey } from "../../../src/internal/signing/readKey.ts"
import { OAuthError, type SigningKey } from "../../../src/index.ts"
import { algorithms, externalSigner, type Pair, pair, wrongKeys } from "../../support/keys.ts"

const forms: Readonly<Record<string, (pair: Pair) => SigningKey.SigningKey>> = {
  "a PKCS#8 PEM": ({ pem }) => Redacted.make(pem),
  "a JWK": ({ jwk }) => Redacted.make(jwk),
  "a JWK whose members name another use": ({ jwk }) =>
    Redacted.make({ ...jwk, alg: "RSA-OAEP", use: "enc", key_ops: ["verify"], ext: false, kid: "other" }),
  "a CryptoKey": ({ privateKey }) => privateKey,
  "a signer elsewhere": externalSigner
}

const claims = { iss: "machine", aud: "https://auth.example.com", nested: { ü: ["€", 1, true, null] } }

describe.each(Object.entries(forms))("%s", (_, from) => {
  it.effect.each(algorithms)("makes signatures by %s that jose verifies", (alg) =>
    Effect.gen(function*() {
      const keys = yield* pair(alg)
      const header = { alg, typ: "JWT", kid: "key-1", "x5t#S256": "thumb" }
      const sign = yield* importKey(yield* readKey(from(keys), alg), header)
      const jwt = yield* sign(claims)
      const verified = yield* Effect.promise(() => jwtVerify(jwt, keys.publicKey, { algorithms: [alg] }))
      assert.deepStrictEqual(verified.protectedHeader, header)
      assert.deepStrictEqual(verified.payload, claims)
    }))
})

describe("an unusable key (RFC 7518 §3)", () => {
  const imported = (key: SigningKey.SigningKey, alg: SigningKey.SigningAlgorithm) =>
    Effect.flatMap(readKey(key, alg), (read) => importKey(read, { alg }))

  it.effect.each(wrongKeys)("is InvalidOptions: $name, for $alg", ({ alg, key, says }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(imported(yield* key, alg))
      expect(error._tag).toBe("InvalidOptions")
      expect(error.option).toBe("signingKey")
      expect(error.message).toBe(`\`signingKey\`: ${says}`)
    }))
})

describe("a key that fails when it is used", () => {
  it.effect("passes on the error of an external signer", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "The HSM is locked." })
      const sign = yield* importKey(() => Effect.fail(failure), { alg: "ES256" })
      expect(yield* Effect.flip(sign(claims))).toBe(failure)
    }))

  it.effect.each(
    [
      [
        "ES256",
        70,
        "not a signature for ES256: that has 64 bytes, R and S one after the other, not DER (RFC 7518 §3.4)."
      ],
      [
        "ES384",
        102,
        "not a signature for ES384: that has 96 bytes, R and S one after the other, not DER (RFC 7518 §3.4)."
      ],
      [
        "ES512",
        0,
        "not a signature for ES512: that has 132 bytes, R and S one after the other, not DER (RFC 7518 §3.4)."
      ],
      ["EdDSA", 63, "not a signature for EdDSA: that has 64 bytes (RFC 8032 §5.1.6)."],
      ["RS256", 0, "not a signature for RS256: that has as many bytes as the key, at least 256 (RFC 7518 §3.3)."],
      ["PS256", 248, "not a signature for PS256: that has as many bytes as the key, at least 256 (RFC 7518 §3.3)."],
      ["RS512", 258, "not a signature for RS512: that has as many bytes as the key, at least 256 (RFC 7518 §3.3)."]
    ] as const
  )("rejects an external signature for %s of %d bytes", ([alg, length, says]) =>
    Effect.gen(function*() {
      const sign = yield* importKey(() => Effect.succeed(new Uint8Array(length)), { alg })
      const error = yield* Effect.flip(sign(claims))
      expect(error.reason).toBe("Malformed")
      expect(error.message).toBe(`The external signer returned ${length} bytes, which is ${says}`)
    }))

  it.effect.each([["RS256", 256], ["PS512", 512], ["RS384", 264]] as const)(
    "accepts an external RSA signature for %s of %d bytes",
    ([alg, length]) =>
      Effect.gen(function*() {
        const sign = yield* importKey(() => Effect.succeed(new Uint8Array(length)), { alg })
        expect((yield* sign(claims)).split(".")).toHaveLength(3)
      })
  )

  it.effect("fails for claims that cannot be JSON, without showing the key", () =>
    Effect.gen(function*() {
      const keys = yield* pair("ES256")
      for (const key of [keys.privateKey, externalSigner(keys)]) {
        const sign = yield* importKey(key, { alg: "ES256" })
        const error = yield* Effect.flip(sign({ canary: 1n }))
        expect(error._tag).toBe("AssertionError")
        expect(error.reason).toBe("Unavailable")
      }
    }))
})

import { assert, describe, expect, it } from "@effect/vitest"
import { Either, Redacted, Schema } from "effect"
import { createHash } from "node:crypto"
import { inspect } from "node:util"
import { AccessToken } from "../src/index.ts"

const token = (value = "canary-token", changes: Partial<AccessToken.AccessToken> = {}) =>
  new AccessToken.AccessToken({
    value: Redacted.make(value),
    tokenType: "Bearer",
    scopes: ["mcp"],
    issuer: "https://auth.example.com",
    issuedAt: 1000,
    expiresAt: 2000,
    ...changes
  })

describe("AccessToken", () => {
  it("is in the clear only in AccessToken.authorization (RFC 6750 §2.1), and redacted in JSON and in inspect", () => {
    expect(AccessToken.authorization(token())).toBe("Bearer canary-token")
    const held = token("canary-token", { refreshToken: Redacted.make("canary-refresh") })
    for (const text of [JSON.stringify(held), inspect(held, { depth: Infinity, showHidden: true })]) {
      expect(text).toContain("<redacted>")
      expect(text).not.toContain("canary")
    }
  })

  it.each(["of-nobody\n", "of nobody", "of-nobody".repeat(10_000)])(
    "names no value in the message of the error for a text that cannot be a token: case %#",
    (text) => {
      for (const changes of [{ value: Redacted.make(text) }, { refreshToken: Redacted.make(text) }]) {
        const error = Either.try({
          try: () => token("canary-token", changes),
          catch: (error) => inspect(error, { depth: Infinity })
        })
        assert(Either.isLeft(error))
        expect(error.left).toContain("check for white space")
        expect(error.left.includes("nobody")).toBe(false)
      }
    }
  )

  it("has the first 12 digits of the SHA-256 of its value as fingerprint, whatever its other fields are", () => {
    const print = AccessToken.fingerprint(token())
    expect(print).toBe(createHash("sha256").update("canary-token").digest("hex").slice(0, 12))
    expect(AccessToken.fingerprint(token("canary-token", { scopes: [] }))).toBe(print)
    expect(AccessToken.fingerprint(token("canary-other"))).not.toBe(print)
  })

  it("is the same as a token with the same value, whatever the other fields are", () => {
    const one = token()
    expect(AccessToken.isSame(one, one)).toBe(true)
    expect(AccessToken.isSame(one, token("canary-token", { expiresAt: 3000, scopes: [] }))).toBe(true)
    expect(AccessToken.isSame(one, token("canary-other"))).toBe(false)
  })

  it("is valid from its issue on, and no longer valid at its expiry", () => {
    assert.deepStrictEqual([999, 1000, 1999, 2000].map((now) => AccessToken.isValidAt(token(), now)), [
      false,
      true,
      true,
      false
    ])
  })

  it("is encoded in the clear for a storage, and decoded to the same token", () => {
    const held = token("canary-token", { refreshToken: Redacted.make("canary-refresh") })
    const encoded = Schema.encodeSync(AccessToken.AccessToken)(held)
    expect(encoded.value).toBe("canary-token")
    expect(encoded.refreshToken).toBe("canary-refresh")
    const read = Schema.decodeUnknownSync(AccessToken.AccessToken)(JSON.parse(JSON.stringify(encoded)))
    expect(AccessToken.isSame(read, held)).toBe(true)
    assert.deepStrictEqual(Schema.encodeSync(AccessToken.AccessToken)(read), encoded)
  })
})

import { describe, expect, it } from "@effect/vitest"
import { Redacted, Schema } from "effect"
import { AccessToken } from "../../src/index.ts"
import { adjust } from "../../src/internal/clockSkew.ts"

const token = new AccessToken.AccessToken({
  value: Redacted.make("canary-token"),
  tokenType: "Bearer",
  scopes: ["a"],
  issuer: "https://auth.example.com",
  issuedAt: 100_000,
  expiresAt: 160_000,
  refreshAt: 130_000,
  refreshToken: Redacted.make("canary-refresh")
})

const encode = Schema.encodeSync(AccessToken.AccessToken)

describe("a token of a clock that is ahead", () => {
  it("was issued now, and all its times come so much sooner; nothing else about it changes", () => {
    const adjusted = adjust(token, 90_000)
    expect(adjusted).toMatchObject({ issuedAt: 90_000, expiresAt: 150_000, refreshAt: 120_000 })
    expect(Object.keys(adjusted).toSorted()).toEqual(Object.keys(token).toSorted())
    const back = AccessToken.copy(adjusted, { issuedAt: 100_000, expiresAt: 160_000, refreshAt: 130_000 })
    expect(encode(back)).toEqual(encode(token))
  })

  it("up to thirty seconds: what is further ahead, or not ahead at all, is left as it is", () => {
    expect(adjust(token, 70_000).issuedAt).toBe(70_000)
    for (const now of [69_999, 100_000, 200_000]) expect(adjust(token, now)).toBe(token)
  })
})

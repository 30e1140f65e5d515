import { OAuthError } from "@effect-mcp-auth/core"
import { describe, expect, it } from "@effect/vitest"
import { Redacted } from "effect"
import { Refusals } from "../../src/internal/refusals.ts"

const refused = new OAuthError.TokenEndpointError({
  reason: "Refused",
  code: "invalid_grant",
  url: "https://idp.example.com/token",
  description: "no"
})
const token = (number: number) => Redacted.make(`canary-${number}`)

describe("a final refusal of the identity provider", () => {
  it("is remembered for the last 1000 subject tokens, however late it is", () => {
    const refusals = new Refusals()
    for (let i = 0; i <= 1000; i++) refusals.add("key", token(i), refused, 0)
    expect(refusals.find("key", token(0), 1e12)).toBeUndefined()
    expect(refusals.find("key", token(1), 1e12)?.cause).toBe(refused)
    expect(refusals.find("another", token(1), 0)).toBeUndefined()
  })
})

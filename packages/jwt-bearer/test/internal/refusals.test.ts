import { OAuthError } from "@effect-mcp-auth/core"
import { describe, expect, it } from "@effect/vitest"
import { Redacted } from "effect"
import { Refusals } from "../../src/internal/refusals.ts"

const refusalOf = (code: string) =>
  new OAuthError.TokenEndpointError({
    reason: "Refused",
    code,
    url: "https://idp.example.com/token",
    description: "no"
  })
const outage = (retryAfter: number) =>
  new OAuthError.TokenEndpointError({
    reason: "Unavailable",
    url: "https://idp.example.com/token",
    description: "away",
    retryAfter
  })
const refused = refusalOf("invalid_grant")
const token = (number: number) => Redacted.make(`canary-${number}`)

describe("a final refusal of the identity provider", () => {
  it("is remembered for the last 1000 subject tokens, however late it is", () => {
    const refusals = new Refusals()
    for (let i = 0; i <= 1000; i++) refusals.add("key", token(i), refused, 0)
    expect(refusals.find("key", token(0), 1e12)).toBeUndefined()
    expect(refusals.find("key", token(1), 1e12)?.cause).toBe(refused)
    expect(refusals.find("another", token(1), 0)).toBeUndefined()
  })

  it("is not displaced by a thousand later refusals that have ended", () => {
    const refusals = new Refusals()
    refusals.add("key", token(0), refused, 0)
    for (let i = 1; i <= 1000; i++) refusals.add(`${i}`, token(i), outage(1000), i * 1000)
    expect(refusals.find("key", token(0), 1e12)?.cause).toBe(refused)
  })

  it("is displaced by a thousand later refusals that have not ended", () => {
    const refusals = new Refusals()
    refusals.add("key", token(0), refused, 0)
    for (let i = 1; i <= 1000; i++) refusals.add(`${i}`, token(i), outage(1001), i)
    expect(refusals.find("key", token(0), 1e12)).toBeUndefined()
  })
})

describe("a refusal of the identity provider that is not final", () => {
  it("applies to the refused subject token for 5 seconds, and to no other subject token", () => {
    const refusals = new Refusals()
    const error = refusals.add("key", token(1), refusalOf("invalid_target"), 0)
    expect(error.retryAfter).toBeUndefined()
    expect(refusals.find("key", token(2), 0)).toBeUndefined()
    expect(refusals.find("key", Redacted.make("canary-1"), 4999)).toBe(error)
    expect(refusals.find("key", token(1), 5000)).toBeUndefined()
  })

  it("applies to every subject token, with the rest of the wait, if it names a Retry-After", () => {
    const refusals = new Refusals()
    const cause = outage(20_000)
    expect(refusals.add("key", token(1), cause, 0).retryAfter).toBe(20_000)
    const error = refusals.find("key", token(2), 15_000)
    expect(error).toMatchObject({ reason: "Unavailable", retryAfter: 5000 })
    expect(error?.cause).toBe(cause)
    expect(refusals.find("another", token(2), 15_000)).toBeUndefined()
  })

  it("says that nothing can be sent if the identity provider cannot be reached before something is corrected", () => {
    const cause = new OAuthError.TokenEndpointError({
      reason: "CannotSend",
      url: "https://idp.example.com/token",
      description: "a certificate"
    })
    expect(new Refusals().add("key", token(1), cause, 0).reason).toBe("CannotSend")
  })
})

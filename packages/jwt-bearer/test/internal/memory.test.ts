import { OAuthError } from "@effect-mcp-auth/core"
import { describe, expect, it } from "@effect/vitest"
import { Redacted } from "effect"
import * as Memory from "../../src/internal/memory.ts"

const error = new OAuthError.AssertionError({ reason: "Refused", description: "no" })
const token = (number: number) => Redacted.make(`canary-${number}`)

describe("what is refused for good", () => {
  it("is known of so many requests, the oldest is forgotten first", () => {
    const refusals = Memory.makeRefusals()
    for (let i = 0; i <= 1000; i++) refusals.addFinal("key", { error, subjectToken: token(i) })
    expect(refusals.find("key", token(0), 0)).toBeUndefined()
    expect(refusals.find("key", token(1), 0)).toBe(error)
    expect(refusals.find("another", token(1), 0)).toBeUndefined()
  })
})

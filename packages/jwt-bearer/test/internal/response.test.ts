import { describe, expect, it } from "@effect/vitest"
import { Either, Redacted } from "effect"
import { check, foreign } from "../../src/internal/response.ts"

const issued = { value: Redacted.make("canary-id-jag"), once: false, obtainedAt: 1000, expiresAt: 2000 }

describe("check", () => {
  it.each([[999, false], [1000, true], [1999, true], [2000, false]])(
    "an ID-JAG of the time from 1000 to 2000 at %d is valid: %s, because the clock may have been set back",
    (now, valid) => {
      expect(Either.isRight(check(issued, now))).toBe(valid)
    }
  )

  it("accepts an ID-JAG without an expiry at any time", () => {
    expect(Either.isRight(check({ ...issued, expiresAt: undefined }, 0))).toBe(true)
  })
})

describe("foreign", () => {
  const reply = {
    status: 200,
    isEmpty: false,
    contentType: "text/html",
    sentAt: 0,
    receivedAt: 0,
    json: undefined,
    says: undefined
  }

  it("quotes what the answer says, and quotes nothing if the answer says nothing", () => {
    expect(foreign({ ...reply, says: "Try again" }).message).toContain("and the answer says \"Try again\"")
    expect(foreign(reply).message).toContain("no ID-JAG: the answer is not JSON. A proxy")
  })
})

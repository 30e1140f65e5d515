import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Redacted } from "effect"
import { Readable } from "node:stream"
import * as Resend from "../../../src/internal/http/resend.ts"
import { AccessToken } from "../../../src/index.ts"

const insufficient = `Bearer error="insufficient_scope", scope="admin"`

const token = (value: string) =>
  new AccessToken.AccessToken({
    value: Redacted.make(value),
    tokenType: "Bearer",
    scopes: [],
    issuer: "https://auth.example.com",
    issuedAt: 0,
    expiresAt: Duration.toMillis("1 hour")
  })

const renewFor = (status: number, header?: string | null, tried = Resend.nothingTried) => {
  const renewal = Resend.afterResponse(status, header, tried)
  assert(renewal !== undefined)
  return renewal
}

describe("afterResponse", () => {
  it.each([
    [200, undefined],
    [400, insufficient],
    [403, undefined],
    [403, "Bearer"],
    [403, `Bearer error="invalid_token"`],
    [403, `Basic realm="x", error="insufficient_scope"`],
    [503, "Bearer"]
  ])("status %s with the challenge %j goes to the caller", (status, header) => {
    expect(Resend.afterResponse(status, header, Resend.nothingTried)).toBeUndefined()
  })

  it.each([
    [401, undefined, "Unauthorized"],
    [401, null, "Unauthorized"],
    [401, "Bearer", "Unauthorized"],
    [401, insufficient, "Unauthorized"],
    [403, insufficient, "InsufficientScope"]
  ])("status %s with the challenge %j renews the token once, for the cause %s", (status, header, cause) => {
    const renewal = renewFor(status, header)
    expect(renewal.cause).toBe(cause)
    expect(renewal.challenge?.parameters.get("scope")).toBe(header === insufficient ? "admin" : undefined)
    expect(Resend.afterResponse(status, header, new Set([renewal.cause]))).toBeUndefined()
  })

  it("a 403 after a 401 renews the token for its own cause", () => {
    const tried: Resend.Tried = new Set(["Unauthorized"])
    expect(renewFor(403, insufficient, tried).cause).toBe("InsufficientScope")
  })
})

describe("afterRenewal", () => {
  const resends = (body: unknown) => Resend.afterRenewal(renewFor(401), token("old"), token("new"), body) !== undefined

  it("another token sends the request again, and remembers the cause beside earlier ones", () => {
    const renewal = renewFor(403, insufficient, new Set(["Unauthorized"]))
    expect(Resend.afterRenewal(renewal, token("old"), token("new"), "{}")).toEqual(
      new Set(["Unauthorized", "InsufficientScope"])
    )
    expect(Resend.nothingTried.size).toBe(0)
  })

  it("the rejected token itself returns the response to the caller", () => {
    expect(Resend.afterRenewal(renewFor(401), token("old"), token("old"), "{}")).toBeUndefined()
  })

  it.each([
    ["no body", undefined],
    ["a null body", null],
    ["text", "text"],
    ["a form", new FormData()],
    ["URL parameters", new URLSearchParams("a=1")],
    ["a blob", new Blob(["text"])],
    ["a buffer", new ArrayBuffer(1)],
    ["bytes", new Uint8Array(1)]
  ])("%s is sent again", (_, body) => {
    expect(resends(body)).toBe(true)
  })

  it.each([
    ["a web stream", new Blob(["text"]).stream()],
    ["a Node stream", Readable.from(["text"])],
    ["an object of an unknown kind", {}]
  ])("%s is not sent again", (_, body) => {
    expect(resends(body)).toBe(false)
  })
})

describe("failsCall", () => {
  it("the failure to renew after a 401 fails the call", () => {
    expect(Resend.failsCall(renewFor(401))).toBe(true)
  })
  it("the failure to step up after a 403 returns the 403", () => {
    expect(Resend.failsCall(renewFor(403, insufficient))).toBe(false)
  })
})

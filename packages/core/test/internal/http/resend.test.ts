import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Redacted } from "effect"
import { Readable } from "node:stream"
import * as Resend from "../../../src/internal/http/resend.ts"
import { AccessToken } from "../../../src/index.ts"

const invalid = `Bearer error="invalid_token", error_description="revoked"`
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
  assert(renewal?._tag === "Renewal")
  return renewal
}

describe("afterResponse", () => {
  it.each([
    [200, undefined],
    [400, insufficient],
    [403, undefined],
    [403, "Bearer"],
    [403, `Bearer error="invalid_request"`],
    [403, `Bearer error="INVALID_TOKEN"`],
    [403, `Bearer error="invalid_token "`],
    [403, `Bearer error_description="invalid_token"`],
    [403, `Bearer scope="invalid_token"`],
    [403, `Basic realm="x", error="invalid_token"`],
    [403, `Basic realm="x", error="insufficient_scope"`],
    [400, invalid],
    [404, invalid],
    [503, "Bearer"]
  ])("status %s with the challenge %j goes to the caller", (status, header) => {
    expect(Resend.afterResponse(status, header, Resend.nothingTried)).toBeUndefined()
  })

  it.each([
    [401, undefined, "Unauthorized"],
    [401, null, "Unauthorized"],
    [401, "Bearer", "Unauthorized"],
    [401, insufficient, "Unauthorized"],
    [401, invalid, "Unauthorized"],
    [403, invalid, "Unauthorized"],
    [403, "Bearer error=invalid_token", "Unauthorized"],
    [403, `DPoP error="invalid_token"`, "Unauthorized"],
    [403, insufficient, "InsufficientScope"]
  ])("status %s with the challenge %j renews the token once, for the cause %s", (status, header, cause) => {
    const renewal = renewFor(status, header)
    expect(renewal.cause).toBe(cause)
    expect(renewal.challenge?.parameters.get("scope")).toBe(header === insufficient ? "admin" : undefined)
    const again = Resend.afterResponse(status, header, new Set([renewal.cause]))
    expect(again?._tag).toBe(cause === "Unauthorized" ? "RejectedAgain" : undefined)
  })

  it("a 401 and a 403 with invalid_token are one cause, whichever comes first", () => {
    const tried: Resend.Tried = new Set(["Unauthorized"])
    expect(Resend.afterResponse(401, invalid, tried)).toMatchObject({ _tag: "RejectedAgain" })
    expect(Resend.afterResponse(403, invalid, tried)).toMatchObject({
      _tag: "RejectedAgain",
      challenge: { scheme: "bearer" }
    })
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

describe("copyOfBody", () => {
  const bytes = () => new Uint8Array([97, 98, 99, 100])
  const form = () => {
    const data = new FormData()
    data.append("a", "1")
    data.append("f", new Blob(["x"]), "f.txt")
    return data
  }
  const written = async (body: BodyInit | null) => {
    const text = await new Response(body).text()
    return text.replaceAll(/-+[\w-]+/g, "--")
  }

  it.each<readonly [string, () => BodyInit, (body: BodyInit) => void]>([
    ["bytes", bytes, (body) => body instanceof Uint8Array && body.fill(0)],
    ["a part of a buffer", () => bytes().subarray(1, 3), (body) => body instanceof Uint8Array && body.fill(0)],
    ["a view", () => new DataView(bytes().buffer, 2), (body) => body instanceof DataView && body.setUint8(0, 0)],
    ["a buffer", () => bytes().buffer, (body) => body instanceof ArrayBuffer && new Uint8Array(body).fill(0)],
    ["parameters", () => new URLSearchParams("a=1"), (body) => body instanceof URLSearchParams && body.set("a", "2")],
    ["a form", form, (body) => body instanceof FormData && body.set("a", "2")]
  ])("%s has the content of the original before a change", async (_, make, change) => {
    const original = make()
    const copy = Resend.copyOfBody(original)
    change(original)
    expect(await written(copy)).toBe(await written(make()))
    expect(await written(original)).not.toBe(await written(make()))
    expect(Resend.canBeSentAgain(copy)).toBe(true)
  })

  it.each([["text", "text"], ["no body", undefined], ["null", null], ["a blob", new Blob(["x"])], [
    "a stream",
    new Blob(["x"]).stream()
  ]])("%s is not copied", (_, body) => {
    expect(Resend.copyOfBody(body)).toBe(body)
  })
})

describe("isRejectedAgain", () => {
  it.each([
    [401, null, "old", true],
    [403, invalid, "old", true],
    [401, null, "new", false],
    [403, insufficient, "old", false]
  ])("after status %s with the challenge %j, the token %s in place of the token old: %s", (status, header, to, is) => {
    expect(Resend.isRejectedAgain(renewFor(status, header), token("old"), token(to))).toBe(is)
  })
})

describe("failsCall", () => {
  it("the failure to renew after a 403 with invalid_token fails the call", () => {
    expect(Resend.failsCall(renewFor(403, invalid))).toBe(true)
  })
  it("the failure to renew after a 401 fails the call", () => {
    expect(Resend.failsCall(renewFor(401))).toBe(true)
  })
  it("the failure to step up after a 403 returns the 403", () => {
    expect(Resend.failsCall(renewFor(403, insufficient))).toBe(false)
  })
})

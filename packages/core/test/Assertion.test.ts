import { assert, describe, expect, it } from "@effect/vitest"
import { Either, Encoding, Redacted } from "effect"
import type { Assertion } from "../src/index.ts"
import { check as checkRedacted, type CheckOptions, checkSeveral, isSameUrl } from "../src/Assertion.ts"

const request: Assertion.AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/oauth/token",
  resource: "https://mcp.example.com/mcp",
  scopes: [],
  refused: []
}

const check = (assertion: string, asked: Assertion.AssertionRequest, options: CheckOptions) =>
  checkRedacted(Redacted.make(assertion), asked, options)

const encode = (value: unknown) => Encoding.encodeBase64Url(JSON.stringify(value))
const jwt = (claims: unknown, header: unknown = { alg: "ES256" }) =>
  `${encode(header)}.${encode(claims)}.canary-signature`

/** 2025-01-01T00:00:00Z */
const now = 1_735_689_600

const judge = (assertion: string, changes: Partial<Assertion.AssertionRequest> = {}, opaque = false) =>
  Either.match(check(assertion, { ...request, ...changes }, { now: now * 1000, opaque }), {
    onLeft: ({ message, reason }) => [reason, message],
    onRight: () => "sent"
  })

const aud = request.issuer

describe("the audience of an assertion (RFC 7523 §3)", () => {
  it.each([
    ["the issuer", aud],
    ["the issuer in a list", ["https://elsewhere.example", aud]],
    ["the issuer with Auth0's slash", `${aud}/`],
    ["the token endpoint", request.tokenEndpoint],
    ["the token endpoint in a list", [request.tokenEndpoint]]
  ])("is accepted: %s", (_, audience) => {
    expect(judge(jwt({ aud: audience }))).toBe("sent")
  })

  it("is accepted if only the issuer has a trailing slash", () => {
    expect(judge(jwt({ aud }), { issuer: `${aud}/`, audience: `${aud}/` })).toBe("sent")
  })

  it("is accepted if it is the requested one", () => {
    expect(judge(jwt({ aud: "api://AzureADTokenExchange" }), { audience: "api://AzureADTokenExchange" })).toBe("sent")
  })

  it.each([
    ["another one", "https://elsewhere.example", "https://elsewhere.example"],
    ["others", ["https://a.example", "https://b.example"], "https://a.example, https://b.example"],
    ["an empty list", [], "no audience"],
    ["none", undefined, "no audience"],
    ["an empty one", "", "no audience"],
    ["control characters", "a\r\nb\u001b", "a b"],
    ["a URL that begins like the issuer", `${aud}.evil.example`, `${aud}.evil.example`],
    ["two slashes", `${aud}//`, `${aud}//`],
    ["a path of the issuer", `${aud}/tenant`, `${aud}/tenant`],
    ["another case", "https://AUTH.example.com", "https://AUTH.example.com"]
  ])("is rejected: %s", (_, audience, shown) => {
    assert.deepStrictEqual(judge(jwt({ aud: audience })), [
      "WrongAudience",
      `The assertion is for ${shown}, and was not sent to https://auth.example.com. ` +
      "Get one for the audience https://auth.example.com."
    ])
  })
})

describe("a token endpoint that metadata alone names on another origin", () => {
  const tokenEndpoint = "https://other.example/token?key=canary"
  const unnamed = { tokenEndpoint, endpointUnnamed: true }

  it.each<readonly [what: string, audience: unknown]>([
    ["alone", tokenEndpoint],
    ["in a list", [tokenEndpoint]],
    ["in a list beside others", ["https://elsewhere.example", tokenEndpoint]]
  ])("gets no assertion that is for it: %s", (_, audience) => {
    assert.deepStrictEqual(judge(jwt({ aud: audience }), unnamed), [
      "WrongAudience",
      "The assertion is for the token endpoint https://other.example/token, which is not on the origin of the issuer " +
      "https://auth.example.com and which only metadata names. It was not sent. If the token endpoint is right, give " +
      "it as `tokenEndpoint` together with `issuer`."
    ])
  })

  it("gets an assertion for the issuer, or for the audience that the caller has asked for", () => {
    expect(judge(jwt({ aud }), unnamed)).toBe("sent")
    expect(judge(jwt({ aud: tokenEndpoint }), { ...unnamed, audience: tokenEndpoint })).toBe("sent")
    expect(judge(jwt({ aud: tokenEndpoint }), { tokenEndpoint })).toBe("sent")
  })
})

describe("the option `audiences`", () => {
  const said = (claims: unknown, changes: Partial<Assertion.AssertionRequest> = {}) =>
    Either.match(
      check(jwt(claims), { ...request, ...changes }, {
        now: now * 1000,
        audiences: ["api://exchange", "api://other"],
        name: "The token of the platform",
        remedy: "Set `audience`."
      }),
      { onLeft: ({ message }) => message, onRight: () => "sent" }
    )

  it("replaces the usual audiences, and the advice of the error names it", () => {
    expect(said({ aud: "api://exchange" })).toBe("sent")
    expect(said({ aud: ["x", "api://other"] })).toBe("sent")
    expect(said({ aud })).toBe(
      "The token of the platform is for https://auth.example.com, and was not sent to https://auth.example.com. " +
        "Get one for the audience api://exchange. Set `audience`."
    )
    expect(said({ aud: "api://exchange", exp: 0 })).toBe(
      "The token of the platform expired at 1970-01-01T00:00:00.000Z, and was not sent. Get a new one. Set `audience`."
    )
  })

  it("does not permit an authorization server that only the MCP server has named", () => {
    const unnamed = { issuerUnnamed: true }
    expect(judge(jwt({ aud: [aud] }), unnamed)).toBe("sent")
    expect(judge(jwt({ aud: [aud, "https://elsewhere.example"] }), unnamed)[1]).toContain("has several audiences")
    expect(said({ aud: ["api://exchange", aud] }, unnamed)).toContain("has several audiences")
    expect(said({ aud: ["api://exchange", aud] }, {})).toBe("sent")
    expect(said({ aud: "api://exchange" }, unnamed)).toContain("is not bound to one authorization server")
    expect(judge(jwt({ aud: "api://x" }), { ...unnamed, audience: "api://x" })[1]).toContain("is not bound")
  })
})

describe("the audiences of an assertion for an authorization server that only the MCP server has named", () => {
  const elsewhere = "https://elsewhere.example"
  const rows: ReadonlyArray<readonly [what: string, audience: unknown, says: string]> = [
    ["one text", aud, "sent"],
    ["an array of one", [aud], "sent"],
    ["the same one twice", [aud, aud], "sent"],
    ["the same one with and without a slash", [aud, `${aud}/`], "sent"],
    ["the token endpoint with and without a slash", [request.tokenEndpoint, `${request.tokenEndpoint}/`], "sent"],
    ["the issuer and another one", [aud, elsewhere], "has several audiences"],
    ["another one and the issuer", [elsewhere, aud], "has several audiences"],
    ["the issuer twice and another one", [aud, aud, elsewhere], "has several audiences"],
    ["the issuer and the same host in another case", [aud, "https://AUTH.example.com"], "has several audiences"],
    ["the issuer and its token endpoint", [aud, request.tokenEndpoint], "has several audiences"],
    ["the issuer and an empty text", [aud, ""], "has several audiences"],
    ["an empty array", [], "is for no audience"],
    ["another one alone", [elsewhere], `is for ${elsewhere}`]
  ]

  it.each(rows.flatMap((row) => [["discover", ...row] as const, ["no issuer", ...row] as const]))(
    "with %s: %s",
    (mode, _, audience, says) => {
      const named = mode === "discover" ? { issuerNamedByServer: true } : { issuerUnnamed: true }
      const [reason, message = reason] = [judge(jwt({ aud: audience }), named)].flat()
      expect(reason).toBe(says === "sent" ? "sent" : "WrongAudience")
      expect(message).toContain(says)
    }
  )

  it("may be several if the caller has named the authorization server", () => {
    expect(judge(jwt({ aud: [aud, elsewhere] }))).toBe("sent")
  })
})

describe("the time of an assertion", () => {
  it.each([
    ["an expiry in a second", { exp: now + 1 }],
    ["no expiry", {}],
    ["valid from now on", { nbf: now }],
    ["valid in a minute, since clocks differ", { nbf: now + 60 }]
  ])("permits it to be sent: %s", (_, claims) => {
    expect(judge(jwt({ aud, ...claims }))).toBe("sent")
  })

  it.each([
    ["now", now, "2025-01-01T00:00:00.000Z"],
    ["long ago", 0, "1970-01-01T00:00:00.000Z"],
    ["before time", -1e300, "-1e+300"]
  ])("is over, so that it is rejected: %s", (_, exp, shown) => {
    assert.deepStrictEqual(judge(jwt({ aud, exp })), [
      "Expired",
      `The assertion expired at ${shown}, and was not sent. Get a new one.`
    ])
  })

  it.each([
    ["valid in more than a minute", now + 61, "2025-01-01T00:01:01.000Z"],
    ["valid at a time beyond every date", 1e300, "1e+300"]
  ])("has not come, so that it is rejected: %s", (_, nbf, shown) => {
    assert.deepStrictEqual(judge(jwt({ aud, nbf })), [
      "NotYetValid",
      `The assertion is not valid before ${shown}, and was not sent. Check the clocks.`
    ])
  })
})

describe("a text that is unsigned or not a JWT", () => {
  it.each(["none", "None", "NONE"])("with alg %s is rejected, with and without `opaque`", (alg) => {
    for (const opaque of [false, true]) {
      assert.deepStrictEqual(judge(jwt({ aud }, { alg }), {}, opaque), [
        "Malformed",
        "The assertion is not signed, and was not sent. Use one that its issuer has signed."
      ])
    }
  })

  it.each([
    ["claims that are not base64", `${encode({ alg: "none" })}.canary!.`],
    ["an expiry in words", jwt({ aud, exp: "canary" }, { alg: "none" })],
    ["too few parts", `${encode({ alg: "none" })}.${encode({ aud })}`]
  ])("with alg none does not pass as opaque: %s", (_, assertion) => {
    for (const opaque of [false, true]) {
      assert.deepStrictEqual(judge(assertion, {}, opaque), [
        "Malformed",
        "The assertion is not signed, and was not sent. Use one that its issuer has signed."
      ])
    }
  })

  it.each([
    ["an expiry in words", jwt({ aud, exp: "canary" })],
    ["an audience that is a number", jwt({ aud: 1 })],
    ["claims that are not JSON", `${encode({ alg: "ES256" })}.${Encoding.encodeBase64Url("{canary}")}.x`],
    ["claims that are not base64", `${encode({ alg: "ES256" })}.canary!.x`],
    ["no claims", `${encode({ alg: "ES256" })}..x`]
  ])("does not pass as opaque if it is a JWT with %s", (_, assertion) => {
    for (const opaque of [false, true]) {
      assert.deepStrictEqual(judge(assertion, {}, opaque), [
        "Malformed",
        "The assertion is a JWT whose claims cannot be read, and was not sent. Get a new one."
      ])
    }
  })

  it.each([
    ["an encrypted JWT, which only its audience can read", `${encode({ alg: "RSA-OAEP", enc: "A256GCM" })}.a.b.c.d`],
    ["three parts of something else", "canary.canary.canary"],
    ["two parts", `${encode({ alg: "ES256" })}.canary`]
  ])("passes as opaque: %s", (_, assertion) => {
    expect(judge(assertion, {}, true)).toBe("sent")
  })

  it.each([["a number", Redacted.make(JSON.parse("1"))], ["not redacted", JSON.parse("\"canary\"")]])(
    "is rejected if it is %s, with `opaque`",
    (_, assertion) => {
      const error = Either.flip(checkRedacted(assertion, request, { now: 0, opaque: true }))
      expect(Either.getOrThrow(error)).toMatchObject({
        reason: "Malformed",
        message: "The assertion is no text, and was not sent. Check where it comes from."
      })
    }
  )

  it("is rejected if it is empty, with and without `opaque`", () => {
    for (const opaque of [false, true]) {
      assert.deepStrictEqual(judge("", {}, opaque), [
        "Malformed",
        "The assertion is empty, and was not sent. Check where it comes from."
      ])
    }
  })

  it("has an expiry if it is a JWT with exp", () => {
    const until = (claims: unknown) => Either.getOrThrow(check(jwt(claims), request, { now: 0 })).expiresAt
    expect(until({ aud, exp: 1.5 })).toBe(1500)
    expect(until({ aud })).toBeUndefined()
  })

  it("has an id if it is a JWT with jti", () => {
    const hasId = (claims: unknown) => Either.getOrThrow(check(jwt(claims), request, { now: 0 })).hasId
    expect([{ aud }, { aud, jti: "canary" }, { aud, jti: 1 }, { aud, jti: "" }].map(hasId)).toEqual([
      false,
      true,
      true,
      true
    ])
    expect(Either.getOrThrow(check("canary", request, { now: 0, opaque: true })).hasId).toBe(false)
  })

  it("has the type and the resources of a JWT that names them", () => {
    const checked = (claims: object, typ?: unknown) =>
      Either.getOrThrow(check(jwt({ aud, ...claims }, { alg: "ES256", typ }), request, { now: 0 }))
    const others = { expiresAt: undefined, hasId: false }
    assert.deepStrictEqual(checked({}), others)
    assert.deepStrictEqual(checked({}, "oauth-id-jag+jwt"), { ...others, type: "oauth-id-jag+jwt" })
    assert.deepStrictEqual(checked({}, 1), { ...others, type: "" })
    assert.deepStrictEqual(checked({ resource: "https://a.example" }), { ...others, resources: ["https://a.example"] })
    assert.deepStrictEqual(checked({ resource: ["a:b", 1] }), { ...others, resources: ["a:b", ""] })
  })

  it("is accepted only with `opaque`", () => {
    assert.deepStrictEqual(judge("canary-opaque"), [
      "Malformed",
      "The assertion is not a JWT, and was not sent. Set `opaque` if the authorization server accepts other kinds."
    ])
    expect(judge("canary-opaque", {}, true)).toBe("sent")
  })

  it("is checked as a JWT if it is one, even with `opaque`", () => {
    expect(judge(jwt({ aud: "https://elsewhere.example" }), {}, true)[0]).toBe("WrongAudience")
    expect(judge(jwt({ aud, exp: 1 }), {}, true)[0]).toBe("Expired")
  })
})

describe("an assertion of a provider that checks nothing itself", () => {
  const refused = (audience: unknown, changes: Partial<Assertion.AssertionRequest>) =>
    Either.match(checkSeveral(Redacted.make(jwt({ aud: audience })), { ...request, ...changes }), {
      onLeft: ({ message, reason }) => [reason, message.slice(0, 38)],
      onRight: () => "sent"
    })
  const several = [aud, "https://elsewhere.example"]

  it.each<Partial<Assertion.AssertionRequest>>([{ issuerNamedByServer: true }, { issuerUnnamed: true }])(
    "is not sent with several audiences to an authorization server that only the MCP server has named: %j",
    (named) => {
      assert.deepStrictEqual(refused(several, named), ["WrongAudience", "The assertion has several audiences, a"])
      expect(refused(aud, named)).toBe("sent")
    }
  )

  it("is sent with several audiences if the caller has named the authorization server", () => {
    expect(refused(several, {})).toBe("sent")
  })
})

describe("isSameUrl", () => {
  it.each([
    ["https://a.example", "https://a.example/", true],
    ["https://A.example/x", "https://a.example:443/x", true],
    ["https://a.example/x", "https://a.example/y", false],
    ["https://a.example", "no URL", false],
    ["no URL", "https://a.example", false],
    ["no URL", "no URL", true],
    ["no URL", "another", false]
  ])("%s and %s: %s", (a, b, expected) => {
    expect(isSameUrl(a, b)).toBe(expected)
  })
})

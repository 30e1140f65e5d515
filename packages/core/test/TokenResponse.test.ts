import { Answer, TestAuthorizationServer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import { AccessToken, TokenEndpoint } from "../src/index.ts"
import { credentials, fails, issuer, request, secret, token, tokenRequest, url } from "./support/tokenEndpoint.ts"
import { after } from "./support/wire.ts"

describe("the token of a response (RFC 6749 §5.1)", () => {
  it.effect("has the values of the answer", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      const got = yield* request(token({ scope: "reports:read extra", refresh_token: "canary-refresh", id_token: 1 }))
      expect(AccessToken.authorization(got)).toBe("Bearer canary-token")
      expect(got.tokenType).toBe("Bearer")
      assert.deepStrictEqual(got.scopes, ["reports:read", "extra"])
      expect(got.issuer).toBe(issuer)
      expect(got.issuedAt).toBe(1_000_000)
      expect(got.expiresAt).toBe(1_000_000 + 3_600_000)
      assert(got.refreshToken !== undefined)
      expect(Redacted.value(got.refreshToken)).toBe("canary-refresh")
      expect(`${JSON.stringify(got)} ${inspect(got, { depth: Infinity, showHidden: true })}`).not.toContain("canary")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("expires counted from before the request, so that the exchange does not prolong its life", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1000)
      const got = yield* after(9000, request(Answer.delayed("9 seconds", token({ expires_in: 60 }))))
      expect(got.issuedAt).toBe(1000)
      expect(got.expiresAt).toBe(61_000)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([[0, 0], [0.001, 1], [9, 9000], [5, 9000]] as const)(
    "with a lifetime of %f s that arrives after %i ms is a transient error",
    ([expires_in, millis]) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(1_000_000)
        const request = fails(Answer.delayed(millis, token({ expires_in })))
        const error = yield* (millis === 0 ? request : after(millis, request))
        expect(error.reason).toBe("Unavailable")
        expect(error.status).toBe(200)
        expect(error.message).toContain(
          `issued a token with a lifetime of ${expires_in} s, and the response arrived after ${millis} ms: the token had expired.`
        )
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("expires counted from after the proof was made", () =>
    Effect.gen(function*() {
      const clientAuthentication = {
        clientId: "c",
        method: "m",
        prove: () => Effect.as(Effect.sleep("5 seconds"), {})
      }
      const got = yield* after(5000, request(token({ expires_in: 60 }), { clientAuthentication }))
      expect(got.issuedAt).toBe(5000)
    }).pipe(Effect.provide(TestNetwork.layer)))

  const year = 365 * 24 * 60 * 60 * 1000
  it.effect.each(
    [
      ["a number", 3600, 3_600_000],
      ["a numeric string", "3600", 3_600_000],
      ["a fraction", 0.5, 500],
      ["a fraction in a string", "3600.5", 3_600_500],
      ["nothing: the default", undefined, 300_000],
      ["null: the default", null, 300_000],
      ["more than a year: a year", 31_536_001, year],
      ["a number beyond reason: a year", 1e99, year],
      ["a string beyond reason: a year", "9".repeat(400), year]
    ] as const
  )("has the lifetime of an expires_in that is %s", ([, expires_in, millis]) =>
    Effect.gen(function*() {
      const got = yield* request(token({ expires_in }))
      expect(got.expiresAt - got.issuedAt).toBe(millis)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("lives a year if expires_in is larger than a double", () =>
    Effect.gen(function*() {
      const got = yield* request(
        Answer.text("{\"access_token\":\"canary-token\",\"token_type\":\"bearer\",\"expires_in\":1e999}")
      )
      expect(got.expiresAt - got.issuedAt).toBe(year)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("lives a year if it has no expires_in and the caller's default lifetime is infinite", () =>
    Effect.gen(function*() {
      const got = yield* request(token({ expires_in: undefined }), { defaultLifetime: Number.POSITIVE_INFINITY })
      expect(got.expiresAt - got.issuedAt).toBe(year)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["Bearer", "bearer", "BEARER", "bEaReR"])(
    "may have the token_type %s",
    (token_type) =>
      Effect.gen(function*() {
        expect((yield* request(token({ token_type }))).tokenType).toBe("Bearer")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([undefined, null])(
    "has the requested scopes if `scope` is left out (%s)",
    (scope) =>
      Effect.gen(function*() {
        assert.deepStrictEqual((yield* request(token({ scope }))).scopes, ["reports:read", "reports:write"])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([null, undefined, "", " ", 1, true, {}, ["canary"], "canary\n", "canary ü"])(
    "may come without a refresh token that can be presented (%j)",
    (refresh_token) =>
      Effect.gen(function*() {
        expect((yield* request(token({ refresh_token }))).refreshToken).toBeUndefined()
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([null, "", 0, {}])("may come with an empty `error` (%j)", (error) =>
    Effect.gen(function*() {
      expect(AccessToken.authorization(yield* request(token({ error })))).toBe("Bearer canary-token")
    }).pipe(Effect.provide(TestNetwork.layer)))

  const scopes: ReadonlyArray<readonly [what: string, scope: unknown, granted: ReadonlyArray<string>]> = [
    ["a text", "reports:read", ["reports:read"]],
    ["a text with many blanks", "  reports:read   extra ", ["reports:read", "extra"]],
    ["an empty text", "", []],
    ["an array (Twitch, Netatmo)", ["reports:read", "extra"], ["reports:read", "extra"]],
    ["an array with a repeated scope", ["extra", "extra"], ["extra"]],
    ["an array of lists", ["reports:read extra", "more"], ["reports:read", "extra", "more"]],
    ["an empty array", [], []],
    ["an array with something else than texts", ["reports:read", 1], ["reports:read", "reports:write"]],
    ["a number", 7, ["reports:read", "reports:write"]],
    ["a boolean", true, ["reports:read", "reports:write"]],
    ["an object", { "reports:read": true }, ["reports:read", "reports:write"]],
    ["requested scopes between commas (GitHub)", "reports:read,reports:write", ["reports:read", "reports:write"]],
    ["a requested scope and a comma", "reports:read,", ["reports:read"]],
    ["commas and spaces", "reports:write, reports:read", ["reports:write", "reports:read"]],
    ["commas in an array", ["reports:write,reports:read"], ["reports:write", "reports:read"]],
    ["a scope with a comma that was not requested, beside another", "a,b extra", ["extra"]],
    ["a requested scope beside an unknown one, by comma", "reports:read,extra", ["reports:read", "reports:write"]],
    ["nothing but a scope with a comma that was not requested", "a,b", ["reports:read", "reports:write"]]
  ]
  it.effect.each(scopes)("has the scopes of %s", ([, scope, granted]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* request(token({ scope }))).scopes, granted)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("keeps a scope with a comma that was requested as it is (RFC 6749 §3.3)", () =>
    Effect.gen(function*() {
      const got = yield* request(token({ scope: "a,b" }), { scopes: ["a,b", "a", "b"] })
      assert.deepStrictEqual(got.scopes, ["a,b"])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("has no scope that was not requested because of a comma, if no scope was requested", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* request(token({ scope: "repo,user" }), { scopes: [] })).scopes, [])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([200, 201, 202, 203, 206, 226, 299])(
    "may have the status %i (RFC 9110 §15)",
    (status) =>
      Effect.gen(function*() {
        const answer = Answer.json({ access_token: "canary-token", token_type: "Bearer" }, { status })
        expect(AccessToken.authorization(yield* request(answer))).toBe("Bearer canary-token")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("may have members beside it that a vendor's error has", () =>
    Effect.gen(function*() {
      const got = yield* request(token({ status: "approved", code: "invalid_client", message: "ok", detail: "none" }))
      expect(AccessToken.authorization(got)).toBe("Bearer canary-token")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("may have any characters that a header allows, and no content type", () =>
    Effect.gen(function*() {
      const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)).join("")
      const got = yield* request(
        Answer.status(200, { body: JSON.stringify({ access_token: `canary${visible}`, token_type: "Bearer" }) })
      )
      expect(Redacted.value(got.value)).toBe(`canary${visible}`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("has the values that a strict server sends", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      const server = yield* TestAuthorizationServer.make({
        issuer,
        clients: [{ ...credentials, scopes: ["reports:read", "reports:write"] }],
        resources: ["https://mcp.example.com/mcp"]
      })
      const got = yield* TokenEndpoint.request(network.httpClient, tokenRequest())
      const issued = yield* server.find(got.value)
      assert.deepStrictEqual(issued?.scopes, got.scopes)
      expect(issued?.clientId).toBe(credentials.clientId)
      expect(issued?.expiresAt).toBe(got.expiresAt)
      expect(issued?.resource).toBe("https://mcp.example.com/mcp")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a 200 without a token", () => {
  const cases: ReadonlyArray<readonly [what: string, answer: Answer.Answer, says: string]> = [
    ["an HTML page", Answer.html(), "the body is not JSON (content type text/html; charset=utf-8)"],
    ["a page that shows a secret", Answer.html("<p>canary-in-page</p>"), "the body is not JSON"],
    ["no body", Answer.status(200), "the body is empty (content type none)"],
    ["a body of white space", Answer.text(" \n"), "the body is empty (content type text/plain; charset=utf-8)"],
    ["a text that may be a token", Answer.text("canary-token"), "the body is not JSON (content type text/plain"],
    ["a form that may be a token", Answer.text("access_token=canary-token"), "the body is not JSON"],
    ["truncated JSON", Answer.text("{\"access_token\":\"canary-tok"), "the body is not JSON"],
    ["an array", Answer.json([{ access_token: "canary-token" }]), "the body is not a JSON object"],
    ["a string", Answer.json("canary-token"), "the body is not a JSON object"],
    ["null", Answer.json(null), "the body is not a JSON object"],
    ["a number", Answer.json(1), "the body is not a JSON object"],
    ["no token", token({ access_token: undefined }), "it has no `access_token`"],
    ["null for a token", token({ access_token: null }), "it has no `access_token`"],
    ["an empty token", token({ access_token: "" }), "it has no `access_token`"],
    ["a number for a token", token({ access_token: 12345 }), "it has no `access_token`"],
    ["a token in an object", token({ access_token: { value: "canary-token" } }), "it has no `access_token`"],
    ...["\n", "\r\nX-Injected: 1", "\u0000", "\t", " ", "\u007f", "ü", "€", "\u2028"].map((bad) =>
      [
        `a token with ${JSON.stringify(bad)}`,
        token({ access_token: `canary-${bad}token` }),
        "`access_token` has characters that a header cannot contain"
      ] as const
    ),
    ["a token of more than 64 KiB", token({ access_token: "t".repeat(65_537) }), "has more than 65536 characters"],
    ["a token with a final newline", token({ access_token: "canary-token\n" }), "`access_token` has characters that"],
    ["no token type", token({ token_type: undefined }), "it has no `token_type`"],
    ["null for a token type", token({ token_type: null }), "it has no `token_type`"],
    ["token type mac", token({ token_type: "mac" }), "`token_type` is \"mac\", and only Bearer can be used"],
    ["token type DPoP", token({ token_type: "DPoP" }), "`token_type` is \"DPoP\", and only Bearer can be used"],
    ["token type N_A", token({ token_type: "N_A" }), "`token_type` is \"N_A\", and only Bearer can be used"],
    ["token type Bearer with a space", token({ token_type: "Bearer " }), "and only Bearer can be used"],
    ["a token type of many lines", token({ token_type: "a\u001b[31m\nb" }), "`token_type` is "],
    ...[-1, "-1", "abc", "", "1e3", "1.", ".5", "1.2.3", " 3600", true, [3600], {}].map((expires_in) =>
      [
        `expires_in ${JSON.stringify(expires_in)}`,
        token({ expires_in }),
        "`expires_in` has an invalid value"
      ] as const
    ),
    ["an unknown JSON object", Answer.json({ data: "canary" }), "it has no `access_token`"],
    ["a token in another member", Answer.json({ token: "canary", token_type: "Bearer" }), "it has no `access_token`"]
  ]
  it.effect.each(cases)(
    "is rejected with an error that names the wrong part without showing it: %s",
    ([, answer, says]) =>
      Effect.gen(function*() {
        const error = yield* fails(answer)
        expect(error.reason).toBe("InvalidResponse")
        expect(error.transient).toBe(false)
        expect(error.status).toBe(200)
        expect(error.url).toBe(url)
        expect(error.code).toBeUndefined()
        expect(error.message).toContain(`Token endpoint ${url} answered 200, but `)
        expect(error.message).toContain(says)
        expect(error.message.length).toBeLessThan(500)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each<readonly [what: string, body: object, says: string | undefined]>([
    ["`message`", { message: "Client is locked" }, "Client is locked"],
    ["`errorSummary`", { errorSummary: "No such client" }, "No such client"],
    ["`message` in a list of errors", { success: false, errors: [{ message: "Denied" }] }, "Denied"],
    ["`message` with control characters", { message: "a\u001b[31m\nb" }, "a [31m b"],
    ["a `message` that repeats the secret", { message: `secret ${secret} is old` }, "secret <redacted> is old"],
    ["a `message` with a JWT", { message: "got eyJhbGciOiJub25lIn0.e30.canary" }, "got <redacted>"],
    ["a code, which may be an authorization code", { code: "canary-code" }, undefined],
    ["a blank `message`", { message: "  " }, undefined],
    ["an unknown member", { data: "canary-data" }, undefined]
  ])("quotes what a JSON object says to people, cut and cleaned: %s", ([, body, says]) =>
    Effect.gen(function*() {
      const { message } = yield* fails(Answer.json(body))
      expect(message).toContain(
        says === undefined ? "it has no `access_token` (" : `it has no \`access_token\`, and says "${says}" (RFC 6749`
      )
      expect(message).not.toContain("canary")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("cuts a long text of a JSON object", () =>
    Effect.gen(function*() {
      const { message } = yield* fails(Answer.json({ message: "x".repeat(100_000) }))
      expect(message.length).toBeLessThan(600)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is rejected without showing a token in `token_type`", () =>
    Effect.gen(function*() {
      const error = yield* fails(token({ token_type: "canary-token-of-some-length", access_token: "Bearer" }))
      expect(error.message).not.toContain("canary-token")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([
    ["BearerToken", "\"BearerToken\""],
    ["bearer_token", "\"bearer_token\""],
    ["JWT", "\"JWT\""],
    ["N_A", "\"N_A\""],
    ["urn:ietf:params:oauth:token-type:access_token", "\"urn:ietf:params:oauth:token-type:access_token\""],
    ["Bearer1", "another"],
    ["Bearer Token", "another"],
    ["", "another"],
    ["x".repeat(21), "another"],
    ["canaryü", "another"],
    ["https://canary.example/type", "another"]
  ])(
    "with the token type %j names it as %s, with the option that would accept it",
    ([token_type, shown]) =>
      Effect.gen(function*() {
        const error = yield* fails(token({ token_type }))
        expect(error.reason).toBe("InvalidResponse")
        expect(error.message).toContain(`\`token_type\` is ${shown}, and only Bearer can be used.`)
        expect(error.message).toContain("name its type in `acceptedTokenTypes`")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("shows no short token in place of the type", () =>
    Effect.gen(function*() {
      const error = yield* fails(token({ token_type: "canary", access_token: "bearer" }))
      expect(error.message).toContain("`token_type` is another")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["DPoP", "dpop", "mac", "PoP"])(
    "with the token type %s is rejected, because no proof is sent",
    (token_type) =>
      Effect.gen(function*() {
        const error = yield* fails(token({ token_type }))
        expect(error.message).toContain("since this client sends no proof of possession")
        expect(error.message).not.toContain("acceptedTokenTypes")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([204, 205])("with the status %i is rejected", (status) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.status(status))
      expect(error.reason).toBe("InvalidResponse")
      expect(error.status).toBe(status)
      expect(error.message).toContain(`answered ${status}, but the body is empty`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("says where to look if something else than the token endpoint may have answered", () =>
    Effect.gen(function*() {
      expect((yield* fails(Answer.html())).message).toContain("A proxy or a gateway may have answered in its place")
      expect((yield* fails(token({ access_token: "" }))).message).not.toContain("proxy")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("acceptedTokenTypes", () => {
  const acceptedTokenTypes = ["BearerToken", "urn:ietf:params:oauth:token-type:access_token"]

  it.effect.each(["BearerToken", "bearertoken", "Bearer", "urn:ietf:params:oauth:token-type:access_token"])(
    "uses a token of the type %s as a bearer token",
    (token_type) =>
      Effect.gen(function*() {
        const got = yield* request(token({ token_type }), { acceptedTokenTypes })
        expect(got.tokenType).toBe("Bearer")
        expect(AccessToken.authorization(got)).toBe("Bearer canary-token")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(["mac", "DPoP", "N_A", "BearerToken2", "Bearer Token", "Bearer,BearerToken", "", null, undefined])(
    "does not open the type %s",
    (token_type) =>
      Effect.gen(function*() {
        const error = yield* fails(token({ token_type }), { acceptedTokenTypes })
        expect(error.reason).toBe("InvalidResponse")
        expect(error.message).toContain("`token_type`")
      }).pipe(Effect.provide(TestNetwork.layer))
  )
})

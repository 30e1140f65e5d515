import { Answer, TestAuthorizationServer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import {
  AccessToken,
  ClientAuthentication,
  Grant,
  OAuthError,
  TokenEndpoint,
  type TokenRequestContext
} from "../src/index.ts"
import { defaultLimits } from "../src/authoring/HttpExchange.ts"
import { after, inPieces, sent, to } from "./support/wire.ts"

const issuer = "https://auth.example.com"
const url = `${issuer}/token`
const secret = "canary+p%c:d/s xü"
const credentials = { clientId: "nightly report", clientSecret: Redacted.make(secret) }

const authorizationServer = {
  issuer,
  tokenEndpoint: new URL(url),
  metadata: { issuer, token_endpoint: url }
}

const tokenRequest = (changes: Partial<TokenEndpoint.TokenRequest> = {}): TokenEndpoint.TokenRequest => ({
  authorizationServer,
  resource: "https://mcp.example.com/mcp",
  resourceParameter: "https://mcp.example.com/mcp",
  scopes: ["reports:read", "reports:write"],
  grant: Grant.clientCredentials,
  clientAuthentication: ClientAuthentication.clientSecretBasic(credentials),
  defaultLifetime: 300_000,
  ...changes
})

/** One request to a token endpoint that gives this answer. */
const request = (answer: Answer.Answer, changes?: Partial<TokenEndpoint.TokenRequest>) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.serve(url, () => Effect.sync(() => new Response(null, { status: 404 })), "token")
    yield* network.always("token", answer)
    return yield* TokenEndpoint.request(network.httpClient, tokenRequest(changes))
  })

const fails = (answer: Answer.Answer, changes?: Partial<TokenEndpoint.TokenRequest>) =>
  Effect.map(Effect.flip(request(answer, changes)), (error) => {
    assert(error instanceof OAuthError.TokenEndpointError)
    return error
  })

const token = (changes: object = {}) =>
  Answer.json({ access_token: "canary-token", token_type: "Bearer", expires_in: 3600, ...changes })

const arrived = Effect.map(
  Effect.flatMap(TestNetwork.TestNetwork, ({ requestsTo }) => requestsTo("token")),
  ([first, ...others]) => {
    assert(first !== undefined)
    assert.deepStrictEqual(others, [])
    return first
  }
)

describe("the token request (RFC 6749 §3.2)", () => {
  it.effect("is byte by byte as expected with Basic", () =>
    Effect.gen(function*() {
      yield* request(token())
      const { body, headers, method } = yield* arrived
      expect(method).toBe("POST")
      expect(body).toBe(
        "grant_type=client_credentials&scope=reports%3Aread+reports%3Awrite" +
          "&resource=https%3A%2F%2Fmcp.example.com%2Fmcp"
      )
      expect(headers["content-type"]).toBe("application/x-www-form-urlencoded")
      expect(headers["accept"]).toBe("application/json")
      // nightly+report : canary%2Bp%25c%3Ad%2Fs+x%C3%BC
      expect(headers["authorization"]).toBe(
        "Basic bmlnaHRseStyZXBvcnQ6Y2FuYXJ5JTJCcCUyNWMlM0FkJTJGcyt4JUMzJUJD"
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is byte by byte as expected with the secret in the body", () =>
    Effect.gen(function*() {
      yield* request(token(), {
        clientAuthentication: ClientAuthentication.clientSecretPost(credentials),
        scopes: [],
        resourceParameter: undefined
      })
      const { body, headers } = yield* arrived
      expect(body).toBe(
        "grant_type=client_credentials&client_id=nightly+report&client_secret=canary%2Bp%25c%3Ad%2Fs+x%C3%BC"
      )
      expect(headers["authorization"]).toBeUndefined()
      expect(headers["content-type"]).toBe("application/x-www-form-urlencoded")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("has no `scope` parameter, instead of an empty one, without scopes (§3.3)", () =>
    Effect.gen(function*() {
      yield* request(token(), { scopes: [] })
      expect([...new URLSearchParams((yield* arrived).body).keys()]).toEqual(["grant_type", "resource"])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(
    [
      [undefined, null],
      ["https://mcp.example.com/mcp", "https://mcp.example.com/mcp"],
      ["https://mcp.example.com", "https://mcp.example.com"],
      ["api://ü?a=b&c", "api://ü?a=b&c"]
    ] as const
  )(
    "has the `resource` parameter as given: %s (RFC 8707 §2)",
    ([resourceParameter, expected]) =>
      Effect.gen(function*() {
        yield* request(token(), { resourceParameter: resourceParameter ?? undefined })
        expect(new URLSearchParams((yield* arrived).body).get("resource")).toBe(expected)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("contains additional parameters, also secret ones, which replace none of the protocol's", () =>
    Effect.gen(function*() {
      const canary = Redacted.make("canary-parameter")
      yield* request(token(), {
        additionalParameters: {
          audience: "https://api.example.com/ü",
          api_key: canary,
          grant_type: "password",
          scope: "everything",
          resource: "https://evil.example",
          ["__proto__"]: "x"
        }
      })
      const form = [...new URLSearchParams((yield* arrived).body)]
      assert.deepStrictEqual(new Map(form).size, form.length)
      assert.deepStrictEqual(
        new Map(form),
        new Map([
          ["audience", "https://api.example.com/ü"],
          ["api_key", "canary-parameter"],
          ["grant_type", "client_credentials"],
          ["scope", "reports:read reports:write"],
          ["resource", "https://mcp.example.com/mcp"],
          ["__proto__", "x"]
        ])
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("reserves the parameters that a grant or a proof sets", () =>
    Effect.sync(() => {
      assert.deepStrictEqual([...TokenEndpoint.reservedParameters].toSorted(), [
        "assertion",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "grant_type",
        "refresh_token",
        "resource",
        "scope"
      ])
    }))

  it.effect("calls the grant and the proof anew, with what the token is for", () =>
    Effect.gen(function*() {
      const contexts: Array<TokenRequestContext.TokenRequestContext> = []
      const changes: Partial<TokenEndpoint.TokenRequest> = {
        grant: {
          type: "urn:example:grant",
          parameters: (context) => {
            contexts.push(context)
            return Effect.succeed({ assertion: Redacted.make("canary-assertion"), scope: "narrower" })
          }
        },
        clientAuthentication: {
          clientId: "client",
          method: "example",
          prove: (context) => {
            contexts.push(context)
            return Effect.succeed({ parameters: { client_id: "client" }, authorization: Redacted.make("Canary x") })
          }
        }
      }
      yield* request(token(), changes)
      const { body, headers } = yield* arrived
      expect(body).toBe(
        "grant_type=urn%3Aexample%3Agrant&scope=narrower&resource=https%3A%2F%2Fmcp.example.com%2Fmcp" +
          "&assertion=canary-assertion&client_id=client"
      )
      expect(headers["authorization"]).toBe("Canary x")
      for (const context of contexts) {
        expect(context.authorizationServer).toBe(authorizationServer)
        expect(context.resource).toBe("https://mcp.example.com/mcp")
        assert.deepStrictEqual(context.scopes, ["reports:read", "reports:write"])
      }
      expect(contexts).toHaveLength(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is not sent if the grant or the proof fails", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Expired", description: "expired" })
      const failing: ReadonlyArray<Partial<TokenEndpoint.TokenRequest>> = [
        { grant: { type: "g", parameters: () => Effect.fail(failure) } },
        { clientAuthentication: { clientId: "c", method: "m", prove: () => Effect.fail(failure) } }
      ]
      for (const changes of failing) {
        expect(yield* Effect.flip(request(token(), changes))).toBe(failure)
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("keeps a query that the endpoint has (§3.2), and does not show it in errors", () =>
    Effect.gen(function*() {
      const tokenEndpoint = new URL(`${url}?p=policy-of-its-own`)
      const network = yield* TestNetwork.TestNetwork
      yield* network.always(to(tokenEndpoint.href), Answer.status(400))
      const error = yield* Effect.flip(
        TokenEndpoint.request(
          network.httpClient,
          tokenRequest({ authorizationServer: { ...authorizationServer, tokenEndpoint } })
        )
      )
      assert.deepStrictEqual(yield* sent, [tokenEndpoint.href])
      expect(JSON.stringify(error) + error.message).not.toContain("policy-of-its-own")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the token (RFC 6749 §5.1)", () => {
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
    "that lives %f s and arrives after %i ms is a transient error",
    ([expires_in, millis]) =>
      Effect.gen(function*() {
        const request = fails(Answer.delayed(millis, token({ expires_in })))
        const error = yield* (millis === 0 ? request : after(millis, request))
        expect(error.reason).toBe("Unavailable")
        expect(error.status).toBe(200)
        expect(error.message).toContain(`issued a token that lives ${expires_in} s and had expired on arrival`)
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

  it.effect.each([null, undefined, ""])(
    "may come without a refresh token (%j)",
    (refresh_token) =>
      Effect.gen(function*() {
        expect((yield* request(token({ refresh_token }))).refreshToken).toBeUndefined()
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([null, "", 0, {}])("may come with an empty `error` (%j)", (error) =>
    Effect.gen(function*() {
      expect(AccessToken.authorization(yield* request(token({ error })))).toBe("Bearer canary-token")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("may have any characters that a header allows, and no content type", () =>
    Effect.gen(function*() {
      const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)).join("")
      const got = yield* request(
        Answer.status(200, { body: JSON.stringify({ access_token: `canary${visible}`, token_type: "Bearer" }) })
      )
      expect(Redacted.value(got.value)).toBe(`canary${visible}`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("of a strict server has the values that the server says", () =>
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
    ["no body", Answer.status(200), "the body is not JSON (content type none)"],
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
        "`access_token` has characters that cannot stand in a header"
      ] as const
    ),
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
    ["a list of scopes", token({ scope: ["a", "b"] }), "`scope` has an invalid value"],
    ["a bad refresh token", token({ refresh_token: "canary\n" }), "`refresh_token` has an invalid value"],
    ["a number for a refresh token", token({ refresh_token: 1 }), "`refresh_token` has an invalid value"]
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

  it.effect("is rejected without showing a token in `token_type`", () =>
    Effect.gen(function*() {
      const error = yield* fails(token({ token_type: "canary-token-of-some-length", access_token: "Bearer" }))
      expect(error.message).not.toContain("canary-token")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("with a token but another 2xx status is rejected", () =>
    Effect.gen(function*() {
      for (const status of [201, 202, 203, 206]) {
        const error = yield* fails(Answer.json({ access_token: "canary-token", token_type: "Bearer" }, { status }))
        expect(error.reason).toBe("InvalidResponse")
        expect(error.status).toBe(status)
      }
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an OAuth error (RFC 6749 §5.2)", () => {
  it.effect.each(
    [
      ["invalid_client", 401, "Check the client id, the credential and the client authentication method."],
      ["invalid_grant", 400, "The grant is expired, revoked or for another client: get a new one."],
      ["invalid_scope", 400, "Ask for scopes that the client was granted."],
      ["invalid_target", 400, "see the option `resourceParameter`"],
      ["unauthorized_client", 400, "Have the client registered for this grant."],
      ["unsupported_grant_type", 400, "use another kind of credential"],
      ["invalid_request", 400, ""],
      ["use_dpop_nonce", 400, ""],
      ["interaction_required", 403, ""],
      ["urn:example:Other Error", 400, ""]
    ] as const
  )("%s is final, and its message has the description and advice", ([code, status, advice]) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.json({ error: code }, { status }))
      expect(error.reason).toBe("Refused")
      expect(error.transient).toBe(false)
      expect(error.code).toBe(code)
      expect(error.status).toBe(status)
      expect(error.message).toContain(`Token endpoint ${url} refused client "nightly report": ${code}.`)
      expect(error.message).toContain(advice)
      expect(error.errorUri).toBeUndefined()
      expect(error.retryAfter).toBeUndefined()
      expect(error.cause).toBeUndefined()
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("may have status 200, as GitHub's have", () =>
    Effect.gen(function*() {
      const error = yield* fails(token({ error: "incorrect_client_credentials", error_description: "no" }))
      expect(error.reason).toBe("Refused")
      expect(error.code).toBe("incorrect_client_credentials")
      expect(error.status).toBe(200)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(
    [
      ["temporarily_unavailable", 400],
      ["slow_down", 400],
      ["server_error", 400],
      ["invalid_client", 503],
      ["invalid_request", 429]
    ] as const
  )("%s with status %i is transient", ([code, status]) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.json({ error: code }, { status }))
      expect(error.reason).toBe("Unavailable")
      expect(error.transient).toBe(true)
      expect(error.code).toBe(code)
      expect(error.status).toBe(status)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is shown as one line of at most 200 characters", () =>
    Effect.gen(function*() {
      const error = yield* fails(
        Answer.json({
          error: `a\u0000b${"c".repeat(10_000)}`,
          error_description: `line one\r\nline two \u001b[31mred\u202e${"x".repeat(10_000)}`,
          error_uri: `https://a.example/\n${"y".repeat(10_000)}`
        }, { status: 400 })
      )
      expect(error.message).toMatch(/\(line one line two +\[31mred xxx/)
      expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      expect(error.message.length).toBeLessThan(700)
      expect(error.code).toMatch(/^a bc+…$/)
      expect(error.code).toHaveLength(201)
      expect(error.errorUri).toMatch(/^https:\/\/a\.example\/ y+…$/)
      expect(error.errorUri).toHaveLength(201)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("has the description and the URI if they are strings", () =>
    Effect.gen(function*() {
      const error = yield* fails(
        Answer.json({ error: "invalid_scope", error_description: "not that one", error_uri: "https://a.example/e" }, {
          status: 400
        })
      )
      expect(error.message).toContain("invalid_scope (not that one). Ask for scopes")
      expect(error.errorUri).toBe("https://a.example/e")
      const strange = yield* fails(
        Answer.json({ error: "x", error_description: { a: 1 }, error_uri: 7 }, { status: 400 })
      )
      expect(strange.message).toContain("\"nightly report\": x.")
      expect(strange.errorUri).toBeUndefined()
    }).pipe(Effect.provide(TestNetwork.layer)))

  const encoded = new URLSearchParams({ client_secret: secret }).toString()
  const echoes: ReadonlyArray<readonly [what: string, text: string]> = [
    ["the secret", `wrong secret ${secret}!`],
    ["the secret, form-encoded", `bad body: grant_type=client_credentials&${encoded}&x=1`],
    ["the secret, twice", `${secret} ${secret}`],
    ["the secret at the cut", `${"x".repeat(190)}${secret}`]
  ]
  it.effect.each(
    [
      ...echoes,
      [
        "the Authorization header",
        `bad header: Basic ${btoa(new URLSearchParams([[credentials.clientId, secret]]).toString().replace("=", ":"))}`
      ] as const
    ] as const
  )("that repeats %s does not show it (Basic)", ([, text]) =>
    Effect.gen(function*() {
      const error = yield* fails(
        Answer.json({ error: `invalid_client`, error_description: text, error_uri: text }, {
          status: 401
        })
      )
      expect(error.message).toContain("<reda")
      expect(error.errorUri).toContain("<reda")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(echoes)("that repeats %s does not show it (post)", ([, text]) =>
    Effect.gen(function*() {
      const clientAuthentication = ClientAuthentication.clientSecretPost(credentials)
      const error = yield* fails(
        Answer.json({ error: "invalid_client", error_description: text, error_uri: text }, { status: 401 }),
        { clientAuthentication }
      )
      expect(error.message).toContain("<reda")
      expect(error.errorUri).toContain("<reda")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("does not show a secret in its code, nor another secret parameter", () =>
    Effect.gen(function*() {
      expect((yield* fails(Answer.json({ error: secret }, { status: 400 }))).code).toBe("<redacted>")
      const error = yield* fails(
        Answer.json({ error: "invalid_grant", error_description: "assertion canary.assertion.x is old" }, {
          status: 400
        }),
        {
          grant: {
            type: "urn:example:grant",
            parameters: () => Effect.succeed({ assertion: Redacted.make("canary.assertion.x") })
          }
        }
      )
      expect(error.message).toContain("(assertion <redacted> is old)")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an answer that is neither a token nor an OAuth error", () => {
  it.effect.each([400, 401, 403, 404, 405, 415, 418])("%i is final", (status) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.html("<h1>canary: whole pages do not belong in an error</h1>", { status }))
      expect(error.reason).toBe("InvalidResponse")
      expect(error.transient).toBe(false)
      expect(error.status).toBe(status)
      expect(error.message).toBe(
        `Token endpoint ${url} answered ${status} without an OAuth error. Check that the address is a token endpoint.`
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([500, 502, 503, 504, 599, 429, 408])("%i is transient", (status) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.status(status))
      expect(error.reason).toBe("Unavailable")
      expect(error.transient).toBe(true)
      expect(error.status).toBe(status)
      expect(error.message).toBe(
        `Token endpoint ${url} answered ${status} without an OAuth error. This may pass: try again later.`
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("that is JSON but not an OAuth error is not shown", () =>
    Effect.gen(function*() {
      for (const error of [{ message: "canary" }, 7, "", ["canary"]]) {
        const failure = yield* fails(Answer.json({ error, detail: "canary" }, { status: 400 }))
        expect(failure.reason).toBe("InvalidResponse")
        expect(failure.message).toContain("without an OAuth error")
      }
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([301, 302, 303, 307, 308] as const)(
    "%i is not followed: its target receives nothing, and the secret was sent once",
    (status) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        yield* network.serve("https://evil.example", () => Effect.sync(() => new Response("{}")))
        const error = yield* fails(Answer.redirect("https://evil.example/token", status))
        expect(error.reason).toBe("InvalidResponse")
        expect(error.transient).toBe(false)
        expect(error.status).toBe(status)
        expect(error.message).toContain("with a redirect, which is not followed since it would replay the credential.")
        assert.deepStrictEqual(yield* sent, [url])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("is not followed if it redirects within the origin", () =>
    Effect.gen(function*() {
      yield* fails(Answer.redirect(`${issuer}/other`, 307))
      assert.deepStrictEqual(yield* sent, [url])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is not read to its end if it is too large", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* TestAuthorizationServer.make({ issuer, clients: [credentials] })
      yield* network.always("token", Answer.oversized(2 * 1024 * 1024))
      const error = yield* Effect.flip(
        TokenEndpoint.request(network.httpClient, tokenRequest({ scopes: [], resourceParameter: undefined }))
      )
      assert(error instanceof OAuthError.TokenEndpointError)
      expect(error.reason).toBe("InvalidResponse")
      expect(error.message).toBe(`Token endpoint ${url}: the answer is larger than 1048576 bytes.`)
      expect((yield* arrived).bytesRead).toBeLessThan(1024 * 1024 + 3 * 16_384)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("no answer", () => {
  it.effect("after a broken connection is transient, with the transport's own cause", () =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.dropped)
      expect(error.reason).toBe("Unavailable")
      expect(error.transient).toBe(true)
      expect(error.status).toBeUndefined()
      expect(error.message).toBe(`Token endpoint ${url}: the connection failed.`)
      expect(error.cause).toBeInstanceOf(Answer.ConnectionDropped)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("after a body that breaks off is transient, and half a token is not used", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(url, () =>
        Effect.sync(() =>
          inPieces("{\"access_token\":\"canary-token\",\"token_type\":\"Bearer\"}", new Error("terminated"))
        ))
      const error = yield* Effect.flip(TokenEndpoint.request(network.httpClient, tokenRequest()))
      assert(error instanceof OAuthError.TokenEndpointError)
      expect(error.transient).toBe(true)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("after a time-out is transient, after 10 seconds or `requestTimeout`", () =>
    Effect.gen(function*() {
      const standard = yield* after(10_000, fails(Answer.never))
      expect(standard.reason).toBe("Unavailable")
      expect(standard.transient).toBe(true)
      expect(standard.message).toBe(`Token endpoint ${url}: no complete answer within 10s.`)
      const limits = { ...defaultLimits, timeout: Duration.millis(1500) }
      expect((yield* after(1500, fails(Answer.never, { limits }))).message).toContain(
        "no complete answer within 1s 500ms"
      )
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("Retry-After (RFC 9110 §10.2.3)", () => {
  const at = Date.UTC(2026, 6, 28, 12, 0, 0)

  it.effect.each(
    [
      ["120", 120_000],
      ["0", 0],
      [" 7 ", 7000],
      ["Tue, 28 Jul 2026 12:01:30 GMT", 90_000],
      ["Tuesday, 28-Jul-26 12:01:30 GMT", 90_000],
      ["Tue, 28 Jul 2026 11:00:00 GMT", 0],
      ["soon", undefined],
      ["", undefined],
      ["9".repeat(400), undefined]
    ] as const
  )("with the value %j", ([header, millis]) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(at)
      for (
        const answer of [
          Answer.status(503, { headers: { "retry-after": header } }),
          Answer.json({ error: "slow_down" }, { status: 429, headers: { "retry-after": header } })
        ]
      ) {
        expect((yield* fails(answer)).retryAfter).toBe(millis)
      }
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("with a date is counted from the arrival of the answer", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(at)
      const answer = Answer.status(503, { headers: { "retry-after": "Tue, 28 Jul 2026 12:01:30 GMT" } })
      const error = yield* after(5000, fails(Answer.delayed("5 seconds", answer)))
      expect(error.retryAfter).toBe(85_000)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

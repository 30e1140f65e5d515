import { Answer, TestAuthorizationServer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import { ClientAuthentication, OAuthError, TokenEndpoint } from "../../../src/index.ts"
import { arrived, credentials, fails, issuer, secret, token, tokenRequest, url } from "../../support/tokenEndpoint.ts"
import { after, sent } from "../../support/wire.ts"

describe("an OAuth error (RFC 6749 §5.2)", () => {
  it.effect.each(
    [
      ["invalid_client", 401, "Check the client id, the credential and the client authentication method."],
      ["invalid_grant", 400, "The grant is expired, revoked or for another client: get a new one."],
      ["invalid_scope", 400, "Ask for scopes that the client was granted."],
      ["invalid_target", 400, "see the option `resourceParameter`"],
      ["unauthorized_client", 400, "Have the client registered for this grant."],
      ["unsupported_grant_type", 400, "use another kind of credential"],
      ["invalid_request", 400, "see the options `resourceParameter`, `scopes` and `additionalParameters`"],
      ["use_dpop_nonce", 400, "proof of possession (RFC 9449), which this client does not send"],
      ["invalid_dpop_proof", 400, "proof of possession (RFC 9449), which this client does not send"],
      ["access_denied", 403, "Have the client granted access"],
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
      expect(error.message).toBe(
        `Token endpoint ${url} answered ${status} to client "nightly report": ${code}. Waiting may help.`
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("says for how long the server asks to wait", () =>
    Effect.gen(function*() {
      const answer = Answer.json({ error: "slow_down" }, { status: 400, headers: { "retry-after": "7" } })
      expect((yield* fails(answer)).message).toContain("Waiting may help: the server asks for 7 s.")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(
    [
      [undefined, undefined, "The request named no resource: see the option `resourceParameter`."],
      [undefined, "api://reports", "does not know the resource \"api://reports\", which the request named"],
      [undefined, "https://mcp.example.com/mcp?key=hidden", "the resource \"https://mcp.example.com/mcp\", which"]
    ] as const
  )(
    "invalid_target names the resource of the request (%s %s)",
    ([, resourceParameter, says]) =>
      Effect.gen(function*() {
        const error = yield* fails(Answer.json({ error: "invalid_target" }, { status: 400 }), { resourceParameter })
        expect(error.message).toContain(says)
        expect(error.message).toContain("`resourceParameter`")
        expect(error.message.includes("check `serverUrl`")).toBe(resourceParameter !== undefined)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(
    [
      [["a", "b"], "The request named \"a b\": correct `scopes`."],
      [[], "The request named none: set `scopes`."]
    ] as const
  )("invalid_scope names the scopes of the request (%j)", ([scopes, says]) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.json({ error: "invalid_scope" }, { status: 400 }), { scopes })
      expect(error.message).toContain(says)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["invalid_client", "unauthorized_client", "invalid_request", "Unauthorized"])(
    "%s with status 401 is a failed client authentication (RFC 6749 §5.2)",
    (error) =>
      Effect.gen(function*() {
        const refusal = yield* fails(Answer.json({ error, error_description: "no" }, { status: 401 }))
        expect(refusal.reason).toBe("Refused")
        expect(refusal.code).toBe(error)
        expect(refusal.message).toContain(
          `${error} (no). Check the client id, the credential and the client authentication method.`
        )
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("invalid_grant with status 401 is about the grant", () =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.json({ error: "invalid_grant" }, { status: 401 }))
      expect(error.message).toContain("The grant is expired, revoked or for another client: get a new one.")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("with an unregistered code and status 404 says that the address may be wrong (Spring, NestJS)", () =>
    Effect.gen(function*() {
      const json = { statusCode: 404, message: "Cannot POST /token", error: "Not Found" }
      const error = yield* fails(Answer.json(json, { status: 404 }))
      expect(error.message).toContain("Not Found (Cannot POST /token). Check that the address is a token endpoint")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["client", "invalid", "temp", "tempora", "s", "_", "slow", "_down"])(
    "is decided by its code as it came, whatever the secret is (%s)",
    (secret) =>
      Effect.gen(function*() {
        const clientAuthentication = ClientAuthentication.clientSecretPost({
          clientId: "c",
          clientSecret: Redacted.make(secret)
        })
        const answer = (error: string, status: number) =>
          fails(Answer.json({ error, error_description: `${error}: no` }, { status }), { clientAuthentication })
        const refusal = yield* answer("invalid_client", 400)
        expect(refusal.code).toBe("invalid_client")
        expect(refusal.message).toContain("invalid_client (invalid_client: no). Check the client id, the credential")
        for (const code of ["temporarily_unavailable", "slow_down"]) {
          const transient = yield* answer(code, 400)
          expect(transient.transient).toBe(true)
          expect(transient.code).toBe(code)
        }
      }).pipe(Effect.provide(TestNetwork.layer))
  )

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
      for (const error_uri of [7, "http://a.example/e", "javascript:alert(1)", "a.example", ""]) {
        const strange = yield* fails(
          Answer.json({ error: "x", error_description: { a: 1 }, error_uri }, { status: 400 })
        )
        expect(strange.message).toContain("\"nightly report\": x.")
        expect(strange.errorUri).toBeUndefined()
      }
    }).pipe(Effect.provide(TestNetwork.layer)))

  const encoded = new URLSearchParams({ client_secret: secret }).toString()
  const echoes: ReadonlyArray<readonly [what: string, text: string]> = [
    ["the secret", `wrong secret ${secret}!`],
    ["the secret, form-encoded", `bad body: grant_type=client_credentials&${encoded}&x=1`],
    ["the secret, twice", `${secret} ${secret}`],
    ["the secret at the cut", `${"x".repeat(175)}${secret}${secret}`]
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
        Answer.json({ error: `invalid_client`, error_description: text, error_uri: `https://a.example/?${text}` }, {
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
        Answer.json({ error: "invalid_client", error_description: text, error_uri: `https://a.example/?${text}` }, {
          status: 401
        }),
        { clientAuthentication }
      )
      expect(error.message).toContain("<reda")
      expect(error.errorUri).toContain("<reda")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("that repeats a secret in its content type does not show it", () =>
    Effect.gen(function*() {
      const error = yield* fails(
        Answer.text("no JSON", { contentType: `text/plain; q="${encodeURIComponent(secret)}"` })
      )
      expect(error.message).toContain("(content type text/plain; q=\"<redacted>\")")
    }).pipe(
      // The platform's own span has the headers of the response.
      Effect.withTracerEnabled(false),
      Effect.provide(TestNetwork.layer)
    ))

  it.effect("does not show a secret in its code, nor another secret parameter", () =>
    Effect.gen(function*() {
      expect((yield* fails(Answer.json({ error: secret }, { status: 400 }))).code).toBe("<redacted>")
      const error = yield* fails(
        Answer.json({ error: "invalid_grant", error_description: "proof canary.assertion.x is old" }, {
          status: 400
        }),
        {
          grant: {
            type: "urn:example:grant",
            parameters: () => Effect.succeed({ assertion: Redacted.make("canary.assertion.x") })
          }
        }
      )
      expect(error.message).toContain("(proof <redacted> is old)")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an answer that is neither a token nor an OAuth error", () => {
  const address =
    "Check that the address is a token endpoint: it is the option `tokenEndpoint`, or from the metadata " +
    "of `issuer`."
  it.effect.each(
    [
      [400, address],
      [401, "Check the client id, the credential and the client authentication method."],
      [403, "or a gateway in front of it, denies the request"],
      [404, address],
      [405, address],
      [407, "A proxy demands credentials of its own"],
      [410, address],
      [415, address],
      [418, address],
      [421, "does not serve this host name: check the host name in `issuer` and `tokenEndpoint`."]
    ] as const
  )("%i is final, and the message says what to check", ([status, advice]) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.html("<h1>canary: whole pages do not belong in an error</h1>", { status }))
      expect(error.reason).toBe("InvalidResponse")
      expect(error.transient).toBe(false)
      expect(error.status).toBe(status)
      expect(error.message).toContain(`Token endpoint ${url} answered ${status} without an OAuth error. `)
      expect(error.message).toContain(advice)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([500, 502, 503, 504, 599, 429, 408])("%i is transient", (status) =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.status(status))
      expect(error.reason).toBe("Unavailable")
      expect(error.transient).toBe(true)
      expect(error.status).toBe(status)
      expect(error.message).toBe(
        `Token endpoint ${url} answered ${status} without an OAuth error. The server may recover: try again later.`
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each<unknown>([
    { error: 7, canary: "canary" },
    { error: "", note: "canary" },
    { error: ["canary"] },
    { error: { canary: "canary" } },
    { token: "canary", data: { message: "canary" } },
    ["canary"],
    "canary",
    null
  ])("that is JSON of an unknown form is not shown (%j)", (json) =>
    Effect.gen(function*() {
      const failure = yield* fails(Answer.json(json, { status: 400 }))
      expect(failure.reason).toBe("InvalidResponse")
      expect(failure.message).toContain("without an OAuth error")
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
        expect(error.message).toContain(
          "with a redirect to https://evil.example/token, which is not followed, because it would replay the credential."
        )
        expect(error.message).toContain("If the token endpoint has moved there, set `tokenEndpoint`.")
        assert.deepStrictEqual(yield* sent, [url])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([
    ["/other?code=hidden", ` to ${issuer}/other,`],
    ["https://user:hidden@login.example/a#hidden", " to https://login.example/a,"],
    ["http://[", ","],
    [undefined, ","]
  ])(
    "is named by its redirect without query, user name and password (%s)",
    ([location, shown]) =>
      Effect.gen(function*() {
        const error = yield* fails(Answer.status(302, { headers: location === undefined ? {} : { location } }))
        expect(error.message).toContain(`answered 302 with a redirect${shown}`)
        expect(error.message).not.toContain("hidden")
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
      expect(error.message).toBe(
        `Token endpoint ${url}: the answer is larger than 1048576 bytes. Raise \`maxResponseSize\` if the address is right.`
      )
      expect((yield* arrived).bytesRead).toBeLessThan(1024 * 1024 + 3 * 16_384)
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
      ["9".repeat(400), 86_400_000]
    ] as const
  )("with the value %j is a wait of %s ms", ([header, millis]) =>
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

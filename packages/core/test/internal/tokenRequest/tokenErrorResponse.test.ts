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
        `Token endpoint ${url} answered ${status} without an OAuth error. The server may recover: try again later.`
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

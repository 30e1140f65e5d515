import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { fails, secret, url } from "../../support/tokenEndpoint.ts"

const json = (body: unknown, status = 400) => Answer.json(body, { status })
const form = (body: string, status = 400) =>
  Answer.text(body, { status, contentType: "application/x-www-form-urlencoded" })
const text = (body: string, status = 400, contentType = "text/plain") => Answer.text(body, { status, contentType })

const CREDENTIAL = "Check the client id, the credential and the client authentication method."

describe("an error in the form of a vendor", () => {
  const forms: ReadonlyArray<readonly [vendor: string, answer: Answer.Answer, message: string]> = [
    [
      "Google (an object in `error`)",
      json({ error: { code: 400, message: "The audience is not a valid pool", status: "INVALID_ARGUMENT" } }),
      "answered 400 with \"The audience is not a valid pool\" (INVALID_ARGUMENT). Correct what the text names, or ask"
    ],
    [
      "Google, with nothing but the status",
      json({ error: { code: 400, status: "INVALID_ARGUMENT" } }),
      "INVALID_ARGUMENT."
    ],
    [
      "Azure (an object in `error`)",
      json({ error: { code: "InvalidAudience", message: "No such audience" } }),
      "answered 400 with \"No such audience\" (InvalidAudience)."
    ],
    [
      "Okta, with a code of its own",
      json({ errorCode: "E0000011", errorSummary: "Invalid token provided", errorId: "canary", errorCauses: [] }, 403),
      "answered 403 with \"Invalid token provided\" (E0000011). The authorization server, or a gateway"
    ],
    [
      "AWS",
      json({ __type: "com.amazonaws.sts#AccessDeniedException", Message: "Not authorized" }),
      "answered 400 with \"Not authorized\" (AccessDeniedException)."
    ],
    [
      "AWS API Gateway",
      json({ message: "Forbidden by policy 17" }, 403),
      "answered 403 with \"Forbidden by policy 17\"."
    ],
    [
      "problem+json (RFC 9457)",
      Answer.text(
        JSON.stringify({ type: "about:blank", title: "Bad client", detail: "The client is locked", status: 400 }),
        { status: 400, contentType: "application/problem+json" }
      ),
      "answered 400 with \"The client is locked\"."
    ],
    ["problem+json without detail", json({ title: "Bad client", status: 400 }), "answered 400 with \"Bad client\"."],
    [
      "FastAPI",
      json({ detail: [{ loc: ["body", "grant_type"], msg: "Field required", input: "canary" }] }, 422),
      "answered 422 with \"Field required\"."
    ],
    ["FastAPI, with a text", json({ detail: "Not a client" }), "answered 400 with \"Not a client\"."],
    [
      "Salesforce (a list)",
      json([{ message: "Session expired", errorCode: "INVALID_SESSION_ID" }]),
      "answered 400 with \"Session expired\" (INVALID_SESSION_ID)."
    ],
    [
      "Cloudflare and JSON:API (`errors`)",
      json({ success: false, errors: [{ code: 10_000, message: "Authentication error" }] }),
      "answered 400 with \"Authentication error\"."
    ],
    [
      "Apigee (`fault`)",
      json({ fault: { faultstring: "Invalid API key", detail: { errorcode: "canary" } } }, 401),
      `answered 401 with "Invalid API key". ${CREDENTIAL}`
    ],
    ["a text", text("client locked"), "answered 400 with \"client locked\"."],
    ["a text of several lines", text("client\r\nlocked\n"), "answered 400 with \"client locked\"."],
    ["a text with a character set", text("client locked", 400, "Text/Plain; charset=utf-8"), "with \"client locked\"."],
    [
      "Go (a text, 404)",
      text("404 page not found", 404),
      "answered 404 with \"404 page not found\". Check that the address is a token endpoint"
    ],
    [
      "a 503 with a message",
      json({ message: "Service Unavailable" }, 503),
      "answered 503 with \"Service Unavailable\". The server may recover: try again later."
    ],
    ["blank texts", json({ message: " ", title: "Bad client" }), "answered 400 with \"Bad client\"."]
  ]
  it.effect.each(forms)("is shown in short, and has no code: %s", ([, answer, message]) =>
    Effect.gen(function*() {
      const error = yield* fails(answer)
      expect(error.message).toContain(`Token endpoint ${url} `)
      expect(error.message).toContain(message)
      expect(error.message).not.toContain("without an OAuth error")
      expect(error.code).toBeUndefined()
      expect(error.reason).toBe(error.status === 503 ? "Unavailable" : "InvalidResponse")
    }).pipe(Effect.provide(TestNetwork.layer)))

  const coded: ReadonlyArray<readonly [vendor: string, answer: Answer.Answer, code: string, message: string]> = [
    [
      "Okta",
      json({ errorCode: "invalid_client", errorSummary: "The client secret has expired", errorLink: "x" }, 401),
      "invalid_client",
      `invalid_client (The client secret has expired). ${CREDENTIAL}`
    ],
    [
      "an object in `error`",
      json({ error: { code: "invalid_grant", message: "Expired" } }),
      "invalid_grant",
      "invalid_grant (Expired). The grant is expired"
    ],
    [
      "a form",
      form("error=invalid_client&error_description=locked+out"),
      "invalid_client",
      `invalid_client (locked out). ${CREDENTIAL}`
    ],
    ["a form without its content type", text("error=invalid_scope&x=1"), "invalid_scope", "invalid_scope. Ask for"],
    [
      "a form with status 200 (GitHub)",
      form("error=incorrect_client_credentials&error_description=No.", 200),
      "incorrect_client_credentials",
      "incorrect_client_credentials (No.)."
    ],
    [
      "a description in `message`",
      json({ error: "invalid_client", message: "Unknown client" }, 401),
      "invalid_client",
      `invalid_client (Unknown client). ${CREDENTIAL}`
    ],
    ["a code with status 200", json({ errorCode: "invalid_client" }, 200), "invalid_client", CREDENTIAL]
  ]
  it.effect.each(coded)(
    "counts as an OAuth error if it holds a registered code: %s",
    ([, answer, code, message]) =>
      Effect.gen(function*() {
        const error = yield* fails(answer)
        expect(error.reason).toBe("Refused")
        expect(error.code).toBe(code)
        expect(error.message).toContain(message)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("temporarily_unavailable of a vendor's member is transient", () =>
    Effect.gen(function*() {
      const error = yield* fails(json({ errorCode: "temporarily_unavailable" }))
      expect(error.transient).toBe(true)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an answer that people must not see", () => {
  const hidden: ReadonlyArray<readonly [what: string, answer: Answer.Answer]> = [
    ["HTML", Answer.html("<p>canary</p>", { status: 400 })],
    ["HTML that says it is text", text("<!doctype html><p>canary</p>")],
    ["XML that says it is text", text("  <?xml version=\"1.0\"?><canary/>")],
    ["broken JSON that says it is text", text("{\"token\":\"canary")],
    ["a broken list that says it is text", text("[\"canary")],
    ["a text without a known content type", text("canary", 400, "application/octet-stream")],
    ["a text of another type", text("canary", 400, "text/csv")],
    ["an unknown member", json({ note: "canary", token: "canary" })],
    ["a member of an unknown member", json({ data: { message: "canary" } })],
    ["a member that is no text", json({ message: { text: "canary" }, detail: ["canary"], title: 7 })],
    ["a form of an unknown kind", form("token=canary&note=canary")],
    ["a vendor's code that is no word", json({ errorCode: "canary canary", code: "canary\u0000" })]
  ]
  it.effect.each(hidden)("shows nothing of %s", ([, answer]) =>
    Effect.gen(function*() {
      const error = yield* fails(answer)
      expect(error.message).toContain("answered 400 without an OAuth error.")
      expect(error.message).not.toContain("canary")
    }).pipe(Effect.provide(TestNetwork.layer)))

  const encoded = new URLSearchParams({ client_secret: secret }).toString().slice("client_secret=".length)
  const echoes: ReadonlyArray<readonly [what: string, echo: (text: string) => Answer.Answer]> = [
    ["`error.message`", (message) => json({ error: { message } })],
    ["`errorSummary`", (errorSummary) => json({ errorSummary })],
    ["`message`", (message) => json({ message })],
    ["`Message`", (Message) => json({ Message })],
    ["`detail`", (detail) => json({ detail })],
    ["`detail` of FastAPI", (msg) => json({ detail: [{ msg }] })],
    ["`faultstring`", (faultstring) => json({ fault: { faultstring } })],
    ["a form", (description) => form(String(new URLSearchParams({ error: "x", error_description: description })))],
    ["a text", (body) => text(body)]
  ]
  it.effect.each(echoes)("shows no secret that %s repeats", ([, echo]) =>
    Effect.gen(function*() {
      for (const spelling of [secret, encoded]) {
        const error = yield* fails(echo(`wrong secret ${spelling}!`))
        expect(error.message).toContain("wrong secret <redacted>!")
      }
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("shows neither the assertion of the grant nor a JWT that the server repeats", () =>
    Effect.gen(function*() {
      const error = yield* fails(json({ message: "no canary.assertion.x, nor eyJhbGciOiJFUzI1NiJ9.e30.c2ln" }), {
        grant: {
          type: "urn:example:grant",
          parameters: () => Effect.succeed({ assertion: Redacted.make("canary.assertion.x") })
        }
      })
      expect(error.message).toContain("\"no <redacted>, nor <redacted>\"")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("cuts a long text, and makes it one line without control characters", () =>
    Effect.gen(function*() {
      const error = yield* fails(json({ message: `line one\r\nline \u001b[31mtwo\u202e${"x".repeat(100_000)}` }))
      expect(error.message).toMatch(/"line one line +\[31mtwo x{100}/)
      expect(error.message.length).toBeLessThan(500)
      expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

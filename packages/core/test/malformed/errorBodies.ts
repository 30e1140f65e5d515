/** Malformed refusals of the token endpoint. */
import { Answer } from "@effect-mcp-auth/testing"
import { Effect } from "effect"
import { always, json, withTokenAnswer } from "./corridor.ts"
import { token } from "./corridor.ts"
import type { Family, Row } from "./support.ts"

/** The token endpoint answers with this status and text. */
const text = (
  input: string,
  section: string,
  status: number,
  body: string,
  outcome: string,
  contentType = "application/json"
): Row => ({
  input,
  section,
  outcome,
  run: withTokenAnswer(Answer.text(body, { status, contentType }))
})

const error = (input: string, section: string, members: object, outcome: string, status = 400): Row =>
  text(input, section, status, JSON.stringify({ error: "invalid_client", ...members }), outcome)

const headers = (
  input: string,
  section: string,
  status: number,
  fields: Readonly<Record<string, string>>,
  outcome: string
): Row => ({
  input,
  section,
  outcome,
  run: Effect.zipRight(
    always("token", Answer.json({ error: "temporarily_unavailable" }, { status, headers: fields })),
    token()
  )
})

export const errorBodies: Family = {
  name: "error response",
  rows: [
    text("a 400 without a body", "RFC 6749 §5.2", 400, "", "TokenEndpointError InvalidResponse"),
    text("a 400 of broken JSON", "RFC 8259 §2", 400, "{\"error\":", "TokenEndpointError InvalidResponse"),
    text("a 400 of an array", "RFC 6749 §5.2", 400, "[]", "TokenEndpointError InvalidResponse"),
    text("a 400 of null", "RFC 6749 §5.2", 400, "null", "TokenEndpointError InvalidResponse"),
    text(
      "a 400 of nested arrays, 100,000 deep",
      "RFC 8259 §9",
      400,
      "[".repeat(100_000),
      "TokenEndpointError InvalidResponse"
    ),
    text(
      "a 400 of an HTML page with a script",
      "RFC 6749 §5.2",
      400,
      "<script>alert(1)</script>",
      "TokenEndpointError InvalidResponse",
      "text/html"
    ),
    text(
      "a 400 of HTML that is declared as text",
      "RFC 6749 §5.2",
      400,
      "<html>canary</html>",
      "TokenEndpointError InvalidResponse",
      "text/plain"
    ),
    text(
      "a 400 of text with escape sequences of a terminal",
      "CWE-150",
      400,
      "\u001b]0;owned\u0007\u001b[2J",
      "TokenEndpointError InvalidResponse",
      "text/plain"
    ),
    text(
      "a 400 of 2 MiB",
      "RFC 9110 §8.6",
      400,
      "x".repeat(2 * 1024 * 1024),
      "TokenEndpointError InvalidResponse",
      "text/plain"
    ),
    text(
      "a 400 in XML",
      "RFC 6749 §5.2",
      400,
      "<?xml version=\"1.0\"?><error>invalid_client</error>",
      "TokenEndpointError InvalidResponse",
      "application/xml"
    ),
    text(
      "a form-encoded error with a bad escape",
      "RFC 6749 §5.2",
      400,
      "error=invalid_client&error_description=%zz%ff%00",
      "TokenEndpointError Refused",
      "application/x-www-form-urlencoded"
    ),
    text(
      "a form-encoded error with 10,000 fields",
      "RFC 6749 §5.2",
      400,
      `${"a=1&".repeat(10_000)}error=invalid_client`,
      "TokenEndpointError Refused",
      "application/x-www-form-urlencoded"
    ),
    text(
      "`error` inside of `__proto__`",
      "RFC 8259 §4",
      400,
      "{\"__proto__\":{\"error\":\"invalid_client\"}}",
      "TokenEndpointError InvalidResponse"
    ),
    text(
      "two members `error`",
      "RFC 8259 §4",
      400,
      "{\"error\":\"temporarily_unavailable\",\"error\":\"invalid_client\"}",
      "TokenEndpointError Refused"
    ),
    text(
      "a status 418 with an OAuth error",
      "RFC 6749 §5.2",
      418,
      "{\"error\":\"invalid_client\"}",
      "TokenEndpointError Refused"
    ),
    text(
      "a status 200 with an OAuth error",
      "RFC 6749 §5.2",
      200,
      "{\"error\":\"invalid_client\"}",
      "TokenEndpointError Refused"
    ),
    text(
      "a status 200 with an error and a token",
      "RFC 6749 §5.2",
      200,
      "{\"error\":\"invalid_client\",\"access_token\":\"canary\",\"token_type\":\"Bearer\"}",
      "TokenEndpointError Refused"
    ),
    error("an `error` that is a number", "RFC 6749 §5.2", { error: 401 }, "TokenEndpointError InvalidResponse"),
    error(
      "an `error` that is an object",
      "RFC 6749 §5.2",
      { error: { code: "invalid_client" } },
      "TokenEndpointError Refused"
    ),
    error(
      "an `error` that is an array",
      "RFC 6749 §5.2",
      { error: ["invalid_client"] },
      "TokenEndpointError InvalidResponse"
    ),
    error("an `error` that is null", "RFC 6749 §5.2", { error: null }, "TokenEndpointError InvalidResponse"),
    error("an `error` that is empty", "RFC 6749 §5.2", { error: "" }, "TokenEndpointError InvalidResponse"),
    error("an `error` in upper case", "RFC 6749 §5.2", { error: "INVALID_CLIENT" }, "TokenEndpointError Refused"),
    error(
      "an `error` with a line break",
      "CWE-117",
      { error: "invalid_client\n2026-01-01 INFO token sent" },
      "TokenEndpointError Refused"
    ),
    error("an `error` with a NUL", "RFC 6749 §5.2", { error: "invalid_client\0" }, "TokenEndpointError Refused"),
    error("an `error` of 500 KB", "RFC 6749 §5.2", { error: "x".repeat(500_000) }, "TokenEndpointError Refused"),
    error(
      "an `error` named like a member of every object",
      "RFC 6749 §5.2",
      { error: "constructor" },
      "TokenEndpointError Refused"
    ),
    error(
      "an `error_description` that is a number",
      "RFC 6749 §5.2",
      { error_description: 1 },
      "TokenEndpointError Refused"
    ),
    error(
      "an `error_description` that is an object",
      "RFC 6749 §5.2",
      { error_description: { canary: "canary" } },
      "TokenEndpointError Refused"
    ),
    error(
      "an `error_description` of 500 KB",
      "RFC 6749 §5.2",
      { error_description: "x ".repeat(250_000) },
      "TokenEndpointError Refused"
    ),
    error("an `error_description` with line breaks of every kind", "CWE-117", {
      error_description: "a\nb\rc\u0085d\u2028e\u2029f\u000bg"
    }, "TokenEndpointError Refused"),
    error("an `error_description` with overriding of the text direction", "CWE-1007", {
      error_description: "\u202eevil\u2066x\u2069"
    }, "TokenEndpointError Refused"),
    error("an `error_description` that repeats the client's secret", "CWE-209", {
      error_description: "wrong secret: canary-secret+%/\u00fc"
    }, "TokenEndpointError Refused"),
    error("an `error_description` with the secret in base64", "CWE-209", {
      error_description: Buffer.from("test-client:canary-secret%2B%25%2F%C3%BC").toString("base64")
    }, "TokenEndpointError Refused"),
    error("an `error_description` with half a surrogate pair at the end of the cut", "RFC 8259 §8.2", {
      error_description: `${"x".repeat(199)}\u{1f600}`
    }, "TokenEndpointError Refused"),
    error(
      "an `error_uri` of the scheme `javascript`",
      "RFC 6749 §5.2",
      { error_uri: "javascript:alert(1)" },
      "TokenEndpointError Refused"
    ),
    error(
      "an `error_uri` with a line break",
      "RFC 6749 §5.2",
      { error_uri: "https://auth.example.com/\nhelp" },
      "TokenEndpointError Refused"
    ),
    error(
      "an `error_uri` that is an array",
      "RFC 6749 §5.2",
      { error_uri: ["https://auth.example.com"] },
      "TokenEndpointError Refused"
    ),
    error("members of a vendor of the wrong kinds", "RFC 9457 §3.1", {
      error: undefined,
      errorSummary: 1,
      message: [],
      detail: { msg: 1 },
      title: null
    }, "TokenEndpointError InvalidResponse"),
    headers(
      "a Retry-After of minus one",
      "RFC 9110 §10.2.3",
      503,
      { "retry-after": "-1" },
      "TokenEndpointError Unavailable"
    ),
    headers(
      "a Retry-After beyond every date",
      "RFC 9110 §10.2.3",
      503,
      { "retry-after": "9".repeat(400) },
      "TokenEndpointError Unavailable"
    ),
    headers("a Retry-After in the year 275760", "RFC 9110 §10.2.3", 503, {
      "retry-after": "Fri, 13 Sep 275760 00:00:00 GMT"
    }, "TokenEndpointError Unavailable"),
    headers(
      "a Retry-After that is no date",
      "RFC 9110 §10.2.3",
      503,
      { "retry-after": "NaN" },
      "TokenEndpointError Unavailable"
    ),
    headers(
      "a challenge for another scheme in a 401",
      "RFC 6749 §5.2",
      401,
      { "www-authenticate": "Negotiate" },
      "TokenEndpointError Unavailable"
    ),
    {
      input: "a 401 of JSON with a comment",
      section: "RFC 8259 §2",
      outcome: "TokenEndpointError InvalidResponse",
      run: withTokenAnswer(json("{/* */}", 401))
    }
  ]
}

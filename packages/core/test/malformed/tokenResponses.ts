/** Malformed token responses. */
import { Answer } from "@effect-mcp-auth/testing"
import { Effect } from "effect"
import { gzipSync } from "node:zlib"
import { json, serveBytes, token, withTokenAnswer } from "./corridor.ts"
import type { Family, Row } from "./support.ts"

const INVALID = "TokenEndpointError InvalidResponse"
const FULL = "token [mcp admin] for 3600 s"
const TOKEN = { access_token: "canary-token", token_type: "Bearer", expires_in: 3600 }

/** The answer is 200 with this text as its JSON. */
const text = (input: string, section: string, body: string, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: withTokenAnswer(json(body))
})

/** The answer is a valid token response with these members changed. */
const changed = (input: string, section: string, members: object, outcome: string): Row =>
  text(input, section, JSON.stringify({ ...TOKEN, ...members }), outcome)

/** The token endpoint answers with exactly these bytes. */
const bytes = (
  input: string,
  section: string,
  body: Uint8Array,
  outcome: string,
  headers: Readonly<Record<string, string>> = {}
): Row => ({
  input,
  section,
  outcome,
  run: Effect.zipRight(
    serveBytes("https://bytes.example.com", body, headers),
    token({ scopes: ["mcp", "admin"], tokenEndpoint: "https://bytes.example.com/token" })
  )
})

const good = JSON.stringify(TOKEN)
const encoded = new TextEncoder().encode(good)
const deep = "[".repeat(50_000) + "]".repeat(50_000)

const bodies: ReadonlyArray<Row> = [
  text("an empty body", "RFC 6749 §5.1", "", "TokenEndpointError Unavailable"),
  text("a body of white space", "RFC 6749 §5.1", " \t\r\n", "TokenEndpointError Unavailable"),
  text("a body that is cut", "RFC 8259 §2", good.slice(0, 40), "TokenEndpointError Unavailable"),
  text("two documents in one body", "RFC 8259 §2", good + good, "TokenEndpointError Unavailable"),
  text("JSON with comments", "RFC 8259 §2", `/* a token */ ${good}`, "TokenEndpointError Unavailable"),
  text(
    "JSON with a comma after the last member",
    "RFC 8259 §4",
    good.replace("}", ",}"),
    "TokenEndpointError Unavailable"
  ),
  text("JSON in single quotes", "RFC 8259 §7", good.replaceAll("\"", "'"), "TokenEndpointError Unavailable"),
  text("a JSON array of a token", "RFC 6749 §5.1", `[${good}]`, "TokenEndpointError Unavailable"),
  text("a JSON text of a token", "RFC 6749 §5.1", JSON.stringify(good), "TokenEndpointError Unavailable"),
  text("null", "RFC 6749 §5.1", "null", "TokenEndpointError Unavailable"),
  text("a number", "RFC 6749 §5.1", "1e400", "TokenEndpointError Unavailable"),
  text("100,000 nested brackets", "RFC 8259 §9", deep, "TokenEndpointError Unavailable"),
  text(
    "100,000 nested brackets in a member that nobody reads",
    "RFC 8259 §9",
    good.replace("}", `,"x":${deep}}`),
    "token [mcp admin] for 3600 s"
  ),
  text(
    "form-encoded text under application/json",
    "RFC 6749 §5.1",
    new URLSearchParams({ access_token: "canary-token" }).toString(),
    "TokenEndpointError Unavailable"
  ),
  text("a NUL after the document", "RFC 8259 §2", `${good}\0`, "TokenEndpointError Unavailable"),
  text(
    "a member name in upper case",
    "RFC 6749 §5.1",
    good.replace("access_token", "Access_Token"),
    "TokenEndpointError Unavailable"
  ),
  text(
    "members in a member `data`",
    "RFC 6749 §5.1",
    JSON.stringify({ data: TOKEN }),
    "TokenEndpointError Unavailable"
  ),
  text("`__proto__` with the token in it", "RFC 8259 §4", `{"__proto__":${good}}`, "TokenEndpointError Unavailable"),
  text(
    "`constructor` with the token in it",
    "RFC 8259 §4",
    `{"constructor":{"prototype":${good}}}`,
    "TokenEndpointError Unavailable"
  ),
  text(
    "`__proto__` beside the token",
    "RFC 8259 §4",
    good.replace("}", ",\"__proto__\":{\"scope\":\"other\"}}"),
    "token [mcp admin] for 3600 s"
  ),
  text(
    "two members `access_token`",
    "RFC 8259 §4",
    good.replace("{", "{\"access_token\":\"canary-first\","),
    "token [mcp admin] for 3600 s"
  ),
  text(
    "two members `error`, the last one null",
    "RFC 8259 §4",
    good.replace("{", "{\"error\":\"invalid_client\",\"error\":null,"),
    "token [mcp admin] for 3600 s"
  ),
  {
    input: "an HTML page with status 200",
    section: "RFC 6749 §5.1",
    outcome: "TokenEndpointError Unavailable",
    run: withTokenAnswer(Answer.html())
  },
  {
    input: "a token with status 204",
    section: "RFC 9110 §15.3.5",
    outcome: "TokenEndpointError Unavailable",
    run: withTokenAnswer(Answer.status(204))
  },
  {
    input: "a body that is cut by the connection",
    section: "RFC 9110 §8.6",
    outcome: "TokenEndpointError Unavailable",
    run: withTokenAnswer(Answer.truncated)
  },
  {
    input: "a body of 2 MiB",
    section: "RFC 9110 §8.6",
    outcome: "TokenEndpointError InvalidResponse",
    run: withTokenAnswer(Answer.oversized(2 * 1024 * 1024))
  },
  {
    input: "an answer that never comes",
    section: "RFC 9110 §9.2",
    outcome: "TokenEndpointError Unavailable",
    run: withTokenAnswer(Answer.never)
  },
  {
    input: "a token with a redirect status",
    section: "RFC 9700 §4.12",
    outcome: "TokenEndpointError InvalidResponse",
    run: withTokenAnswer(json(good, 307))
  },
  {
    input: "a token with status 302 and no location",
    section: "RFC 9110 §10.2.2",
    outcome: "TokenEndpointError InvalidResponse",
    run: withTokenAnswer(json(good, 302))
  },
  {
    input: "a token with status 400",
    section: "RFC 6749 §5.2",
    outcome: "TokenEndpointError InvalidResponse",
    run: withTokenAnswer(json(good, 400))
  },
  {
    input: "a token with status 599",
    section: "RFC 9110 §15",
    outcome: "TokenEndpointError Unavailable",
    run: withTokenAnswer(json(good, 599))
  }
]

const encodings: ReadonlyArray<Row> = [
  bytes(
    "a byte order mark before the document",
    "RFC 8259 §8.1",
    new Uint8Array([0xef, 0xbb, 0xbf, ...encoded]),
    "token [mcp admin] for 3600 s"
  ),
  bytes(
    "UTF-16 without a byte order mark",
    "RFC 8259 §8.1",
    new Uint8Array(Buffer.from(good, "utf16le")),
    "TokenEndpointError Unavailable"
  ),
  bytes(
    "UTF-16 with a byte order mark",
    "RFC 8259 §8.1",
    new Uint8Array(Buffer.from(`\ufeff${good}`, "utf16le")),
    "TokenEndpointError Unavailable"
  ),
  bytes(
    "gzip without Content-Encoding",
    "RFC 9110 §8.4",
    new Uint8Array(gzipSync(good)),
    "TokenEndpointError Unavailable"
  ),
  bytes(
    "bytes that are not UTF-8 in a member that nobody reads",
    "RFC 8259 §8.1",
    new Uint8Array([
      ...new TextEncoder().encode(`${good.slice(0, -1)},"x":"`),
      0xff,
      0xfe,
      0xc0,
      0x80,
      ...new TextEncoder().encode("\"}")
    ]),
    "token [mcp admin] for 3600 s"
  ),
  bytes(
    "bytes that are not UTF-8 in `access_token`",
    "RFC 6749 appendix A.12",
    new Uint8Array([
      ...new TextEncoder().encode("{\"token_type\":\"Bearer\",\"access_token\":\"canary"),
      0xff,
      ...new TextEncoder().encode("\"}")
    ]),
    "TokenEndpointError InvalidResponse"
  ),
  bytes("a Content-Type in another character set", "RFC 8259 §8.1", encoded, "token [mcp admin] for 3600 s", {
    "content-type": "application/json; charset=utf-7"
  }),
  bytes("a Content-Length that is no number", "RFC 9110 §8.6", encoded, "token [mcp admin] for 3600 s", {
    "content-length": "-1"
  })
]

const members: ReadonlyArray<Row> = [
  ...([
    ["that is null", null],
    ["that is empty", ""],
    ["that is a number", 12345678901234],
    ["that is an array", ["canary-token"]],
    ["that is an object", { value: "canary-token" }],
    ["with a line break", "canary\r\nX-Injected: 1"],
    ["with a space", "canary token"],
    ["with a NUL", "canary\0"],
    ["with a lone surrogate", "canary\ud800"],
    ["with a letter that is not ASCII", "canary-t\u00f6ken"],
    ["with a zero-width space", "canary\u200btoken"]
  ] as const).map(([what, access_token]) =>
    changed(`an \`access_token\` ${what}`, "RFC 6749 appendix A.12", { access_token }, INVALID)
  ),
  changed(
    "an `access_token` that is missing",
    "RFC 6749 §5.1",
    { access_token: undefined },
    "TokenEndpointError Unavailable"
  ),
  changed("an `access_token` of 60 KB", "RFC 6749 §5.1", { access_token: "canary".repeat(10_000) }, FULL),
  ...([
    ["missing", undefined],
    ["null", null],
    ["a number", 1],
    ["an array", ["Bearer"]],
    ["`DPoP`", "DPoP"],
    ["`mac`", "mac"],
    ["a line break after Bearer", "Bearer\n"],
    ["a bearer token", "canary.other-token.0123456789"],
    ["Cyrillic letters that look like Bearer", "\u0412\u0435\u0430r\u0435r"]
  ] as const).map(([what, token_type]) =>
    changed(`a \`token_type\` that is ${what}`, "RFC 6749 §7.1", { token_type }, INVALID)
  ),
  ...([
    ["negative", -1],
    ["a negative text", "-1"],
    ["true", true],
    ["an object", {}],
    ["an array", [3600]],
    ["a text of words", "one hour"],
    ["NaN as text", "NaN"],
    ["Infinity as text", "Infinity"],
    ["hexadecimal text", "0xe10"],
    ["a text with an exponent", "1e3"],
    ["an empty text", ""],
    ["a date", "2030-01-01T00:00:00Z"]
  ] as const).map(([what, expires_in]) =>
    changed(`an \`expires_in\` that is ${what}`, "RFC 6749 §5.1", { expires_in }, INVALID)
  ),
  changed("an `expires_in` of 0", "RFC 6749 §5.1", { expires_in: 0 }, "TokenEndpointError Unavailable"),
  text(
    "an `expires_in` of negative zero",
    "RFC 6749 §5.1",
    good.replace("3600", "-0"),
    "TokenEndpointError Unavailable"
  ),
  text(
    "an `expires_in` beyond 2^53",
    "RFC 8259 §6",
    good.replace("3600", "9007199254740993"),
    "token [mcp admin] for 31536000 s"
  ),
  text(
    "an `expires_in` beyond every number",
    "RFC 8259 §6",
    good.replace("3600", "1e999"),
    "token [mcp admin] for 31536000 s"
  ),
  text(
    "an `expires_in` of 400 digits as text",
    "RFC 8259 §6",
    good.replace("3600", `"${"9".repeat(400)}"`),
    "token [mcp admin] for 31536000 s"
  ),
  changed("an `expires_in` of a fraction", "RFC 6749 §5.1", { expires_in: 0.5 }, "token [mcp admin] for 0.5 s"),
  changed("an `expires_in` of null", "RFC 6749 §5.1", { expires_in: null }, "token [mcp admin] for 300 s"),
  changed(
    "an `expires_in` with white space",
    "RFC 6749 §5.1",
    { expires_in: " 3600 " },
    "TokenEndpointError InvalidResponse"
  ),
  changed("a `scope` that is a number", "RFC 6749 §3.3", { scope: 1 }, FULL),
  changed("a `scope` that is an object", "RFC 6749 §3.3", { scope: { mcp: true } }, FULL),
  changed("a `scope` that is empty", "RFC 6749 §3.3", { scope: "" }, "token [] for 3600 s"),
  changed(
    "a `scope` of control characters",
    "RFC 6749 appendix A.4",
    { scope: "\0 \u001b[31m" },
    "token [] for 3600 s"
  ),
  changed(
    "a `scope` with a quote and a backslash",
    "RFC 6749 §3.3",
    { scope: "mcp a\"b c\\d" },
    "token [mcp] for 3600 s"
  ),
  changed(
    "a `scope` that repeats an entry 10,000 times",
    "RFC 6749 §3.3",
    { scope: "mcp ".repeat(10_000) },
    "token [mcp] for 3600 s"
  ),
  changed("a `scope` array with numbers in it", "RFC 6749 §3.3", { scope: ["mcp", 1] }, "token [mcp admin] for 3600 s"),
  changed("a `refresh_token` that is an object", "RFC 6749 §5.1", { refresh_token: { value: "canary-refresh" } }, FULL),
  changed("a `refresh_token` with a line break", "RFC 6749 appendix A.17", { refresh_token: "canary\nrefresh" }, FULL),
  changed("a `refresh_in` that is longer than the lifetime", "RFC 6749 §5.1", { refresh_in: 1e9 }, FULL),
  changed("a `refresh_in` of minus one", "RFC 6749 §5.1", { refresh_in: -1 }, FULL)
]

export const tokenResponses: Family = { name: "token response", rows: [...bodies, ...encodings, ...members] }

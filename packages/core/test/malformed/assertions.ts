/** Malformed assertions, which somebody else made and the client would send (RFC 7521, RFC 7523). */
import { TestServers } from "@effect-mcp-auth/testing"
import { Effect, Encoding, Redacted, TestClock } from "effect"
import { AssertionProvider, ClientAuthentication, Grant, OAuthProvider } from "../../src/index.ts"
import { impatient } from "../support/provider.ts"
import type { Family, Row } from "./support.ts"

const NOW = 1_700_000_000

const part = (value: unknown): string =>
  Encoding.encodeBase64Url(typeof value === "string" ? value : JSON.stringify(value))

const SIGNATURE = Encoding.encodeBase64Url(new Uint8Array(64).fill(7))
const HEADER = { alg: "ES256", typ: "JWT" }
const CLAIMS = { iss: "canary", sub: "canary", aud: "https://auth.example.com", exp: NOW + 300, jti: "canary-id" }

const jwt = (header: unknown, claims: unknown, signature = SIGNATURE): string =>
  `${part(header)}.${part(claims)}.${signature}`

/** The assertion authenticates the client. An authorization server that refuses it has received it. */
const presented = (input: string, section: string, assertion: unknown, outcome: string, opaque = false): Row => ({
  input,
  section,
  outcome,
  run: Effect.gen(function*() {
    yield* TestClock.setTime(NOW * 1000)
    const { issuer, serverUrl } = yield* TestServers.TestServers
    const assertionProvider = yield* AssertionProvider.AssertionProvider.pipe(
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a program in JavaScript can give any value
      Effect.provide(AssertionProvider.layerStatic(Redacted.make(assertion as string), { opaque }))
    )
    const { accessToken } = yield* OAuthProvider.make({
      ...impatient,
      serverUrl,
      issuer,
      grant: Grant.clientCredentials,
      clientAuthentication: ClientAuthentication.privateKeyJwt({ clientId: "test-client", assertionProvider })
    })
    return yield* accessToken
  })
})

const claims = (input: string, section: string, changes: object, outcome: string): Row =>
  presented(input, section, jwt(HEADER, { ...CLAIMS, ...changes }), outcome)

const header = (input: string, section: string, changes: object, outcome: string): Row =>
  presented(input, section, jwt({ ...HEADER, ...changes }, CLAIMS), outcome)

export const assertions: Family = {
  name: "assertion",
  rows: [
    presented(
      "a well-formed assertion of a stranger's key",
      "RFC 7523 §3",
      jwt(HEADER, CLAIMS),
      "TokenEndpointError Refused"
    ),
    presented("an empty text", "RFC 7521 §4.1", "", "InvalidOptions assertion"),
    presented("undefined", "RFC 7521 §4.1", undefined, "InvalidOptions assertion"),
    presented("a number", "RFC 7521 §4.1", 1, "InvalidOptions assertion"),
    presented("an object", "RFC 7521 §4.1", { jwt: "canary" }, "InvalidOptions assertion"),
    presented("a text that is no JWT", "RFC 7519 §7.2", "canary", "AssertionError Malformed"),
    presented("two dots only", "RFC 7519 §7.2", "..", "AssertionError Malformed"),
    presented("100,000 dots", "RFC 7519 §7.2", ".".repeat(100_000), "AssertionError Malformed"),
    presented("a JWT without a signature", "RFC 7515 §7.1", jwt(HEADER, CLAIMS, ""), "AssertionError Malformed"),
    presented(
      "a JWT whose signature is cut",
      "RFC 7515 §5.2",
      jwt(HEADER, CLAIMS, SIGNATURE.slice(0, 10)),
      "TokenEndpointError Refused"
    ),
    presented(
      "a JWT with four parts",
      "RFC 7519 §7.2",
      `${jwt(HEADER, CLAIMS)}.${SIGNATURE}`,
      "AssertionError Malformed"
    ),
    presented(
      "a JWT with a line break at its end",
      "RFC 7515 §2",
      `${jwt(HEADER, CLAIMS)}\n`,
      "InvalidOptions assertion"
    ),
    presented("a JWT in quotation marks", "RFC 7515 §2", `"${jwt(HEADER, CLAIMS)}"`, "AssertionError Malformed"),
    presented("a JWT with padding", "RFC 7515 §2", jwt(HEADER, CLAIMS, `${SIGNATURE}==`), "TokenEndpointError Refused"),
    presented("a header that is no JSON", "RFC 7515 §4", jwt("{", CLAIMS), "AssertionError Malformed"),
    presented("a header that is an array", "RFC 7515 §4", jwt([], CLAIMS), "AssertionError Malformed"),
    presented("claims that are no JSON", "RFC 7519 §7.2", jwt(HEADER, "{\"aud\":"), "AssertionError Malformed"),
    presented("claims that are null", "RFC 7519 §7.2", jwt(HEADER, "null"), "AssertionError Malformed"),
    presented(
      "claims that are no base64url",
      "RFC 7515 §2",
      `${part(HEADER)}.%%%%.${SIGNATURE}`,
      "AssertionError Malformed"
    ),
    presented(
      "claims of bytes that are not UTF-8",
      "RFC 7519 §7.2",
      `${part(HEADER)}.${Encoding.encodeBase64Url(new Uint8Array([0xff, 0xfe, 0x7b]))}.${SIGNATURE}`,
      "AssertionError Malformed"
    ),
    presented(
      "claims of 100,000 nested arrays",
      "RFC 8259 §9",
      jwt(HEADER, `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
      "AssertionError WrongAudience"
    ),
    presented(
      "a JSON serialization of a JWS",
      "RFC 7515 §7.2",
      JSON.stringify({ payload: part(CLAIMS), protected: part(HEADER), signature: SIGNATURE }),
      "AssertionError Malformed"
    ),
    header("`alg` that is `none`", "RFC 8725 §3.1", { alg: "none" }, "AssertionError Malformed"),
    header("`alg` that is `nOnE`", "RFC 8725 §3.1", { alg: "nOnE" }, "AssertionError Malformed"),
    presented(
      "`alg` that is `none`, allowed to be opaque",
      "RFC 8725 §3.1",
      jwt({ alg: "none" }, CLAIMS, ""),
      "AssertionError Malformed",
      true
    ),
    presented(
      "a header of two members `alg`, the last one `none`",
      "RFC 7515 §4",
      jwt("{\"alg\":\"ES256\",\"alg\":\"none\"}", CLAIMS),
      "AssertionError Malformed"
    ),
    header("`alg` that is missing", "RFC 7515 §4.1.1", { alg: undefined }, "AssertionError Malformed"),
    header("`alg` that is a number", "RFC 7515 §4.1.1", { alg: 1 }, "AssertionError Malformed"),
    header("`typ` that is an object", "RFC 8725 §3.11", { typ: {} }, "TokenEndpointError Refused"),
    header("`crit` of an unknown extension", "RFC 7515 §4.1.11", { crit: ["canary"] }, "TokenEndpointError Refused"),
    claims("`exp` in the past", "RFC 7523 §3", { exp: NOW - 1 }, "AssertionError Expired"),
    claims("`exp` of this second", "RFC 7523 §3", { exp: NOW }, "AssertionError Expired"),
    claims("`exp` that is negative", "RFC 7519 §4.1.4", { exp: -1 }, "AssertionError Expired"),
    claims("`exp` that is a text", "RFC 7519 §4.1.4", { exp: "soon" }, "AssertionError Malformed"),
    claims("`exp` in milliseconds", "RFC 7519 §4.1.4", { exp: (NOW + 300) * 1000 }, "TokenEndpointError Refused"),
    claims("`exp` beyond every date", "RFC 7519 §2", { exp: 1e300 }, "TokenEndpointError Refused"),
    presented(
      "`exp` of 1e999",
      "RFC 7519 §2",
      jwt(HEADER, JSON.stringify(CLAIMS).replace(String(NOW + 300), "1e999")),
      "AssertionError Malformed"
    ),
    claims("`exp` that is missing", "RFC 7523 §3", { exp: undefined }, "TokenEndpointError Refused"),
    claims("`exp` that is null", "RFC 7519 §4.1.4", { exp: null }, "AssertionError Malformed"),
    claims("`nbf` in the future", "RFC 7523 §3", { nbf: NOW + 3600 }, "AssertionError NotYetValid"),
    claims("`nbf` beyond every date", "RFC 7519 §4.1.5", { nbf: 1e300 }, "AssertionError NotYetValid"),
    claims("`aud` that is missing", "RFC 7523 §3", { aud: undefined }, "AssertionError WrongAudience"),
    claims("`aud` that is empty", "RFC 7523 §3", { aud: "" }, "AssertionError WrongAudience"),
    claims("`aud` that is an empty list", "RFC 7523 §3", { aud: [] }, "AssertionError WrongAudience"),
    claims("`aud` that is a number", "RFC 7519 §4.1.3", { aud: 1 }, "AssertionError Malformed"),
    claims(
      "`aud` with a number in its list",
      "RFC 7519 §4.1.3",
      { aud: [1, "https://auth.example.com"] },
      "AssertionError Malformed"
    ),
    claims(
      "`aud` of a stranger",
      "RFC 8725 §3.9",
      { aud: "https://stranger.example.com" },
      "AssertionError WrongAudience"
    ),
    claims(
      "`aud` of a stranger with a line break",
      "CWE-117",
      { aud: "https://stranger.example.com\nlevel=INFO" },
      "AssertionError WrongAudience"
    ),
    claims(
      "`aud` of a stranger of 100 KB",
      "RFC 8725 §3.9",
      { aud: "x".repeat(100_000) },
      "AssertionError WrongAudience"
    ),
    claims(
      "`aud` in upper case",
      "RFC 7519 §4.1.3",
      { aud: "HTTPS://AUTH.EXAMPLE.COM" },
      "AssertionError WrongAudience"
    ),
    claims("`jti` that is an object", "RFC 7519 §4.1.7", { jti: {} }, "TokenEndpointError Refused"),
    claims("`__proto__` with an audience in it", "RFC 8259 §4", {
      aud: undefined,
      ["__proto__"]: { aud: "https://auth.example.com" }
    }, "AssertionError WrongAudience")
  ]
}

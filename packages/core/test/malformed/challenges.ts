/** Malformed challenges of the MCP server: `WWW-Authenticate` of a 401 and of a 403. */
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { Effect } from "effect"
import { server } from "../support/discovery.ts"
import { to } from "../support/wire.ts"
import { always, call, token } from "./corridor.ts"
import type { Family, Row } from "./support.ts"

const META = "https://mcp.example.com/meta"

/**
 * The server answers a request without a token with a 401 and these lines of `WWW-Authenticate`. No well-known address
 * has the metadata, so that the client depends on the challenge.
 */
const unauthorized = (
  input: string,
  section: string,
  lines: string | ReadonlyArray<string>,
  outcome: string
): Row => ({
  input: `a 401 with ${input}`,
  section,
  outcome,
  run: Effect.gen(function*() {
    yield* always("protected-resource-metadata", Answer.status(404))
    yield* always(to(META), Answer.json({ resource: server, authorization_servers: ["https://auth.example.com"] }))
    yield* always("resource", Answer.status(401, { headers: { "www-authenticate": lines } }))
    return yield* token({ issuer: "discover" })
  })
})

/** The server answers a request with a token with a 403 and these lines of `WWW-Authenticate`. */
const forbidden = (
  input: string,
  section: string,
  lines: string | ReadonlyArray<string>,
  outcome: string
): Row => ({
  input: `a 403 with ${input}`,
  section,
  outcome,
  run: Effect.gen(function*() {
    yield* always("resource", Answer.status(403, { headers: { "www-authenticate": lines } }))
    const { status } = yield* call()
    const tokens = yield* Effect.flatMap(TestNetwork.TestNetwork, ({ count }) => count("token"))
    return `status ${status} after ${tokens} token requests`
  })
})

/** A character of a header that `fetch` cannot receive stays out of these rows: a header holds no line break and no NUL. */
export const challenges: Family = {
  name: "challenge",
  rows: [
    unauthorized("an unquoted URL", "RFC 9110 §11.2", `Bearer resource_metadata=${META}`, "token [mcp] for 3600 s"),
    unauthorized("single quotes", "RFC 9110 §11.2", `Bearer resource_metadata='${META}'`, "token [mcp] for 3600 s"),
    unauthorized(
      "white space in place of commas",
      "RFC 9110 §11.2",
      `Bearer error="invalid_token" resource_metadata="${META}" scope="mcp"`,
      "token [mcp] for 3600 s"
    ),
    unauthorized("no challenge at all", "RFC 9110 §11.6.1", [], "DiscoveryError NotFound"),
    unauthorized("an empty challenge", "RFC 9110 §11.6.1", "", "DiscoveryError NotFound"),
    unauthorized("commas only", "RFC 9110 §5.6.1", ",,,,", "DiscoveryError NotFound"),
    unauthorized("a scheme only", "RFC 9110 §11.2", "Bearer", "DiscoveryError NotFound"),
    unauthorized("another scheme", "RFC 6750 §3", "Basic realm=\"x\"", "DiscoveryError NotFound"),
    unauthorized(
      "a quoted text that never ends",
      "RFC 9110 §5.6.4",
      "Bearer resource_metadata=\"https://mcp.example.com",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a backslash at the end of a quoted text",
      "RFC 9110 §5.6.4",
      "Bearer realm=\"x\\",
      "DiscoveryError NotFound"
    ),
    unauthorized("an equals sign only", "RFC 9110 §11.2", "Bearer =", "DiscoveryError NotFound"),
    unauthorized(
      "parameters without values",
      "RFC 9110 §11.2",
      "Bearer realm=, scope=, resource_metadata=",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a repeated `resource_metadata`",
      "RFC 9110 §11.2",
      `Bearer resource_metadata="https://stranger.example.com/x", resource_metadata="${META}"`,
      "token [mcp] for 3600 s"
    ),
    unauthorized(
      "100,000 parameters",
      "RFC 9110 §11.2",
      `Bearer ${"a=b,".repeat(100_000)}c=d`,
      "DiscoveryError NotFound"
    ),
    unauthorized("100,000 schemes", "RFC 9110 §11.6.1", "Bearer ".repeat(100_000), "DiscoveryError NotFound"),
    unauthorized(
      "100,000 quotation marks",
      "RFC 9110 §5.6.4",
      `Bearer realm=${"\"".repeat(100_000)}`,
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "100,000 backslashes",
      "RFC 9110 §5.6.4",
      `Bearer realm="${"\\".repeat(100_000)}`,
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "1,000 lines",
      "RFC 9110 §5.3",
      Array.from({ length: 1000 }, (_, i) => `Bearer resource_metadata="https://a${i}.example/m"`),
      "DiscoveryError Unavailable"
    ),
    unauthorized(
      "a parameter named `__proto__`",
      "RFC 9110 §11.2",
      "Bearer __proto__=\"x\", constructor=\"y\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `resource_metadata` that is no URL",
      "RFC 9728 §5.1",
      "Bearer resource_metadata=\"here\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `resource_metadata` of plain http",
      "RFC 9728 §5.1",
      "Bearer resource_metadata=\"http://mcp.example.com/m\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `resource_metadata` of the scheme `file`",
      "RFC 9728 §5.1",
      "Bearer resource_metadata=\"file:///etc/passwd\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `resource_metadata` at a link-local address",
      "MCP Security, SSRF",
      "Bearer resource_metadata=\"https://169.254.169.254/latest\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `resource_metadata` at an address of this machine",
      "MCP Security, SSRF",
      "Bearer resource_metadata=\"https://localhost/m\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `resource_metadata` with a user name",
      "RFC 9728 §5.1",
      "Bearer resource_metadata=\"https://user@mcp.example.com/m\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `resource_metadata` with a fragment",
      "RFC 9728 §5.1",
      `Bearer resource_metadata="${META}#x"`,
      "token [mcp] for 3600 s"
    ),
    unauthorized(
      "a `resource_metadata` with a backslash",
      "RFC 9728 §5.1",
      "Bearer resource_metadata=\"https:\\\\\\\\stranger.example.com\\\\m\"",
      "DiscoveryError Unavailable"
    ),
    unauthorized(
      "a `resource_metadata` of 100 KB",
      "RFC 9728 §5.1",
      `Bearer resource_metadata="${META}?${"x".repeat(100_000)}"`,
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "letters that are not ASCII",
      "RFC 9110 §5.5",
      "Bearer realm=\"\u00fc\u00ff\", scope=\"\u00e9\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a tab in place of spaces",
      "RFC 9110 §11.4",
      "Bearer\trealm=\"x\",\tscope=\"mcp\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `scope` of quotes and backslashes",
      "RFC 6749 §3.3",
      "Bearer scope=\"\\\"\\\\ mcp\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a `scope` of 20,000 entries",
      "RFC 6749 §3.3",
      `Bearer scope="${Array.from({ length: 20_000 }, (_, i) => `s${i}`).join(" ")}"`,
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "an `error` of an unknown code",
      "RFC 6750 §3.1",
      "Bearer error=\"out_of_order\"",
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "an `error_description` of 100 KB",
      "RFC 6750 §3",
      `Bearer error="invalid_token", error_description="${"x".repeat(100_000)}"`,
      "DiscoveryError NotFound"
    ),
    unauthorized(
      "a DPoP challenge with a Bearer parameter list",
      "RFC 9449 §7.1",
      "DPoP algs=\"ES256\", Bearer, scope=\"mcp\"",
      "DiscoveryError NotFound"
    ),
    forbidden("no challenge at all", "RFC 6750 §3.1", [], "status 403 after 1 token requests"),
    forbidden(
      "`insufficient_scope` without a `scope`",
      "RFC 6750 §3.1",
      "Bearer error=\"insufficient_scope\"",
      "status 403 after 1 token requests"
    ),
    forbidden(
      "`insufficient_scope` with an empty `scope`",
      "RFC 6750 §3.1",
      "Bearer error=\"insufficient_scope\", scope=\"\"",
      "status 403 after 1 token requests"
    ),
    forbidden(
      "`insufficient_scope` with a `scope` of white space",
      "RFC 6750 §3.1",
      "Bearer error=\"insufficient_scope\", scope=\"  \"",
      "status 403 after 1 token requests"
    ),
    forbidden(
      "`insufficient_scope` with a scope that no request may hold",
      "RFC 6749 §3.3",
      "Bearer error=\"insufficient_scope\", scope=\"a\\\"b\"",
      "status 403 after 1 token requests"
    ),
    forbidden(
      "`insufficient_scope` in upper case",
      "RFC 6750 §3.1",
      "Bearer error=\"INSUFFICIENT_SCOPE\", scope=\"admin\"",
      "status 403 after 1 token requests"
    ),
    forbidden(
      "two `error` parameters",
      "RFC 9110 §11.2",
      "Bearer error=\"invalid_token\", error=\"insufficient_scope\", scope=\"admin\"",
      "status 403 after 2 token requests"
    ),
    forbidden(
      "a quoted text that never ends",
      "RFC 9110 §5.6.4",
      "Bearer error=\"insufficient_scope\", scope=\"admin",
      "status 403 after 1 token requests"
    )
  ]
}

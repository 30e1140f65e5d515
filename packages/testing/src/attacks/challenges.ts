/**
 * Challenges of an MCP server that was taken over, or that repeats text of an attacker.
 */
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import type { ServerAttack } from "../ServerAttack.ts"

const elsewhere = `resource_metadata="https://evil.example/resource"`

const own = `resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"`

/** Text of an attacker inside of a challenge that is not the attacker's. The server itself names no address. */
const quoted: ReadonlyArray<readonly [where: string, challenge: string]> = [
  ["the error description", `Bearer error="invalid_token", error_description="see ${elsewhere.replaceAll("\"", "'")}"`],
  [
    "an unquoted text in the error description",
    `Bearer error_description="resource_metadata=https://evil.example/resource"`
  ],
  ["escaped quotes in the realm", `Bearer realm="x, ${elsewhere.replaceAll("\"", "\\\"")}"`],
  ["the realm of another scheme", `Basic realm="x, Bearer ${elsewhere.replaceAll("\"", "\\\"")}"`],
  ["a parameter whose name ends alike", `Bearer x_${elsewhere}`],
  ["a parameter whose name begins alike", `Bearer resource_metadata_uri="https://evil.example/resource"`]
]

const repeated = quoted.map(([where, challenge]): ServerAttack => ({
  name: `the server repeats a metadata address of an attacker in ${where}`,
  section: "RFC 9110 §11.6.1",
  issuer: "discover",
  servers: { mcpServer: { challenge: () => [challenge] } },
  prepare: Moves.resourceMetadataAnswer(Answer.status(404)),
  onlyOrigins: Moves.trusted
}))

/** The server names an address. The client knows its authorization server, so the address can mislead nobody. */
const named: ReadonlyArray<readonly [what: string, lines: ReadonlyArray<string>]> = [
  ["of another origin", [`Bearer ${elsewhere}`]],
  ["of another origin in a second challenge", [`Bearer ${own}`, `Bearer ${elsewhere}`]],
  ["of another origin in the same line", [`Bearer ${own}, Bearer ${elsewhere}`]],
  ["of another origin twice in a challenge", [`Bearer ${elsewhere}, ${own}`]],
  ["of another origin for DPoP", [`DPoP ${elsewhere}`, `Bearer ${own}`]]
]

const misleading = named.map(([what, lines]): ServerAttack => ({
  name: `a challenge names a metadata address ${what}, which names a hostile authorization server`,
  section: "RFC 9728 §7.6",
  servers: { mcpServer: { challenge: () => lines } }
}))

const addresses: ReadonlyArray<readonly [what: string, address: string, section: string]> = [
  ["by plain http", "http://mcp.example.com/resource", "RFC 9728 §7.1"],
  ["with the scheme file", "file:///etc/passwd", "RFC 9728 §5.1"],
  ["with the scheme javascript", "javascript:alert(1)", "RFC 9728 §5.1"],
  ["with the server as a user name", "https://mcp.example.com@evil.example/resource", "RFC 9110 §4.2.4"],
  ["that is no URL", "https://[", "RFC 9728 §5.1"]
]

const unusable = addresses.map(([what, address, section]): ServerAttack => ({
  name: `a challenge names a metadata address ${what}`,
  section,
  issuer: "discover",
  servers: { mcpServer: { challenge: () => [`Bearer resource_metadata="${address}"`], serveMetadataAt: "nowhere" } },
  onlyOrigins: Moves.trusted
}))

const insufficient = (scope: string) => `Bearer error="insufficient_scope", scope="${scope}", ${own}`

/** @internal */
export const challenges: ReadonlyArray<ServerAttack> = [
  ...repeated,
  ...misleading,
  ...unusable,
  {
    name: "a 401 demands a scope beyond those that the client is configured with",
    section: "MCP Security Best Practices, Scope Minimization",
    scopes: ["mcp"],
    servers: { mcpServer: { challenge: () => [`Bearer scope="mcp admin", ${own}`] } },
    verify: Moves.asksOnlyFor("mcp")
  },
  {
    name: "a 403 demands a scope beyond those that the client is configured with",
    section: "MCP Security Best Practices, Scope Minimization",
    scopes: ["mcp"],
    prepare: Moves.serverAnswer(
      Answer.status(403, { headers: { "www-authenticate": insufficient("mcp admin") } }),
      "requests with a token"
    ),
    verify: Moves.asksOnlyFor("mcp")
  },
  {
    name: "metadata lists a scope beyond those that the client is configured with",
    section: "RFC 9700 §2.3",
    scopes: ["mcp"],
    prepare: Moves.resourceMetadata({ scopes_supported: ["mcp", "admin"] }),
    verify: Moves.asksOnlyFor("mcp")
  },
  {
    name: "a challenge demands scopes with characters that no scope has",
    section: "RFC 6749 §3.3",
    servers: { mcpServer: { challenge: () => [`Bearer scope="a\\"b c\\\\d é", ${own}`] } },
    verify: ({ tokenRequests }) =>
      tokenRequests.every(({ form }) => /^[\x21\x23-\x5b\x5d-\x7e ]*$/.test(form.get("scope") ?? ""))
        ? undefined
        : "a token was requested with a scope of other characters"
  },
  {
    name: "a challenge names an error page of the attacker",
    section: "RFC 6750 §3",
    servers: {
      mcpServer: { challenge: () => [`Bearer error="invalid_token", error_uri="https://evil.example/page", ${own}`] }
    },
    onlyOrigins: Moves.trusted,
    verify: Moves.stillServed
  },
  {
    name: "a challenge adds a parameter to the token request",
    section: "RFC 6750 §3",
    servers: {
      mcpServer: { challenge: () => [`Bearer scope="mcp&resource=https://evil.example&grant_type=password", ${own}`] }
    },
    verify: ({ tokenRequests }) =>
      tokenRequests.every(({ form }) =>
          form.get("grant_type") === "client_credentials" && form.getAll("resource").length <= 1
        )
        ? undefined
        : "a parameter of the token request is the attacker's"
  },
  {
    name: "a thousand challenges name a metadata address each",
    section: "RFC 9728 §5.1",
    issuer: "discover",
    servers: {
      mcpServer: {
        challenge: () =>
          Array.from({ length: 1000 }, (_, index) => `Bearer resource_metadata="https://mcp.example.com/r${index}"`),
        serveMetadataAt: "nowhere"
      }
    },
    limits: { requests: 24 }
  },
  {
    name: "a challenge is a mebibyte long and never closes its quotation mark",
    section: "RFC 9110 §11.6.1",
    servers: { mcpServer: { challenge: () => [`Bearer realm="${"\\\"".repeat(512 * 1024)}`] } }
  },
  {
    name: "a challenge comes with a success",
    section: "RFC 9110 §11.6.1",
    issuer: "discover",
    prepare: Moves.serverAnswer(
      Answer.status(200, { headers: { "www-authenticate": `Bearer ${elsewhere}` } }),
      "all requests"
    ),
    onlyOrigins: Moves.trusted
  },
  {
    name: "a challenge comes with an error of the server",
    section: "RFC 9110 §11.6.1",
    prepare: Moves.serverAnswer(
      Answer.status(500, { headers: { "www-authenticate": `Bearer error="invalid_token", ${elsewhere}` } }),
      "requests with a token"
    ),
    onlyOrigins: Moves.trusted,
    limits: { tokenRequests: 1 }
  }
]

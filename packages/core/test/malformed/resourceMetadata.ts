/** Malformed metadata of the MCP server, which the client reads because the caller trusts the server to name an issuer. */
import { Answer } from "@effect-mcp-auth/testing"
import { Effect } from "effect"
import { gzipSync } from "node:zlib"
import { resourceAtPath } from "../support/discovery.ts"
import { always, json, token } from "./corridor.ts"
import type { Family, Row } from "./support.ts"

const SERVER = "https://mcp.example.com/mcp"
const ISSUER = "https://auth.example.com"
const DOCUMENT = { resource: SERVER, authorization_servers: [ISSUER], scopes_supported: ["mcp"] }

/** Every address of the document gets the answer. */
const answered = (input: string, section: string, answer: Answer.Answer, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: Effect.zipRight(always("protected-resource-metadata", answer), token({ issuer: "discover" }))
})

const text = (input: string, section: string, body: string, outcome: string): Row =>
  answered(input, section, json(body), outcome)

const changed = (input: string, section: string, members: object, outcome: string): Row =>
  text(input, section, JSON.stringify({ ...DOCUMENT, ...members }), outcome)

/** The document says this about the issuer, and the issuer is pinned: the document only confirms the caller's choice. */
const pinned = (input: string, section: string, members: object, outcome: string): Row => ({
  input: `with a pinned issuer, ${input}`,
  section,
  outcome,
  run: Effect.zipRight(
    always("protected-resource-metadata", json(JSON.stringify({ ...DOCUMENT, ...members }))),
    token()
  )
})

const good = JSON.stringify(DOCUMENT)

const bodies: ReadonlyArray<Row> = [
  text("an empty document", "RFC 9728 §3.2", "", "DiscoveryError NotFound"),
  text("a document that is cut", "RFC 8259 §2", good.slice(0, 50), "DiscoveryError NotFound"),
  text("an array with the document in it", "RFC 9728 §3.2", `[${good}]`, "DiscoveryError NotFound"),
  text("a JSON text with the document in it", "RFC 9728 §3.2", JSON.stringify(good), "DiscoveryError NotFound"),
  text("the document inside of `__proto__`", "RFC 8259 §4", `{"__proto__":${good}}`, "DiscoveryError NotFound"),
  text(
    "100,000 nested arrays in a member that nobody reads",
    "RFC 8259 §9",
    good.replace("}", `,"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
    "token [mcp] for 3600 s"
  ),
  text(
    "two members `resource`, the last one of a stranger",
    "RFC 8259 §4",
    good.replace("}", ",\"resource\":\"https://stranger.example.com\"}"),
    "ResourceMismatch"
  ),
  text(
    "two members `authorization_servers`, the last one empty",
    "RFC 8259 §4",
    good.replace("}", ",\"authorization_servers\":[]}"),
    "DiscoveryError NoAuthorizationServer"
  ),
  text(
    "a byte order mark inside of the document",
    "RFC 8259 §8.1",
    `{\ufeff${good.slice(1)}`,
    "DiscoveryError NotFound"
  ),
  text("bytes of gzip as text", "RFC 9110 §8.4", gzipSync(good).toString("latin1"), "DiscoveryError NotFound"),
  answered("an HTML page", "RFC 9728 §3.2", Answer.html(), "DiscoveryError NotFound"),
  answered("a document of 2 MiB", "RFC 9728 §3.2", Answer.oversized(2 * 1024 * 1024), "DiscoveryError NotFound"),
  answered("an answer that never comes", "RFC 9728 §3.1", Answer.never, "DiscoveryError Unavailable"),
  answered("a redirect to itself", "RFC 9110 §15.4", Answer.redirect(resourceAtPath), "DiscoveryError NotFound"),
  answered(
    "a redirect to a `file:` URL",
    "RFC 9110 §15.4",
    Answer.redirect("file:///etc/passwd"),
    "DiscoveryError NotFound"
  ),
  answered(
    "a redirect to a `data:` URL",
    "RFC 9110 §15.4",
    Answer.redirect(`data:application/json,${good}`),
    "DiscoveryError NotFound"
  ),
  answered("a document with status 206", "RFC 9110 §15.3.7", json(good, 206), "DiscoveryError NotFound"),
  answered(
    "a Cache-Control of 100,000 commas",
    "RFC 9111 §5.2",
    Answer.json(DOCUMENT, { headers: { "cache-control": ",".repeat(100_000) } }),
    "token [mcp] for 3600 s"
  ),
  answered(
    "a max-age beyond every date",
    "RFC 9111 §1.2.2",
    Answer.json(DOCUMENT, { headers: { "cache-control": `max-age=${"9".repeat(400)}` } }),
    "token [mcp] for 3600 s"
  ),
  answered(
    "an Expires and a Date that are no dates",
    "RFC 9111 §5.3",
    Answer.json(DOCUMENT, { headers: { expires: "0", date: "yesterday" } }),
    "token [mcp] for 3600 s"
  )
]

const resources: ReadonlyArray<Row> = ([
  ["missing", undefined, "DiscoveryError NotFound"],
  ["null", null, "DiscoveryError NotFound"],
  ["a number", 1, "DiscoveryError NotFound"],
  ["an array", [SERVER], "DiscoveryError NotFound"],
  ["empty", "", "ResourceMismatch"],
  ["a path only", "/mcp", "ResourceMismatch"],
  ["another server", "https://stranger.example.com/mcp", "ResourceMismatch"],
  ["on another port", "https://mcp.example.com:8443/mcp", "ResourceMismatch"],
  ["of another scheme", "http://mcp.example.com/mcp", "ResourceMismatch"],
  ["a part of a segment of the path", "https://mcp.example.com/mc", "ResourceMismatch"],
  ["a child of the server", "https://mcp.example.com/mcp/child", "ResourceMismatch"],
  ["with a user name", "https://user@mcp.example.com/mcp", "ResourceMismatch"],
  ["with a password", "https://user:canary@mcp.example.com/mcp", "ResourceMismatch"],
  ["with a fragment", "https://mcp.example.com/mcp#x", "ResourceMismatch"],
  ["with a line break", "https://mcp.example.com/mcp\n", "ResourceMismatch"],
  ["with a NUL", "https://mcp.example.com/mcp\0", "ResourceMismatch"],
  ["with a tab inside of the host", "https://mcp.exa\tmple.com/mcp", "ResourceMismatch"],
  ["with a backslash", "https://mcp.example.com\\mcp", "ResourceMismatch"],
  ["with dot segments", "https://mcp.example.com/x/../mcp", "ResourceMismatch"],
  ["with an escaped slash", "https://mcp.example.com%2fmcp", "ResourceMismatch"],
  ["with a full-width dot in the host", "https://mcp\uff0eexample.com/mcp", "ResourceMismatch"],
  ["with a lone surrogate", "https://mcp.example.com/mcp\ud800", "ResourceMismatch"],
  ["with white space before", ` ${SERVER}`, "ResourceMismatch"],
  ["of 100 KB", `${SERVER}?${"x".repeat(100_000)}`, "ResourceMismatch"]
] as const).map(([what, resource, outcome]) =>
  changed(
    `a \`resource\` ${/^(with|of|on|as) /.test(what) ? "" : "that is "}${what}`,
    "RFC 9728 §3.3",
    { resource },
    outcome
  )
)

const lists: ReadonlyArray<Row> = [
  changed(
    "an empty list of authorization servers",
    "RFC 9728 §2",
    { authorization_servers: [] },
    "DiscoveryError NoAuthorizationServer"
  ),
  changed(
    "a list of authorization servers that is null",
    "RFC 9728 §2",
    { authorization_servers: null },
    "DiscoveryError NoAuthorizationServer"
  ),
  changed(
    "a list of authorization servers that is a text",
    "RFC 9728 §2",
    { authorization_servers: ISSUER },
    "DiscoveryError NotFound"
  ),
  changed(
    "a list of authorization servers with a number",
    "RFC 9728 §2",
    { authorization_servers: [1, ISSUER] },
    "DiscoveryError NotFound"
  ),
  changed(
    "an authorization server that is no URL",
    "RFC 8414 §2",
    { authorization_servers: ["auth"] },
    "DiscoveryError Invalid"
  ),
  changed(
    "an authorization server with a query",
    "RFC 8414 §2",
    { authorization_servers: [`${ISSUER}?tenant=1`] },
    "DiscoveryError Invalid"
  ),
  changed(
    "an authorization server with a fragment",
    "RFC 8414 §2",
    { authorization_servers: [`${ISSUER}#x`] },
    "DiscoveryError Invalid"
  ),
  changed("an authorization server of plain http", "RFC 8414 §2", {
    authorization_servers: ["http://auth.example.com"]
  }, "InsecureEndpoint NotHttps"),
  changed("an authorization server of the scheme `javascript`", "RFC 8414 §2", {
    authorization_servers: ["javascript:alert(1)"]
  }, "InsecureEndpoint NotHttps"),
  changed("an authorization server with a password", "RFC 8414 §2", {
    // The document is the server's own text and stays in memory as it came, so this password is none of the canaries.
    authorization_servers: ["https://user:theirs@auth.example.com"]
  }, "DiscoveryError Invalid"),
  changed("an authorization server at a private address", "MCP Security, SSRF", {
    authorization_servers: ["https://10.0.0.1"]
  }, "InsecureEndpoint PrivateAddress"),
  changed("an authorization server at a link-local address in decimal", "MCP Security, SSRF", {
    authorization_servers: ["https://2852039166"]
  }, "InsecureEndpoint PrivateAddress"),
  changed("an authorization server at an IPv4 address inside of IPv6", "MCP Security, SSRF", {
    authorization_servers: ["https://[::ffff:169.254.169.254]"]
  }, "InsecureEndpoint PrivateAddress"),
  changed("an authorization server with a letter that is not ASCII", "RFC 8414 §2", {
    authorization_servers: ["https://\u0430uth.example.com"]
  }, "DiscoveryError Invalid"),
  changed("an authorization server with an escape sequence of a terminal", "CWE-150", {
    authorization_servers: ["https://auth.example.com/\u001b[2J"]
  }, "DiscoveryError Invalid"),
  changed("an authorization server with a line break", "CWE-117", {
    authorization_servers: ["https://auth.example.com/\nlevel=INFO"]
  }, "DiscoveryError Invalid"),
  changed("40,000 authorization servers that do not exist", "RFC 9728 §2", {
    authorization_servers: Array.from({ length: 40_000 }, (_, i) => `https://a${i}.example`)
  }, "DiscoveryError Unavailable"),
  changed("`scopes_supported` that is a text", "RFC 9728 §2", { scopes_supported: "mcp" }, "DiscoveryError NotFound"),
  changed(
    "`scopes_supported` with a number",
    "RFC 9728 §2",
    { scopes_supported: ["mcp", 1] },
    "DiscoveryError NotFound"
  ),
  changed("`scopes_supported` with spaces and quotes in an entry", "RFC 6749 §3.3", {
    scopes_supported: ["mcp", "a\"b", "c d"]
  }, "token [mcp] for 3600 s"),
  changed("`scopes_supported` with a line break in an entry", "RFC 6749 §3.3", {
    scopes_supported: ["mcp", "x\nHost: y"]
  }, "token [mcp] for 3600 s"),
  changed("`scopes_supported` with 100,000 entries", "RFC 9728 §2", {
    scopes_supported: ["mcp", ...Array.from({ length: 100_000 }, (_, i) => `s${i}`)]
  }, "token [mcp] for 3600 s"),
  pinned("a list that names another issuer", "RFC 9728 §3.3", {
    authorization_servers: ["https://stranger.example.com"]
  }, "IssuerMismatch NotListed"),
  pinned("a list that names the issuer in upper case", "RFC 8414 §3.3", {
    authorization_servers: ["HTTPS://AUTH.EXAMPLE.COM"]
  }, "IssuerMismatch NotListed"),
  pinned(
    "a list that names the issuer with two slashes",
    "RFC 8414 §3.3",
    { authorization_servers: [`${ISSUER}//`] },
    "IssuerMismatch NotListed"
  ),
  pinned(
    "a `resource` of another server",
    "RFC 9728 §3.3",
    { resource: "https://stranger.example.com" },
    "token [mcp admin] for 3600 s"
  ),
  pinned("a list of numbers", "RFC 9728 §2", { authorization_servers: [1] }, "token [mcp admin] for 3600 s"),
  pinned("an empty list", "RFC 9728 §2", { authorization_servers: [] }, "token [mcp admin] for 3600 s")
]

export const resourceMetadata: Family = {
  name: "protected resource metadata",
  rows: [...bodies, ...resources, ...lists]
}

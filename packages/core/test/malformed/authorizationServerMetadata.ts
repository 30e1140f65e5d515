/** Malformed metadata of the authorization server. */
import { Answer } from "@effect-mcp-auth/testing"
import { Effect } from "effect"
import { issuerMetadata } from "../support/discovery.ts"
import { always, json, serveBytes, token } from "./corridor.ts"
import type { Family, Row } from "./support.ts"

const ISSUER = "https://auth.example.com"
const DOCUMENT = { issuer: ISSUER, token_endpoint: `${ISSUER}/token` }

/** Every address of the document gets the answer. */
const answered = (input: string, section: string, answer: Answer.Answer, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: Effect.zipRight(always("authorization-server-metadata", answer), token({ scopes: ["mcp"] }))
})

const text = (input: string, section: string, body: string, outcome: string): Row =>
  answered(input, section, json(body), outcome)

const changed = (input: string, section: string, members: object, outcome: string): Row =>
  text(input, section, JSON.stringify({ ...DOCUMENT, ...members }), outcome)

const good = JSON.stringify(DOCUMENT)

const bodies: ReadonlyArray<Row> = [
  text("an empty document", "RFC 8414 §3.2", "", "DiscoveryError NotFound"),
  text("a document that is cut", "RFC 8259 §2", good.slice(0, -3), "DiscoveryError NotFound"),
  text("an array with the document in it", "RFC 8414 §3.2", `[${good}]`, "DiscoveryError NotFound"),
  text("the document inside of `__proto__`", "RFC 8259 §4", `{"__proto__":${good}}`, "DiscoveryError NotFound"),
  text(
    "two members `issuer`, the last one of a stranger",
    "RFC 8259 §4",
    good.replace("}", ",\"issuer\":\"https://stranger.example.com\"}"),
    "IssuerMismatch Metadata"
  ),
  text(
    "two members `token_endpoint`, the last one no URL",
    "RFC 8259 §4",
    good.replace("}", ",\"token_endpoint\":\"x\"}"),
    "DiscoveryError Invalid"
  ),
  text(
    "a deep object in a member that is kept",
    "RFC 8259 §9",
    good.replace("}", `,"mtls_endpoint_aliases":${"{\"a\":".repeat(5000)}1${"}".repeat(5000)}}`),
    "token [mcp] for 3600 s"
  ),
  text("a JWT in place of JSON", "RFC 8414 §3.2", "eyJhbGciOiJub25lIn0.e30.", "DiscoveryError NotFound"),
  answered("an HTML page", "RFC 8414 §3.2", Answer.html(), "DiscoveryError NotFound"),
  answered("a document of 2 MiB", "RFC 8414 §3.2", Answer.oversized(2 * 1024 * 1024), "DiscoveryError NotFound"),
  answered("an answer that never comes", "RFC 8414 §3.1", Answer.never, "DiscoveryError Unavailable"),
  answered(
    "a redirect to another origin",
    "RFC 9700 §4.11",
    Answer.redirect("https://stranger.example.com/metadata"),
    "DiscoveryError NotFound"
  ),
  answered("a redirect to itself", "RFC 9110 §15.4", Answer.redirect(issuerMetadata), "DiscoveryError NotFound"),
  answered(
    "a redirect with a password in its location",
    "RFC 9110 §10.2.2",
    Answer.redirect("https://user:password@auth.example.com/metadata"),
    "DiscoveryError NotFound"
  ),
  answered("a status 500 with the document", "RFC 8414 §3.2", json(good, 500), "DiscoveryError Unavailable"),
  answered(
    "a Retry-After of a thousand years",
    "RFC 9110 §10.2.3",
    Answer.status(503, { headers: { "retry-after": "31536000000" } }),
    "DiscoveryError Unavailable"
  ),
  answered(
    "a Retry-After that is no date",
    "RFC 9110 §10.2.3",
    Answer.status(503, { headers: { "retry-after": "-1, soon" } }),
    "DiscoveryError Unavailable"
  ),
  {
    input: "UTF-16 with a byte order mark at a metadata address of the caller",
    section: "RFC 8259 §8.1",
    outcome: "DiscoveryError NotFound",
    run: Effect.zipRight(
      serveBytes("https://bytes.example.com", new Uint8Array(Buffer.from(`\ufeff${good}`, "utf16le"))),
      token({ authorizationServerMetadataUrl: "https://bytes.example.com/metadata" })
    )
  },
  {
    input: "a UTF-8 byte order mark at a metadata address of the caller",
    section: "RFC 8259 §8.1",
    outcome: "token [mcp] for 3600 s",
    run: Effect.zipRight(
      serveBytes("https://bytes.example.com", `\ufeff${good}`),
      token({ authorizationServerMetadataUrl: "https://bytes.example.com/metadata", scopes: ["mcp"] })
    )
  }
]

const issuers: ReadonlyArray<Row> = ([
  ["missing", undefined, "DiscoveryError NotFound"],
  ["null", null, "DiscoveryError NotFound"],
  ["a number", 1, "DiscoveryError NotFound"],
  ["an array", [ISSUER], "DiscoveryError NotFound"],
  ["empty", "", "IssuerMismatch Metadata"],
  ["another server", "https://stranger.example.com", "IssuerMismatch Metadata"],
  ["in upper case", "HTTPS://auth.example.com", "IssuerMismatch Metadata"],
  ["with two slashes at the end", `${ISSUER}//`, "IssuerMismatch Metadata"],
  ["with a default port", `${ISSUER}:443`, "IssuerMismatch Metadata"],
  ["with a line break", `${ISSUER}\n`, "IssuerMismatch Metadata"],
  ["with a NUL", `${ISSUER}\0`, "IssuerMismatch Metadata"],
  ["with a zero-width space", `${ISSUER}\u200b`, "IssuerMismatch Metadata"],
  ["with a Cyrillic letter", "https://\u0430uth.example.com", "IssuerMismatch Metadata"],
  ["with a lone surrogate", `${ISSUER}\ud800`, "IssuerMismatch Metadata"],
  ["of 100 KB", ISSUER + "/x".repeat(50_000), "IssuerMismatch Metadata"],
  ["with an escape sequence of a terminal", `${ISSUER}\u001b[31m`, "IssuerMismatch Metadata"]
] as const).map(([what, issuer, outcome]) =>
  changed(`an \`issuer\` ${/^(with|of|in) /.test(what) ? "" : "that is "}${what}`, "RFC 8414 §3.3", { issuer }, outcome)
)

const endpoints: ReadonlyArray<Row> = ([
  ["missing", undefined, "DiscoveryError NotFound"],
  ["null", null, "DiscoveryError NotFound"],
  ["a number", 1, "DiscoveryError NotFound"],
  ["an array", [`${ISSUER}/token`], "DiscoveryError NotFound"],
  ["empty", "", "DiscoveryError Invalid"],
  ["a path only", "/token", "DiscoveryError Invalid"],
  ["without a scheme", "auth.example.com/token", "DiscoveryError Invalid"],
  ["of the scheme `ftp`", "ftp://auth.example.com/token", "InsecureEndpoint NotHttps"],
  ["of the scheme `javascript`", "javascript:alert(1)", "InsecureEndpoint NotHttps"],
  ["of the scheme `data`", "data:application/json,{}", "InsecureEndpoint NotHttps"],
  ["of plain http", "http://auth.example.com/token", "InsecureEndpoint NotHttps"],
  ["with a fragment", `${ISSUER}/token#x`, "DiscoveryError Invalid"],
  ["with an empty fragment", `${ISSUER}/token#`, "DiscoveryError Invalid"],
  ["with a user name", "https://user@auth.example.com/token", "DiscoveryError Invalid"],
  ["with a password", "https://user:canary@auth.example.com/token", "DiscoveryError Invalid"],
  ["with a line break", `${ISSUER}/token\r\nHost: x`, "DiscoveryError Invalid"],
  ["with a space", `${ISSUER}/to ken`, "DiscoveryError Invalid"],
  ["with a NUL", `${ISSUER}/token\0`, "DiscoveryError Invalid"],
  ["with a port out of range", "https://auth.example.com:99999/token", "DiscoveryError Invalid"],
  ["on the loopback host", "https://127.0.0.1/token", "InsecureEndpoint PrivateAddress"],
  ["on a private address", "https://192.168.1.1/token", "InsecureEndpoint PrivateAddress"],
  ["on a link-local address", "https://169.254.169.254/token", "InsecureEndpoint PrivateAddress"],
  ["on an IPv6 address of this machine", "https://[::1]/token", "InsecureEndpoint PrivateAddress"],
  ["on a host that does not exist", "https://nowhere.example.com/token", "TokenEndpointError Unavailable"],
  ["of 20 KB", `${ISSUER}/token?${"x".repeat(20_000)}`, "DiscoveryError Invalid"]
] as const).map(([what, token_endpoint, outcome]) =>
  changed(`a \`token_endpoint\` ${/^(with|of|on|without) /.test(what) ? "" : "that is "}${what}`, "RFC 8414 §2", {
    token_endpoint
  }, outcome)
)

const lists: ReadonlyArray<Row> = [
  changed("`token_endpoint_auth_methods_supported` that is a text", "RFC 8414 §2", {
    token_endpoint_auth_methods_supported: "client_secret_basic"
  }, "DiscoveryError NotFound"),
  changed("`token_endpoint_auth_methods_supported` with a number", "RFC 8414 §2", {
    token_endpoint_auth_methods_supported: [1]
  }, "DiscoveryError NotFound"),
  changed("`token_endpoint_auth_methods_supported` that is null", "RFC 8414 §2", {
    token_endpoint_auth_methods_supported: null
  }, "token [mcp] for 3600 s"),
  {
    input: "methods with control characters, where the client picks one of them",
    section: "RFC 8414 §2",
    outcome: "DiscoveryError UnsupportedClientAuthentication",
    run: Effect.zipRight(
      always(
        "authorization-server-metadata",
        json(
          JSON.stringify({
            ...DOCUMENT,
            token_endpoint_auth_methods_supported: ["\u001b[31m", "client_secret_basic\n"]
          })
        )
      ),
      token({ tokenEndpointAuthMethod: "discover" })
    )
  },
  {
    input: "an empty list of methods, where the client picks one of them",
    section: "RFC 8414 §2",
    outcome: "DiscoveryError UnsupportedClientAuthentication",
    run: Effect.zipRight(
      always(
        "authorization-server-metadata",
        json(JSON.stringify({ ...DOCUMENT, token_endpoint_auth_methods_supported: [] }))
      ),
      token({ tokenEndpointAuthMethod: "discover", scopes: ["mcp"] })
    )
  },
  changed(
    "`grant_types_supported` that is a number",
    "RFC 8414 §2",
    { grant_types_supported: 1 },
    "token [mcp] for 3600 s"
  ),
  changed("`grant_types_supported` without the grant of the client", "RFC 8414 §2", {
    grant_types_supported: ["password"]
  }, "token [mcp] for 3600 s"),
  changed("`jwks_uri` that is an object", "RFC 8414 §2", { jwks_uri: {} }, "token [mcp] for 3600 s")
]

export const authorizationServerMetadata: Family = {
  name: "authorization server metadata",
  rows: [...bodies, ...issuers, ...endpoints, ...lists]
}

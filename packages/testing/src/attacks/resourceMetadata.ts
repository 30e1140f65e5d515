/**
 * Metadata of an MCP server that must not be used: it is about another resource, or comes from elsewhere.
 */
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import { issuerDocument } from "../internal/attacks/scene.ts"
import type { ServerAttack } from "../ServerAttack.ts"

/** Values of `resource` at the well-known address of `https://mcp.example.com/mcp`. */
const others: ReadonlyArray<readonly [what: string, resource: unknown, section: string]> = [
  ["another server", "https://other.example.com/mcp", "RFC 9728 §3.3"],
  ["a subdomain of the server", "https://a.mcp.example.com/mcp", "RFC 9728 §3.3"],
  ["the domain above the server", "https://example.com/mcp", "RFC 9728 §3.3"],
  ["a neighbour on the same host", "https://mcp.example.com/other", "RFC 9728 §3.3"],
  ["a path that begins like the server's", "https://mcp.example.com/mc", "RFC 9728 §3.3"],
  ["a path below the server", "https://mcp.example.com/mcp/admin", "RFC 9728 §3.3"],
  ["the server's path in another case", "https://mcp.example.com/MCP", "RFC 9728 §3.3"],
  ["the server with another query", "https://mcp.example.com/mcp?tenant=b", "RFC 9728 §3.3"],
  ["the server on another port", "https://mcp.example.com:8443/mcp", "RFC 9728 §3.3"],
  ["the server by plain http", "http://mcp.example.com/mcp", "RFC 9728 §3.3"],
  ["the whole host of a server that has a path", "https://mcp.example.com", "RFC 9728 §3.3"],
  ["the server as the user name of another host", "https://mcp.example.com@evil.example/mcp", "RFC 9110 §4.2.4"],
  ["another host as a user name of the server", "https://evil.example@mcp.example.com/mcp", "RFC 9110 §4.2.4"],
  ["the server with a fragment", "https://mcp.example.com/mcp#x", "RFC 9728 §1.2"],
  ["the server with an empty fragment", "https://mcp.example.com/mcp#", "RFC 8707 §2"],
  ["the server with a line break in its path", "https://mcp.example.com/m\ncp", "RFC 8707 §2"],
  ["the server behind a NUL character", "\u0000https://mcp.example.com/mcp", "RFC 8707 §2"],
  ["the server with backslashes", "https:\\\\mcp.example.com\\mcp", "RFC 8707 §2"],
  ["the server without slashes", "https:mcp.example.com/mcp", "RFC 8707 §2"],
  ["the server behind dot segments", "https://mcp.example.com/x/../mcp", "RFC 8707 §2"],
  ["the server behind encoded dot segments", "https://mcp.example.com/x/%2e%2e/mcp", "RFC 8707 §2"],
  ["a list with the server", ["https://mcp.example.com/mcp"], "RFC 9728 §2"],
  ["nothing", undefined, "RFC 9728 §2"],
  ["null", null, "RFC 9728 §2"]
]

const aboutOthers = others.map(([what, resource, section]): ServerAttack => ({
  name: `metadata whose resource is ${what} names a hostile authorization server`,
  section,
  issuer: "discover",
  prepare: Moves.resourceMetadata({ resource, authorization_servers: ["https://evil.example"] }),
  verify: Moves.namesServer
}))

const atAddress = (...urls: ReadonlyArray<string>) => Moves.resourceMetadata({ authorization_servers: urls })

/** @internal */
export const resourceMetadata: ReadonlyArray<ServerAttack> = [
  ...aboutOthers,
  {
    name: "metadata names a resource that the client did not ask for, and the token would be good there",
    section: "MCP Authorization Security Considerations, Token Audience Binding and Validation",
    prepare: Moves.resourceMetadata({ resource: "https://other.example.com/mcp" }),
    verify: Moves.namesServer
  },
  {
    name: "a redirect leads from the metadata to a document of another origin",
    section: "RFC 9728 §3.3",
    issuer: "discover",
    prepare: Moves.resourceMetadataAnswer(Answer.redirect("https://evil.example/resource"))
  },
  {
    name: "a redirect leads from the metadata to plain http",
    section: "RFC 9728 §7.1",
    issuer: "discover",
    prepare: Moves.resourceMetadataAnswer(Answer.redirect("http://mcp.example.com/resource")),
    onlyOrigins: Moves.trusted
  },
  {
    name:
      "a neighbour's metadata at the root of the host is about the whole host, while the server's own is unavailable",
    section: "RFC 9728 §3.3",
    issuer: "discover",
    prepare: Moves.all(
      Moves.resourceMetadataAnswer(Answer.status(503)),
      ({ network }) =>
        network.always(
          ({ url }) => url === "https://mcp.example.com/.well-known/oauth-protected-resource",
          Answer.json({ resource: "https://mcp.example.com", authorization_servers: ["https://evil.example"] })
        )
    )
  },
  {
    name: "metadata with 401 names a hostile authorization server",
    section: "RFC 9728 §3.2",
    issuer: "discover",
    prepare: Moves.resourceMetadataAnswer(
      Answer.json({ resource: "https://mcp.example.com/mcp", authorization_servers: ["https://evil.example"] }, {
        status: 401
      })
    )
  },
  {
    name: "metadata with 500 names a hostile authorization server",
    section: "RFC 9728 §3.2",
    issuer: "discover",
    prepare: Moves.resourceMetadataAnswer(
      Answer.json({ resource: "https://mcp.example.com/mcp", authorization_servers: ["https://evil.example"] }, {
        status: 500
      })
    )
  },
  {
    name: "a server without metadata poses as its own authorization server",
    section: "RFC 9728 §7.6",
    issuer: "discover",
    prepare: Moves.all(
      Moves.resourceMetadataAnswer(Answer.status(404)),
      ({ network }) =>
        network.always(
          ({ url }) => url.startsWith("https://mcp.example.com/.well-known/oauth-authorization-server"),
          Answer.json(issuerDocument("https://mcp.example.com", "https://mcp.example.com/token"))
        )
    ),
    verify: Moves.noTokenRequest
  },
  {
    name: "a counterfeit server claims to be the resource of another server, to use the token there",
    section: "RFC 9700 §4.9.1",
    issuer: "discover",
    servers: { serverUrl: "https://counterfeit.example/mcp" },
    prepare: Moves.resourceMetadata({ resource: "https://mcp.example.com/mcp" }),
    verify: Moves.namesServer
  },
  {
    name: "metadata names a thousand authorization servers, each of which would be asked",
    section: "RFC 9728 §7.7",
    issuer: "discover",
    prepare: atAddress(...Array.from({ length: 1000 }, (_, index) => `https://a${index}.evil.example`)),
    limits: { requests: 24 }
  }
]

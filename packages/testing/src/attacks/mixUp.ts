/**
 * Mix-up: a hostile authorization server is put in the place of the client's own, by names that are alike or by lists.
 */
import * as Effect from "effect/Effect"
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import { hostileAnswer, issuerDocument } from "../internal/attacks/scene.ts"
import type { ServerAttack } from "../ServerAttack.ts"

const names = (...issuers: ReadonlyArray<unknown>) => Moves.resourceMetadata({ authorization_servers: issuers })

/** Entries of `authorization_servers` that are no issuer identifier. */
const entries: ReadonlyArray<readonly [what: string, entry: unknown, section: string]> = [
  ["the issuer as user name of another host", "https://auth.example.com@evil.example", "RFC 9110 §4.2.4"],
  ["a user name and a password", "https://user:password@evil.example", "RFC 9110 §4.2.4"],
  ["a query", "https://evil.example?issuer=https://auth.example.com", "RFC 8414 §2"],
  ["a fragment", "https://evil.example#https://auth.example.com", "RFC 8414 §2"],
  ["plain http", "http://evil.example", "RFC 8414 §2"],
  ["a line break", "https://evil.example/\nlevel=INFO", "RFC 8414 §2"],
  ["an escape sequence", "https://evil.example/\u001b[2J", "RFC 8414 §2"],
  ["a tab inside of its host", "https://evil\t.example", "RFC 8414 §2"],
  ["the scheme javascript", "javascript://evil.example/%0aalert(1)", "RFC 8414 §2"],
  ["the scheme data", "data:text/html,x", "RFC 8414 §2"],
  ["an object in place of a text", { href: "https://evil.example" }, "RFC 9728 §2"],
  ["a list in place of a text", ["https://evil.example"], "RFC 9728 §2"]
]

const malformed = entries.map(([what, entry, section]): ServerAttack => ({
  name: `the list of authorization servers has an entry with ${what}`,
  section,
  issuer: "discover",
  prepare: names(entry),
  onlyOrigins: Moves.trusted
}))

/** Issuers that look like the client's own, each with working metadata. */
const alike: ReadonlyArray<readonly [what: string, issuer: string]> = [
  ["in another case of its path", "https://auth.example.com/Tenant"],
  ["with another port", "https://auth.example.com:8443/tenant"],
  ["with a dot at the end of its host", "https://auth.example.com./tenant"],
  ["with a look-alike letter", "https://аuth.example.com/tenant"],
  ["below another domain", "https://auth.example.com.evil.example/tenant"],
  ["with an encoded letter", "https://auth.example.com/%74enant"],
  ["with a path behind it", "https://auth.example.com/tenant/.."]
]

const lookAlike = alike.map(([what, issuer]): ServerAttack => ({
  name: `the MCP server names the client's issuer ${what}`,
  section: "RFC 9207 §2.4",
  servers: { issuer: "https://auth.example.com/tenant" },
  prepare: Moves.all(
    names(issuer),
    ({ network }) =>
      network.serve(
        new URL(issuer).origin,
        (request) => Effect.sync(() => hostileAnswer(request)),
        "authorization-server-metadata"
      )
  )
}))

/** @internal */
export const mixUp: ReadonlyArray<ServerAttack> = [
  ...malformed,
  ...lookAlike,
  {
    name: "the MCP server names a hostile authorization server in place of the client's own",
    section: "RFC 9700 §4.4",
    prepare: names("https://evil.example")
  },
  {
    name: "the MCP server names a hostile authorization server before the client's own",
    section: "RFC 9700 §4.4",
    prepare: names("https://evil.example", "https://auth.example.com"),
    verify: Moves.stillServed
  },
  {
    name: "a hostile authorization server says that it is the client's own",
    section: "RFC 8414 §6.2",
    issuer: "discover",
    prepare: Moves.all(
      names("https://impostor.example"),
      ({ network }) =>
        network.serve(
          "https://impostor.example",
          () =>
            Effect.sync(() =>
              Response.json(issuerDocument("https://auth.example.com", "https://impostor.example/token"))
            )
        )
    ),
    verify: Moves.noTokenRequest
  },
  {
    name:
      "a hostile authorization server names the token endpoint of the client's own, and the token goes to the server",
    section: "RFC 9700 §4.4",
    issuer: "discover",
    servers: { serverUrl: "https://counterfeit.example/mcp" },
    prepare: Moves.all(
      Moves.resourceMetadata({ resource: "https://mcp.example.com/mcp", authorization_servers: ["https://b.example"] }),
      ({ authorizationServer, network }) =>
        network.serve(
          "https://b.example",
          () => Effect.sync(() => Response.json(issuerDocument("https://b.example", authorizationServer.tokenEndpoint)))
        )
    ),
    verify: Moves.namesServer
  },
  {
    name: "the metadata of the MCP server changes while the client reads that of the authorization server",
    section: "MCP Authorization Security Considerations, Mix-Up Attacks",
    prepare: (scene) =>
      scene.network.script(
        ({ url }) => url.startsWith("https://auth.example.com/.well-known/"),
        Answer.after(names("https://evil.example")(scene), Answer.proceed)
      )
  }
]

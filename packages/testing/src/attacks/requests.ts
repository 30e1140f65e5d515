/**
 * A token that is lured away from the MCP server: by redirects, by URLs that look like the server's, and by refusals
 * without end.
 */
import * as Effect from "effect/Effect"
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import type { ServerAttack } from "../ServerAttack.ts"

const redirects = ([301, 302, 303, 307, 308] as const).map((code): ServerAttack => ({
  name: `a ${code} of the MCP server leads a request with a token to another origin`,
  section: "RFC 9700 §4.11",
  prepare: Moves.serverAnswer(Answer.redirect("https://evil.example/collect", code), "requests with a token")
}))

/** Targets of a redirect that are another origin than `https://mcp.example.com`. */
const targets: ReadonlyArray<readonly [what: string, target: string, section: string]> = [
  ["the same host by plain http", "http://mcp.example.com/mcp", "RFC 6750 §5.3"],
  ["the same host on another port", "https://mcp.example.com:8443/mcp", "RFC 9110 §4.3.1"],
  ["a host below the server's", "https://cdn.mcp.example.com/mcp", "RFC 9110 §4.3.1"],
  ["another host without a scheme", "//evil.example/collect", "RFC 9110 §10.2.2"],
  ["another host behind a backslash", "/\\evil.example/collect", "RFC 9110 §10.2.2"],
  ["another host behind two backslashes", "\\\\evil.example\\collect", "RFC 9110 §10.2.2"],
  ["another host behind the server as a user name", "https://mcp.example.com@evil.example/", "RFC 9110 §4.2.4"],
  ["another host behind the server and a tab", "https://mcp.example.com\t@evil.example/", "RFC 9110 §4.2.4"]
]

const toTargets = targets.map(([what, target, section]): ServerAttack => ({
  name: `a 307 of the MCP server leads a request with a token to ${what}`,
  section,
  prepare: Moves.serverAnswer(Answer.redirect(target, 307), "requests with a token")
}))

/** URLs that the caller may take for the server's, as from an answer of the server. */
const urls: ReadonlyArray<readonly [what: string, url: string]> = [
  ["that begins with the server's host", "https://mcp.example.com.evil.example/mcp"],
  ["with the server as a user name", "https://mcp.example.com@evil.example/mcp"],
  ["with the server as user name and password", "https://mcp.example.com:443@evil.example/mcp"],
  ["with the server in its path", "https://evil.example/https://mcp.example.com/mcp"],
  ["with the server in its query", "https://evil.example?@mcp.example.com/mcp"],
  ["with the server in its fragment", "https://evil.example#@mcp.example.com/mcp"],
  ["with a backslash before the server", "https://evil.example\\@mcp.example.com/mcp"],
  ["by plain http", "http://mcp.example.com/mcp"],
  ["with another port", "https://mcp.example.com:8443/mcp"],
  ["with a dot at the end of its host", "https://mcp.example.com./mcp"],
  ["with a host below the server's", "https://a.mcp.example.com/mcp"],
  ["with the host above the server's", "https://example.com/mcp"],
  ["with a look-alike letter", "https://mcp.exаmple.com/mcp"],
  ["with a hyphen in place of a dot", "https://mcp-example.com/mcp"],
  ["with the server's name cut", "https://cp.example.com/mcp"]
]

const lookAlike = urls.map(([what, url]): ServerAttack => ({
  name: `the client is asked to send a message to a URL ${what}`,
  section: "RFC 6750 §5.2",
  prepare: ({ network }) =>
    network.serve(new URL(url).origin, () => Effect.sync(() => new Response("collected")), "other"),
  calls: (send, { serverUrl }) =>
    Effect.exit(send(serverUrl)).pipe(Effect.andThen(Effect.exit(send(url))), Effect.andThen(Effect.exit(send(url))))
}))

const invalidToken = Moves.challenged(`Bearer error="invalid_token"`)

const forbidden = (scope: string, error = "insufficient_scope") =>
  Answer.status(403, { headers: { "www-authenticate": `Bearer error="${error}", scope="${scope}"` } })

/** Refusals of every request with a token. Each may cost a second attempt and no loop. */
const refusals: ReadonlyArray<readonly [what: string, answer: Answer.Answer]> = [
  ["401 with invalid_token", invalidToken],
  ["401 without a challenge", Answer.status(401)],
  ["401 with a challenge for another scheme", Moves.challenged(`Negotiate`)],
  ["403 with invalid_token", forbidden("mcp", "invalid_token")],
  ["403 with insufficient_scope for a scope that the token has", forbidden("mcp")],
  ["403 with insufficient_scope for a scope that the client may not have", forbidden("root")],
  ["403 without a challenge", Answer.status(403)]
]

const endless = refusals.map(([what, answer]): ServerAttack => ({
  name: `every request with a token is refused by ${what}, in five calls`,
  section: "RFC 6750 §3.1",
  prepare: Moves.serverAnswer(answer, "requests with a token"),
  calls: Moves.repeated(5),
  limits: { tokenRequests: 15, requests: 50 }
}))

/** A 403 for a new scope after each token. */
const inflation: ServerAttack = {
  name: "each new token is refused by a 403 that demands one more scope, in one call",
  section: "MCP Security Best Practices, Scope Minimization",
  servers: {
    scopes: ["mcp", ...Array.from({ length: 50 }, (_, index) => `s${index}`)]
  },
  prepare: ({ network }) =>
    network.script(
      ({ endpoint, headers }) => endpoint === "resource" && headers["authorization"] !== undefined,
      ...Array.from({ length: 50 }, (_, index) => forbidden(`s${index}`))
    ),
  limits: { tokenRequests: 4, requests: 16 }
}

/** @internal */
export const requests: ReadonlyArray<ServerAttack> = [
  ...redirects,
  ...toTargets,
  ...lookAlike,
  ...endless,
  inflation,
  {
    name: "401 and 403 take turns in one call",
    section: "RFC 6750 §3.1",
    prepare: ({ network }) =>
      network.script(
        ({ endpoint, headers }) => endpoint === "resource" && headers["authorization"] !== undefined,
        ...Array.from({ length: 50 }, (_, index) => index % 2 === 0 ? invalidToken : forbidden("admin"))
      ),
    limits: { tokenRequests: 6, requests: 20 }
  },
  {
    name: "a redirect leads to another origin, which asks for a token by a 401",
    section: "RFC 9700 §4.9.1",
    prepare: Moves.serverAnswer(Answer.redirect("https://evil.example/mcp", 307), "all requests")
  },
  {
    name: "a redirect leads from path to path of the server without end",
    section: "RFC 9110 §15.4",
    prepare: ({ network }) =>
      network.always(
        ({ url }) => url.startsWith("https://mcp.example.com/loop"),
        Answer.redirect("https://mcp.example.com/loop", 307)
      ),
    calls: (send) => Effect.exit(send("https://mcp.example.com/loop")),
    limits: { requests: 40 }
  },
  {
    name: "a token is asked for in the query of a URL",
    section: "RFC 6750 §2.3",
    servers: { mcpServer: { metadata: { bearer_methods_supported: ["query", "body"] } } },
    verify: ({ authorized }) => authorized.length > 0 ? undefined : "no request has the token in its header"
  },
  {
    name: "the server stops accepting the tokens of the authorization server, and fifty calls come at once",
    section: "RFC 6750 §3.1",
    prepare: Moves.serverAnswer(invalidToken, "requests with a token"),
    calls: (send, { serverUrl }) =>
      Effect.all(Array.from({ length: 50 }, () => Effect.exit(send(serverUrl))), { concurrency: "unbounded" }),
    limits: { tokenRequests: 60, requests: 400 }
  }
]

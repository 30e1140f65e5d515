/**
 * The faults of the soak, one for each turn of ten seconds: what the authorization server and the MCP server do then,
 * and which clients may fail because of it.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { credentials } from "./control.ts"
import { type Address, challenged, type Fault, type Rejection } from "./memoryServers.ts"

/** Whether the client's `issuer` is pinned or left to discovery. */
export type Kind = "pinned" | "discovers"

export interface Turn {
  readonly name: string
  /** The fault of a request, while the fault of the turn lasts. `random` lies between 0 and 1. */
  readonly fault?: (asked: {
    readonly address: Address
    readonly request: HttpClientRequest.HttpClientRequest
    readonly random: number
    /** How many token requests this client has made in this turn. */
    readonly tokenRequests: number
  }) => Fault | undefined
  /** The clients that may fail because of this fault. All other clients must get through. */
  readonly mayFail: ReadonlyArray<Kind>
  /** How long a token request takes, in milliseconds. Default: 0. */
  readonly tokenMillis?: number
  /** Revokes all tokens at the beginning of the turn, and again at this interval, in milliseconds. */
  readonly revokesEvery?: number
  /** How the MCP server rejects a token. */
  readonly rejection?: Rejection
  /** Begins the turn with new clients, which have neither a token nor a document. */
  readonly restarts?: boolean
}

const all: ReadonlyArray<Kind> = ["pinned", "discovers"]
const nobody: ReadonlyArray<Kind> = []

export const calm: Turn = { name: "calm", mayFail: nobody }

const answers = (status: number, body: unknown, headers: Record<string, string> = {}): Fault => ({
  _tag: "Answers",
  status,
  body: typeof body === "string" ? body : JSON.stringify(body),
  headers
})

const html = (status: number): Fault =>
  answers(status, "<!doctype html><html><body>down for maintenance</body></html>", { "content-type": "text/html" })

const atToken = (name: string, mayFail: ReadonlyArray<Kind>, fault: Fault): Turn => ({
  name,
  mayFail,
  fault: ({ address }) => address === "token" ? fault : undefined
})

/** The answer has a token, in an unusual form. The turn begins with a revocation, so that each client gets the answer. */
const issues = (name: string, change: Readonly<Record<string, unknown>>, status = 200): Turn => ({
  ...atToken(name, nobody, { _tag: "Issues", status, change }),
  revokesEvery: Number.POSITIVE_INFINITY
})

/**
 * The fault meets the first token request of the turn only, so the next attempt must succeed before callers fail. The
 * turn begins with a revocation, so that each client makes a request.
 */
const once = (name: string, fault: Fault): Turn => ({
  name: `${name}, once`,
  mayFail: nobody,
  revokesEvery: Number.POSITIVE_INFINITY,
  fault: ({ address, tokenRequests }) => address === "token" && tokenRequests === 1 ? fault : undefined
})

/** The fault meets clients that know no document yet. */
const atDocuments = (
  name: string,
  addresses: ReadonlyArray<Address>,
  mayFail: ReadonlyArray<Kind>,
  fault: Fault
): Turn => ({
  name: `${name} in place of the ${addresses.join(" and the ")}`,
  mayFail,
  restarts: true,
  fault: ({ address }) => addresses.includes(address) ? fault : undefined
})

const revokes = (name: string, challenge: Rejection["challenge"], status = 401): Turn => ({
  name: `revokes, ${name}`,
  mayFail: nobody,
  revokesEvery: Number.POSITIVE_INFINITY,
  rejection: { status, challenge }
})

/** The scope that the MCP server names in its challenge, while its metadata lists another. */
const challengedScope = "tools:call"

const tokenEndpoint: ReadonlyArray<Turn> = [
  atToken("refuses connections", all, { _tag: "Refused" }),
  atToken("resets connections", all, { _tag: "Reset" }),
  atToken("hangs", all, { _tag: "Hangs" }),
  { name: "is slow", mayFail: all, tokenMillis: 3_000 },
  atToken("503", all, answers(503, "")),
  {
    name: "503, every other time",
    mayFail: all,
    fault: ({ address, random }) => address === "token" && random < 0.5 ? answers(503, "") : undefined
  },
  atToken("429 with Retry-After", all, answers(429, { error: "slow_down" }, { "retry-after": "2" })),
  atToken("a page with status 200", all, html(200)),
  atToken("an answer without a token", all, answers(200, { token_type: "Bearer" })),
  atToken("invalid_client", all, answers(401, { error: "invalid_client" })),
  atToken("unauthorized_client with status 401", all, answers(401, { error: "unauthorized_client" })),
  atToken("a vendor's error", all, answers(400, { error: { code: 400, message: "Project is suspended" } })),
  atToken("a page with status 403", all, html(403)),
  once("hangs", { _tag: "Hangs" }),
  once("resets the connection", { _tag: "Reset" }),
  once("503", answers(503, "")),
  once("a page with status 200", html(200)),
  once("an empty answer with status 200", answers(200, "")),
  issues("a token with status 201", {}, 201),
  issues("a scope that is an array", { scope: [credentials.scope] }),
  issues("a scope that is null", { scope: null }),
  issues("a token type in lower case", { token_type: "bearer" }),
  issues("a lifetime that is a text", { expires_in: "20" }),
  {
    name: "invalid_scope for the scope of the metadata",
    // The pinned client is configured with that scope, so nothing else may be asked for.
    mayFail: ["pinned"],
    restarts: true,
    rejection: {
      status: 401,
      challenge: (url) => `Bearer resource_metadata="${url}", scope="${challengedScope}"`
    },
    fault: ({ address, request }) =>
      address === "token" && !bodyOf(request).includes(encodeURIComponent(challengedScope))
        ? answers(400, { error: "invalid_scope" })
        : undefined
  }
]

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): string =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""

const otherResource = answers(200, { resource: "https://other.example.com/mcp", authorization_servers: [] })
const otherIssuer = answers(200, { issuer: "https://other.example.com", token_endpoint: "https://other.example.com/t" })

const documents: ReadonlyArray<Turn> = [
  // The document of the path is missing or useless: the document of the root, which describes the parent, serves.
  atDocuments("404", ["resource metadata"], nobody, answers(404, "")),
  atDocuments("a page with status 200", ["resource metadata"], nobody, html(200)),
  atDocuments("another resource", ["resource metadata"], nobody, otherResource),
  // The document of the path may exist: without a pinned issuer the parent's must not decide who gets the secret.
  ...([["502", html(502)], ["a reset", { _tag: "Reset" }], ["silence", { _tag: "Hangs" }]] as const).map((
    [name, fault]
  ) => atDocuments(name, ["resource metadata"], ["discovers"], fault)),
  atDocuments("502", ["resource metadata", "root resource metadata"], ["discovers"], html(502)),
  atDocuments("404", ["resource metadata", "root resource metadata"], ["discovers"], answers(404, "")),
  // The address that the challenge names serves, whatever the guessed addresses answer.
  ...([["404", answers(404, "")], ["502", html(502)], ["another resource", otherResource]] as const).map((
    [name, fault]
  ) => ({
    ...atDocuments(name, ["resource metadata", "root resource metadata"], nobody, fault),
    name: `${name} in place of the resource metadata, except for the address in an unquoted challenge`,
    rejection: { status: 401, challenge: (url: string) => `Bearer resource_metadata=${url}${challenged}` }
  })),
  // The second address of the authorization server's metadata serves.
  ...([
    ["404", answers(404, "")],
    ["502", html(502)],
    ["429", answers(429, "", { "retry-after": "1" })],
    ["a page with status 200", html(200)],
    ["another issuer", otherIssuer],
    ["a reset", { _tag: "Reset" }],
    ["silence", { _tag: "Hangs" }]
  ] as const).map(([name, fault]) => atDocuments(name, ["server metadata"], nobody, fault)),
  atDocuments("503", ["server metadata", "openid configuration"], all, answers(503, ""))
]

const revocations: ReadonlyArray<Turn> = [
  revokes("with a proper challenge", (url) => `Bearer resource_metadata="${url}", error="invalid_token"`),
  revokes("with an unquoted address", (url) => `Bearer resource_metadata=${url}, error=invalid_token`),
  revokes("with single quotes", (url) => `Bearer resource_metadata='${url}' error='invalid_token'`),
  revokes("with white space in place of commas", (url) => `Bearer resource_metadata="${url}" error="invalid_token"`),
  revokes("without a challenge", () => "Bearer"),
  revokes("with status 403", (url) => `Bearer resource_metadata="${url}", error="invalid_token"`, 403),
  { ...revokes("every 5 s", (url) => `Bearer resource_metadata="${url}", error="invalid_token"`), revokesEvery: 5_000 }
]

export const turns: ReadonlyArray<Turn> = [...tokenEndpoint, ...documents, ...revocations]

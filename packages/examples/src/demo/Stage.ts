/**
 * The parts that all acts of the demo share: two real servers, the keys of the signers, and the observations so far.
 */
import type { AccessToken } from "@effect-mcp-auth/core"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AuthorizationServer from "../servers/AuthorizationServer.ts"
import * as KeyPair from "../servers/KeyPair.ts"
import * as McpServer from "../servers/McpServer.ts"
import * as CallerView from "./CallerView.ts"
import * as TokenHistory from "./TokenHistory.ts"
import * as Traffic from "./Traffic.ts"
import * as Transcript from "./Transcript.ts"

export interface Stage {
  readonly authorizationServer: AuthorizationServer.AuthorizationServer
  readonly mcpServer: McpServer.McpServer
  readonly transcript: Transcript.Transcript
  /** Every exchange so far, those of the library included. */
  readonly hops: ReadonlyArray<Transcript.Hop>
  readonly history: TokenHistory.TokenHistory
  readonly callers: CallerView.CallerView
  /** The key of the client that has no secret. */
  readonly clientKey: KeyPair.KeyPair
  /** The key of the identity provider that the authorization server trusts. */
  readonly employerKey: KeyPair.KeyPair
  /** Adds every exchange to `hops`, and prints it. */
  readonly Fetch: Layer.Layer<FetchHttpClient.Fetch>
}

/** Lifetime of an access token, in seconds. */
export const accessTokenLifetime = 5

/** The client that has a key in place of a secret. */
export const signer = "nightly-report-signer"

/** The identity provider, and the user on whose behalf it lets the program act. */
export const employer = "https://idp.example.com"
export const user = "alice@example.com"

export const make = Effect.gen(function*() {
  const clientKey = yield* KeyPair.generate("ES256")
  const employerKey = yield* KeyPair.generate("EdDSA")
  const authorizationServer = yield* AuthorizationServer.make({
    accessTokenLifetime,
    keyClients: [{ clientId: signer, ...clientKey }],
    trustedIssuers: [{ issuer: employer, ...employerKey }]
  })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })

  const transcript = Transcript.make()
  const hops: Array<Transcript.Hop> = []
  const names = { [authorizationServer.issuer]: "AS", [new URL(mcpServer.url).origin]: "MCP" }
  const fetch = Traffic.traced(names, (hop) => {
    hops.push(hop)
    transcript.hop(hop)
  })
  const stage: Stage = {
    authorizationServer,
    mcpServer,
    transcript,
    hops,
    history: TokenHistory.make(),
    callers: CallerView.make(),
    clientKey,
    employerKey,
    Fetch: Layer.succeed(FetchHttpClient.Fetch, fetch)
  }
  return stage
})

export const tokenRequests = ({ authorizationServer }: Stage): number => authorizationServer.requests("POST /token")

/** Whether tokens were sent to the MCP server alone. */
export const tokensOnlySentToMcpServer = ({ hops }: Stage): boolean =>
  hops.every(({ server, token }) => token === undefined || server === "MCP")

/** The ids of the assertions that were presented so far. */
export const assertions = ({ hops }: Stage): ReadonlyArray<string> => hops.flatMap((hop) => hop.assertions)

export const allDiffer = (ids: ReadonlyArray<string>): boolean => new Set(ids).size === ids.length

export const sameScopes = (token: AccessToken.AccessToken, scopes: ReadonlyArray<string>): boolean =>
  token.scopes.toSorted().join(" ") === scopes.toSorted().join(" ")

/**
 * The acts of the demo. Each does what a nightly job does, then checks what happened to the tokens meanwhile.
 */
import { AccessToken, OAuthFetch, OAuthProvider } from "@effect-mcp-auth/core"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as McpClient from "../mcp-client/McpClient.ts"
import * as McpServer from "../servers/McpServer.ts"
import * as Report from "../servers/Report.ts"
import {
  accessTokenLifetime,
  allDiffer,
  assertions,
  employer,
  sameScopes,
  signer,
  type Stage,
  tokenRequests,
  tokensOnlySentToMcpServer,
  user
} from "./Stage.ts"
import * as TokenHistory from "./TokenHistory.ts"

/** Acts 1 to 5, in one session of an MCP client that has a secret. */
export const withSecret = Effect.fnUntraced(function*(stage: Stage) {
  yield* TokenHistory.follow(stage.history, stage.transcript)
  const { callTool, listTools } = yield* connect(stage)
  const session: Session = {
    listTools: Effect.map(listTools, (tools) => tools.map(({ name }) => name)),
    call: (tool) => Effect.map(callTool(tool, { day: "today" }), McpClient.textOf)
  }
  yield* firstCall(stage, session)
  yield* httpClient(stage)
  yield* twoExpiries(stage, session)
  yield* revocation(stage, session)
  yield* stepUp(stage, session)
})

const connect = Effect.fnUntraced(function*(stage: Stage) {
  const { act } = stage.transcript
  act("1. The first call", "The program knows the server's URL, the issuer and a secret. The library finds the rest.")
  const fetch = stage.callers.countFetch(yield* OAuthFetch.make)
  return yield* McpClient.make({ serverUrl: stage.mcpServer.url, fetch })
})

interface Session {
  readonly listTools: Effect.Effect<ReadonlyArray<string>, McpClient.CallError>
  readonly call: (tool: string) => Effect.Effect<string, McpClient.CallError | McpClient.ToolError>
}

const firstCall = Effect.fnUntraced(function*(stage: Stage, session: Session) {
  const { check } = stage.transcript
  const tools = yield* session.listTools
  const answer = yield* session.call("report")
  check(tools.join(" ") === "report publish", `the server has the tools ${tools.join(" and ")}`)
  check(answer.includes("orders"), `report answers ${answer}`)
  check(tokenRequests(stage) === 1, "all calls together took one token request")
})

const httpClient = Effect.fnUntraced(function*(stage: Stage) {
  const { authorizationServer, callers, mcpServer, transcript: { act, check } } = stage
  act("2. An HttpClient", "The same provider behind an Effect HttpClient. No other origin receives the token.")
  const client = callers.countHttpClient(yield* HttpClient.HttpClient)
  const report = yield* Effect.provideService(Report.read(mcpServer.reportUrl), HttpClient.HttpClient, client)
  yield* client.get(authorizationServer.jwksUri)
  check(report.orders > 0, `the report of ${report.day} has ${report.orders} orders`)
  check(tokenRequests(stage) === 1, "the client used the token that was there")
  check(tokensOnlySentToMcpServer(stage), "the other origin did not receive the token")
})

const twoExpiries = Effect.fnUntraced(function*(stage: Stage, session: Session) {
  const { history, mcpServer, transcript: { act, check } } = stage
  act("3. Two expiries", `A call a second, until two tokens of ${accessTokenLifetime} s have expired.`)
  yield* session.call("report").pipe(
    Effect.delay("1 second"),
    Effect.repeat({ until: () => TokenHistory.expired(history) >= 2 })
  )
  const expired = TokenHistory.expired(history)
  check(expired >= 2, `${expired} tokens expired`)
  check(
    history.renewals.Scheduled >= expired,
    "each token was renewed in the background before its expiry: no caller waited"
  )
  check(mcpServer.refused(401) === 0, "the server refused no token")
})

/** Waits for a token with more than half of its life ahead, so that no scheduled renewal disturbs what follows. */
const untilYoung = Effect.flatMap(OAuthProvider.OAuthProvider, ({ accessToken }) =>
  accessToken.pipe(
    Effect.delay("100 millis"),
    Effect.repeat({ until: (token) => token.expiresAt - Date.now() > accessTokenLifetime * 600 })
  ))

const revocation = Effect.fnUntraced(function*(stage: Stage, session: Session) {
  const { mcpServer, transcript: { act, check } } = stage
  act("4. A revocation", "The server now refuses every token issued so far. Five callers notice at once.")
  yield* untilYoung
  // The server refuses a token of the very second of the revocation only if it has seen that token.
  yield* session.call("report")
  const before = { tokenRequests: tokenRequests(stage), refused: mcpServer.refused(401) }
  yield* mcpServer.revokeAll
  yield* Effect.all(Array.from({ length: 5 }, () => session.call("report")), { concurrency: "unbounded" })
  const refused = mcpServer.refused(401) - before.refused
  check(refused > 0, `the server refused ${refused} requests, and each was sent again with a new token`)
  check(tokenRequests(stage) === before.tokenRequests + 1, "the five callers together took one token request")
})

const stepUp = Effect.fnUntraced(function*(stage: Stage, session: Session) {
  const { mcpServer, transcript: { act, check } } = stage
  const { accessToken } = yield* OAuthProvider.OAuthProvider
  act("5. A step-up", "The tool \"publish\" needs the scope reports:write, which no token has so far.")
  yield* untilYoung
  yield* session.call("publish")
  check(mcpServer.refused(403) === 1, "the server asked for the scope")
  const steppedUp = yield* accessToken
  check(sameScopes(steppedUp, McpServer.scopes), `the new token has the scopes ${steppedUp.scopes.join(" and ")}`)
  yield* session.call("publish").pipe(
    Effect.delay("1 second"),
    Effect.zipRight(accessToken),
    Effect.repeat({ until: (token) => !AccessToken.isSame(token, steppedUp) })
  )
  check(sameScopes(yield* accessToken, McpServer.scopes), "the token that replaced it has the same scopes")
  check(mcpServer.refused(403) === 1, "the server did not have to ask again")
})

/** Act 6: a client with a key. */
export const withKey = Effect.fnUntraced(function*(stage: Stage) {
  const { act, check } = stage.transcript
  act("6. A key instead of a secret", "The program signs an assertion for each token. The server knows the public key.")
  const { assertions, reader, tokenRequests } = yield* readTwice(stage)
  check(reader === signer, `the server identifies the caller as ${reader}`)
  check(tokenRequests === 2, "one token request, and one more after a revocation")
  check(assertions.length === 2 && allDiffer(assertions), "each with an assertion of its own")
})

/** Act 7: a client with a key, and an assertion that names a user. */
export const onBehalf = Effect.fnUntraced(function*(stage: Stage) {
  const { act, check } = stage.transcript
  act("7. On behalf of a user", `${employer} vouches for ${user}; the program proves with its key who asks.`)
  const { assertions, reader, tokenRequests } = yield* readTwice(stage)
  check(reader === user, `the server identifies the caller as ${reader}`)
  check(tokenRequests === 2, "one token request, and one more after a revocation")
  check(assertions.length === 4 && allDiffer(assertions), "each with two assertions, none of them used before")
})

/** Reads the report before and after a revocation. The result says what that took. */
const readTwice = Effect.fnUntraced(function*(stage: Stage) {
  const { callers, history, mcpServer, transcript } = stage
  yield* TokenHistory.follow(history, transcript)
  const client = callers.countHttpClient(yield* HttpClient.HttpClient)
  const read = Effect.provideService(Report.read(mcpServer.reportUrl), HttpClient.HttpClient, client)
  const before = { tokenRequests: tokenRequests(stage), assertions: assertions(stage).length }
  const { reader } = yield* read
  yield* mcpServer.revokeAll
  yield* read
  return {
    reader,
    tokenRequests: tokenRequests(stage) - before.tokenRequests,
    assertions: assertions(stage).slice(before.assertions)
  }
})

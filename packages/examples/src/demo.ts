/**
 * `pnpm demo`: a program with no user at hand that calls a protected MCP server, through everything that happens to its
 * tokens: they are found, renewed ahead of their expiry, revoked, and widened. The servers are real and run here as well.
 */
import {
  AccessToken,
  OAuthEvent,
  OAuthFetch,
  OAuthHttpClient,
  OAuthProvider,
  TokenStorage
} from "@effect-mcp-auth/core"
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import * as McpServer from "./McpServer.ts"
import * as NightlyReport from "./NightlyReport.ts"
import { runMain } from "./runMain.ts"
import * as Traffic from "./Traffic.ts"
import * as Transcript from "./Transcript.ts"

/** Seconds. */
const accessTokenLifetime = 5

/** Seconds. It takes about 15. */
const timeLimit = 27

class DemoFailed extends Data.TaggedError("DemoFailed")<{ readonly broken: ReadonlyArray<string> }> {
  override get message(): string {
    return `The demo did not do what it should:\n${this.broken.map((text) => `  - ${text}`).join("\n")}`
  }
}

// --- the stage ------------------------------------------------------------------------------------------------------

interface Stage {
  readonly authorizationServer: AuthorizationServer.AuthorizationServer
  readonly mcpServer: McpServer.McpServer
  readonly transcript: Transcript.Transcript
  /** Every exchange so far, the library's own included. */
  readonly hops: ReadonlyArray<Transcript.Hop>
}

const demo = Effect.gen(function*() {
  const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  const [{ clientId, clientSecret, tokenEndpointAuthMethod }] = authorizationServer.clients

  const transcript = Transcript.make()
  transcript.title("A nightly job and its tokens", [
    ["MCP server", `${mcpServer.url}   (@modelcontextprotocol/server)`],
    ["authorization server", `${authorizationServer.issuer}   (oidc-provider)`],
    ["client", `${clientId}, ${tokenEndpointAuthMethod}`],
    ["access tokens", `JWTs that live ${accessTokenLifetime} s; shown here as short hashes`]
  ])

  const hops: Array<Transcript.Hop> = []
  const names = { [authorizationServer.issuer]: "AS", [new URL(mcpServer.url).origin]: "MCP" }
  const Fetch = Layer.succeed(
    FetchHttpClient.Fetch,
    Traffic.traced(names, (hop) => {
      hops.push(hop)
      transcript.hop(hop)
    })
  )
  const Auth = ClientSecret.layer({
    serverUrl: mcpServer.url,
    issuer: authorizationServer.issuer,
    clientId,
    clientSecret,
    scopes: ["reports:read"]
  }).pipe(Layer.provide(TokenStorage.layerMemory))
  const Live = OAuthHttpClient.layer.pipe(
    Layer.provideMerge(Auth),
    Layer.provide(FetchHttpClient.layer),
    Layer.provideMerge(Fetch)
  )

  yield* acts({ authorizationServer, mcpServer, transcript, hops }).pipe(Effect.provide(Live))
  if (transcript.broken.length > 0) return yield* new DemoFailed({ broken: transcript.broken })
  console.log("\nEverything went as it should.\n")
}).pipe(Effect.scoped)

/** Prints what happens to the tokens and keeps count of it. */
const watch = Effect.fnUntraced(function*(transcript: Transcript.Transcript) {
  const provider = yield* OAuthProvider.OAuthProvider
  const outlived: Array<AccessToken.AccessToken> = []
  let current: AccessToken.AccessToken | undefined
  const renewals = { Scheduled: 0, Expired: 0, Rejected: 0, StepUp: 0 }
  const got = (token: AccessToken.AccessToken, how: string) => {
    current = token
    const lives = ((token.expiresAt - Date.now()) / 1000).toFixed(1)
    transcript.token(AccessToken.fingerprint(token), `${how}: ${token.scopes.join(" ")}, ${lives} s to live`)
  }
  const tell = OAuthEvent.match({
    TokenObtained: ({ millis, token }) => got(token, `obtained in ${millis} ms`),
    TokenRenewed: ({ reason, token }) => {
      renewals[reason] += 1
      if (current !== undefined && (reason === "Scheduled" || reason === "Expired")) outlived.push(current)
      got(token, reasons[reason])
    },
    TokenLoaded: ({ token }) => got(token, "found in the storage"),
    TokenRejected: ({ token }) => transcript.token(AccessToken.fingerprint(token), "refused by the MCP server"),
    RenewalFailed: ({ error }) => transcript.note(`renewal failed: ${error.message}`),
    AuthorizationServerChanged: ({ from, to }) => transcript.note(`authorization server changed from ${from} to ${to}`),
    StorageFailed: ({ error }) => transcript.note(`storage failed: ${error.message}`)
  })
  yield* provider.events.pipe(Stream.runForEach((event) => Effect.sync(() => tell(event))), Effect.forkScoped)
  // The subscription begins when that fiber first runs.
  yield* Effect.yieldNow()
  return {
    renewals,
    /** How many tokens have expired by now, of those that were not done away with before. */
    expired: () => outlived.filter((token) => token.expiresAt <= Date.now()).length
  }
})

const reasons = {
  Scheduled: "renewed ahead of expiry",
  Expired: "renewed after expiry",
  Rejected: "renewed after the refusal",
  StepUp: "asked for in a step-up"
} as const

/** Counts what the callers get to see, after the library has done its work. */
const observe = () => {
  const seen = { calls: 0, unauthorized: 0, forbidden: 0, failed: 0 }
  const count = (status: number) => {
    seen.calls += 1
    if (status === 401) seen.unauthorized += 1
    if (status === 403) seen.forbidden += 1
  }
  const failed = () => {
    seen.calls += 1
    seen.failed += 1
  }
  return {
    seen,
    fetch: (fetch: typeof globalThis.fetch): typeof globalThis.fetch => async (input, init) => {
      try {
        const response = await fetch(input, init)
        count(response.status)
        return response
      } catch (error) {
        failed()
        throw error
      }
    },
    httpClient: (client: HttpClient.HttpClient): HttpClient.HttpClient =>
      client.pipe(
        HttpClient.tap((response) => Effect.sync(() => count(response.status))),
        HttpClient.tapError(() => Effect.sync(failed))
      )
  }
}

// --- the acts -------------------------------------------------------------------------------------------------------

const acts = Effect.fnUntraced(function*({ authorizationServer, hops, mcpServer, transcript }: Stage) {
  const { act, check } = transcript
  const provider = yield* OAuthProvider.OAuthProvider
  const life = yield* watch(transcript)
  const callers = observe()
  const fetch = callers.fetch(yield* OAuthFetch.make)
  const httpClient = callers.httpClient(yield* HttpClient.HttpClient)

  const tokenRequests = () => authorizationServer.requests("POST /token")
  const discoveryRequests = () =>
    authorizationServer.requests("GET /.well-known/oauth-authorization-server") +
    authorizationServer.requests("GET /.well-known/openid-configuration") +
    mcpServer.requests("GET /.well-known/oauth-protected-resource/mcp") +
    mcpServer.requests("GET /.well-known/oauth-protected-resource")

  const tokensStayHome = () => hops.every(({ server, token }) => token === undefined || server === "MCP")

  /** A token with more than half of its life before it: nothing else happens to it in the next moments. */
  const untilYoung = provider.accessToken.pipe(
    Effect.delay("100 millis"),
    Effect.repeat({ until: (token) => token.expiresAt - Date.now() > accessTokenLifetime * 600 })
  )

  act("1. The first call", "Known are the server's address, the issuer, and a client secret. The rest is found out.")
  const session = yield* NightlyReport.connect(mcpServer.url, fetch)
  const tools = yield* session.listTools
  const answer = yield* session.call("report")
  check(tools.join(" ") === "report publish", `the server has the tools ${tools.join(" and ")}`)
  check(answer.includes("orders"), `report answers ${answer}`)
  check(tokenRequests() === 1, "one token request did for all of them")

  act("2. An HttpClient", "The same provider behind an Effect HttpClient. No other origin gets to see the token.")
  const report = yield* NightlyReport.read(mcpServer.reportUrl).pipe(
    Effect.provideService(HttpClient.HttpClient, httpClient)
  )
  yield* httpClient.get(authorizationServer.jwksUri)
  check(report.orders > 0, `the report of ${report.day} has ${report.orders} orders`)
  check(tokenRequests() === 1, "the token was there already")
  check(tokensStayHome(), "and the other origin did not get it")

  act("3. Two expiries", `A call a second, until two tokens of ${accessTokenLifetime} s have expired.`)
  yield* session.call("report").pipe(Effect.delay("1 second"), Effect.repeat({ until: () => life.expired() >= 2 }))
  const crossed = life.expired()
  check(crossed >= 2, `${crossed} tokens expired`)
  check(life.renewals.Scheduled >= crossed, "each was renewed in the background before that: no caller waited")
  check(mcpServer.refused(401) === 0, "the server refused no token")

  act("4. A revocation", "The server now refuses every token issued so far. Five callers find out at once.")
  yield* untilYoung
  const beforeRevocation = { tokenRequests: tokenRequests(), refused: mcpServer.refused(401) }
  yield* mcpServer.revokeAll
  yield* Effect.all(Array.from({ length: 5 }, () => session.call("report")), { concurrency: "unbounded" })
  const refused = mcpServer.refused(401) - beforeRevocation.refused
  check(refused > 0, `the server refused ${refused} requests, and every one was sent again with a new token`)
  check(tokenRequests() === beforeRevocation.tokenRequests + 1, "one token request did for all five callers")

  act("5. A step-up", "The tool \"publish\" needs the scope reports:write, which nobody has asked for yet.")
  yield* untilYoung
  yield* session.call("publish")
  check(mcpServer.refused(403) === 1, "the server asked for the scope")
  const steppedUp = yield* provider.accessToken
  check(sameScopes(steppedUp, McpServer.scopes), `the new token holds ${steppedUp.scopes.join(" and ")}`)
  yield* session.call("publish").pipe(
    Effect.delay("1 second"),
    Effect.zipRight(provider.accessToken),
    Effect.repeat({ until: (token) => !AccessToken.isSame(token, steppedUp) })
  )
  check(sameScopes(yield* provider.accessToken, McpServer.scopes), "and so does the one that was renewed after it")
  check(mcpServer.refused(403) === 1, "the server did not have to ask again")

  const { renewals } = life
  const renewed = renewals.Scheduled + renewals.Expired + renewals.Rejected + renewals.StepUp
  const { seen } = callers
  transcript.summary([
    ["requests by the program", seen.calls, "through OAuthFetch and OAuthHttpClient"],
    ["  answered 401", seen.unauthorized],
    ["  answered 403", seen.forbidden],
    ["  failed", seen.failed],
    ["401 answers on the wire", mcpServer.refused(401), "the revocation"],
    ["403 answers on the wire", mcpServer.refused(403), "the step-up"],
    ["token requests", tokenRequests()],
    ["  the first", tokenRequests() - renewed],
    ["  ahead of an expiry", renewals.Scheduled, "in the background"],
    ["  after an expiry", renewals.Expired, "with callers waiting"],
    ["  after a refusal", renewals.Rejected],
    ["  for another scope", renewals.StepUp],
    ["discovery requests", discoveryRequests()],
    ["expiries crossed", life.expired()],
    ["revocations survived", renewals.Rejected],
    ["step-ups", renewals.StepUp],
    ["seconds", transcript.elapsed().toFixed(1)]
  ])
  check(seen.unauthorized + seen.forbidden + seen.failed === 0, "no caller got to see a 401, a 403 or a failure")
  check(tokensStayHome(), "no token went anywhere but to the MCP server")
})

const sameScopes = (token: AccessToken.AccessToken, scopes: ReadonlyArray<string>): boolean =>
  token.scopes.toSorted().join(" ") === scopes.toSorted().join(" ")

runMain(demo.pipe(Effect.timeoutFail({
  duration: Duration.seconds(timeLimit),
  onTimeout: () => new DemoFailed({ broken: [`it comes to its end within ${timeLimit} seconds`] })
})))

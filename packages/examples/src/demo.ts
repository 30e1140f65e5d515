/**
 * `pnpm demo`: a program with no user at hand that calls a protected MCP server, through everything that happens to its
 * tokens: they are found, renewed ahead of their expiry, revoked, and widened. Then the same with a key in place of the
 * secret, and on behalf of a user. The servers are real and run here as well.
 */
import {
  AccessToken,
  AssertionProvider,
  OAuthEvent,
  OAuthFetch,
  OAuthHttpClient,
  OAuthProvider,
  SignedAssertion,
  TokenStorage
} from "@effect-mcp-auth/core"
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import * as KeyPair from "./KeyPair.ts"
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
  readonly life: Life
  readonly callers: ReturnType<typeof observe>
  /** The key of the client that has no secret. */
  readonly clientKey: KeyPair.KeyPair
  /** The key of the identity provider that the authorization server trusts. */
  readonly employerKey: KeyPair.KeyPair
}

/** The client that has a key in place of a secret. */
const signer = "nightly-report-signer"

/** Who vouches for whom. */
const employer = "https://idp.example.com"
const user = "alice@example.com"

const demo = Effect.gen(function*() {
  const clientKey = yield* KeyPair.generate("ES256")
  const employerKey = yield* KeyPair.generate("EdDSA")
  const authorizationServer = yield* AuthorizationServer.make({
    accessTokenLifetime,
    keyClients: [{ clientId: signer, ...clientKey }],
    trustedIssuers: [{ issuer: employer, ...employerKey }]
  })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  const [{ clientId, tokenEndpointAuthMethod }] = authorizationServer.clients

  const transcript = Transcript.make()
  transcript.title("A nightly job and its tokens", [
    ["MCP server", `${mcpServer.url}   (@modelcontextprotocol/server)`],
    ["authorization server", `${authorizationServer.issuer}   (oidc-provider)`],
    ["client", `${clientId}, ${tokenEndpointAuthMethod}`],
    ["client without secret", `${signer}, private_key_jwt, ${clientKey.signingAlgorithm}`],
    ["identity provider", `${employer}, which vouches for ${user}`],
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
  const stage: Stage = {
    authorizationServer,
    mcpServer,
    transcript,
    hops,
    life: makeLife(),
    callers: observe(),
    clientKey,
    employerKey
  }
  // Each in a scope of its own: what one client is given is renewed until the next one enters.
  yield* withSecret(stage).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(secretAuth(stage), Fetch)))
  yield* withKey(stage).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(keyAuth(stage), Fetch)))
  yield* onBehalf(stage).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(behalfAuth(stage), Fetch)))
  summarize(stage)
  if (transcript.broken.length > 0) return yield* new DemoFailed({ broken: transcript.broken })
  console.log("\nEverything went as it should.\n")
}).pipe(Effect.scoped)

/** What happened to the tokens, of all clients. */
const makeLife = () => ({
  obtained: 0,
  renewals: { Scheduled: 0, Expired: 0, Rejected: 0, StepUp: 0 },
  /** Tokens that were replaced before they expired, and not done away with. */
  outlived: new Array<AccessToken.AccessToken>()
})
type Life = ReturnType<typeof makeLife>

/** How many tokens have expired by now, of those that were not done away with before. */
const expired = ({ outlived }: Life): number => outlived.filter((token) => token.expiresAt <= Date.now()).length

/** Prints what happens to the tokens of a client and keeps count of it. */
const watch = Effect.fnUntraced(function*({ life, transcript }: Stage) {
  const provider = yield* OAuthProvider.OAuthProvider
  let current: AccessToken.AccessToken | undefined
  const got = (token: AccessToken.AccessToken, how: string) => {
    current = token
    const lives = ((token.expiresAt - Date.now()) / 1000).toFixed(1)
    transcript.token(AccessToken.fingerprint(token), `${how}: ${token.scopes.join(" ")}, ${lives} s to live`)
  }
  const tell = OAuthEvent.match({
    TokenObtained: ({ millis, token }) => {
      life.obtained += 1
      got(token, `obtained in ${millis} ms`)
    },
    TokenRenewed: ({ reason, token }) => {
      life.renewals[reason] += 1
      if (current !== undefined && (reason === "Scheduled" || reason === "Expired")) life.outlived.push(current)
      got(token, reasons[reason])
    },
    TokenLoaded: ({ token }) => got(token, "found in the storage"),
    TokenRejected: ({ token }) => transcript.token(AccessToken.fingerprint(token), "refused by the MCP server"),
    RenewalFailed: ({ error }) => transcript.note(`renewal failed: ${error.message}`),
    AuthorizationServerChanged: ({ from, to }) => transcript.note(`authorization server changed from ${from} to ${to}`),
    StorageFailed: ({ error }) => transcript.note(`storage failed: ${error.message}`),
    StorageRecovered: () => transcript.note("storage works again")
  })
  yield* provider.events.pipe(Stream.runForEach((event) => Effect.sync(() => tell(event))), Effect.forkScoped)
  // The subscription begins when that fiber first runs.
  yield* Effect.yieldNow()
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

// --- the identities -------------------------------------------------------------------------------------------------

/** An `HttpClient` and a `fetch` for one of them; the traffic of both can be seen. */
const live = <E, R>(auth: Layer.Layer<OAuthProvider.OAuthProvider, E, R>) =>
  OAuthHttpClient.layer.pipe(
    Layer.provideMerge(Layer.provide(auth, TokenStorage.layerMemory)),
    Layer.provide(FetchHttpClient.layer)
  )

const secretAuth = ({ authorizationServer, mcpServer }: Stage) => {
  const [{ clientId, clientSecret }] = authorizationServer.clients
  return live(ClientSecret.layer({
    serverUrl: mcpServer.url,
    issuer: authorizationServer.issuer,
    clientId,
    clientSecret,
    scopes: ["reports:read"]
  }))
}

const signed = (issuer: string, key: KeyPair.KeyPair, subject?: string): SignedAssertion.Options => ({
  issuer,
  subject,
  signingKey: key.privateKey,
  signingAlgorithm: key.signingAlgorithm
})

const keyAuth = ({ clientKey, mcpServer }: Stage) =>
  live(
    PrivateKeyJwt.layer({ serverUrl: mcpServer.url, clientId: signer, scopes: ["reports:read"] }).pipe(
      Layer.provide(AssertionProvider.layerSigned(signed(signer, clientKey)))
    )
  )

const behalfAuth = ({ clientKey, employerKey, mcpServer }: Stage) =>
  live(
    Layer.unwrapEffect(Effect.map(SignedAssertion.make(signed(signer, clientKey)), (assertionProvider) =>
      JwtBearer.layer({
        serverUrl: mcpServer.url,
        scopes: ["reports:read"],
        clientAuthentication: PrivateKeyJwt.clientAuthentication({ clientId: signer, assertionProvider })
      }))).pipe(
        // In earnest the identity provider signs this, and the program fetches it.
        Layer.provide(AssertionProvider.layerSigned(signed(employer, employerKey, user)))
      )
  )

// --- the acts -------------------------------------------------------------------------------------------------------

const tokenRequests = ({ authorizationServer }: Stage): number => authorizationServer.requests("POST /token")

const tokensStayHome = ({ hops }: Stage): boolean =>
  hops.every(({ server, token }) => token === undefined || server === "MCP")

const assertions = ({ hops }: Stage): ReadonlyArray<string> => hops.flatMap((hop) => hop.assertions)

/** Whether each was shown once. */
const allDiffer = (ids: ReadonlyArray<string>): boolean => new Set(ids).size === ids.length

const withSecret = Effect.fnUntraced(function*(stage: Stage) {
  const { authorizationServer, callers, life, mcpServer } = stage
  const { act, check } = stage.transcript
  const provider = yield* OAuthProvider.OAuthProvider
  yield* watch(stage)
  const fetch = callers.fetch(yield* OAuthFetch.make)
  const httpClient = callers.httpClient(yield* HttpClient.HttpClient)

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
  check(tokenRequests(stage) === 1, "one token request did for all of them")

  act("2. An HttpClient", "The same provider behind an Effect HttpClient. No other origin gets to see the token.")
  const report = yield* NightlyReport.read(mcpServer.reportUrl).pipe(
    Effect.provideService(HttpClient.HttpClient, httpClient)
  )
  yield* httpClient.get(authorizationServer.jwksUri)
  check(report.orders > 0, `the report of ${report.day} has ${report.orders} orders`)
  check(tokenRequests(stage) === 1, "the token was there already")
  check(tokensStayHome(stage), "and the other origin did not get it")

  act("3. Two expiries", `A call a second, until two tokens of ${accessTokenLifetime} s have expired.`)
  yield* session.call("report").pipe(Effect.delay("1 second"), Effect.repeat({ until: () => expired(life) >= 2 }))
  const crossed = expired(life)
  check(crossed >= 2, `${crossed} tokens expired`)
  check(life.renewals.Scheduled >= crossed, "each was renewed in the background before that: no caller waited")
  check(mcpServer.refused(401) === 0, "the server refused no token")

  act("4. A revocation", "The server now refuses every token issued so far. Five callers find out at once.")
  yield* untilYoung
  // A token of the very second of the revocation is refused if the server has seen it.
  yield* session.call("report")
  const beforeRevocation = { tokenRequests: tokenRequests(stage), refused: mcpServer.refused(401) }
  yield* mcpServer.revokeAll
  yield* Effect.all(Array.from({ length: 5 }, () => session.call("report")), { concurrency: "unbounded" })
  const refused = mcpServer.refused(401) - beforeRevocation.refused
  check(refused > 0, `the server refused ${refused} requests, and every one was sent again with a new token`)
  check(tokenRequests(stage) === beforeRevocation.tokenRequests + 1, "one token request did for all five callers")

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
})

/** Reads the report; the server refuses every token so far; reads it once more. Says what that took. */
const readTwice = Effect.fnUntraced(function*(stage: Stage) {
  const { callers, mcpServer } = stage
  yield* watch(stage)
  const httpClient = callers.httpClient(yield* HttpClient.HttpClient)
  const read = Effect.provideService(NightlyReport.read(mcpServer.reportUrl), HttpClient.HttpClient, httpClient)
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

const withKey = Effect.fnUntraced(function*(stage: Stage) {
  const { act, check } = stage.transcript
  act(
    "6. A key instead of a secret",
    "The program signs who it is, anew for each token. Only the public half is known."
  )
  const { assertions, reader, tokenRequests } = yield* readTwice(stage)
  check(reader === signer, `the server takes the caller for ${reader}`)
  check(tokenRequests === 2, "one token request, and one more after a revocation")
  check(assertions.length === 2 && allDiffer(assertions), "each with an assertion of its own")
})

const onBehalf = Effect.fnUntraced(function*(stage: Stage) {
  const { act, check } = stage.transcript
  act("7. On somebody's behalf", `${employer} vouches for ${user}; the program proves by its key who asks.`)
  const { assertions, reader, tokenRequests } = yield* readTwice(stage)
  check(reader === user, `the server takes the caller for ${reader}`)
  check(tokenRequests === 2, "one token request, and one more after a revocation")
  check(assertions.length === 4 && allDiffer(assertions), "each with two assertions, none of them used before")
})

const summarize = (stage: Stage): void => {
  const { authorizationServer, callers: { seen }, life, mcpServer, transcript } = stage
  const { check } = transcript
  const { obtained, renewals } = life
  const discoveryRequests = authorizationServer.requests("GET /.well-known/oauth-authorization-server") +
    authorizationServer.requests("GET /.well-known/openid-configuration") +
    mcpServer.requests("GET /.well-known/oauth-protected-resource/mcp") +
    mcpServer.requests("GET /.well-known/oauth-protected-resource")
  transcript.summary([
    ["requests by the program", seen.calls, "through OAuthFetch and OAuthHttpClient"],
    ["  answered 401", seen.unauthorized],
    ["  answered 403", seen.forbidden],
    ["  failed", seen.failed],
    ["401 answers on the wire", mcpServer.refused(401), "the revocations"],
    ["403 answers on the wire", mcpServer.refused(403), "the step-up"],
    ["token requests", tokenRequests(stage)],
    ["  the first", obtained, "one for each identity"],
    ["  ahead of an expiry", renewals.Scheduled, "in the background"],
    ["  after an expiry", renewals.Expired, "with callers waiting"],
    ["  after a refusal", renewals.Rejected],
    ["  for another scope", renewals.StepUp],
    ["assertions", assertions(stage).length, "signed, and shown once each"],
    ["discovery requests", discoveryRequests],
    ["expiries crossed", expired(life)],
    ["revocations survived", renewals.Rejected],
    ["step-ups", renewals.StepUp],
    ["seconds", transcript.elapsed().toFixed(1)]
  ])
  check(seen.unauthorized + seen.forbidden + seen.failed === 0, "no caller got to see a 401, a 403 or a failure")
  check(tokensStayHome(stage), "no token went anywhere but to the MCP server")
}

const sameScopes = (token: AccessToken.AccessToken, scopes: ReadonlyArray<string>): boolean =>
  token.scopes.toSorted().join(" ") === scopes.toSorted().join(" ")

runMain(demo.pipe(Effect.timeoutFail({
  duration: Duration.seconds(timeLimit),
  onTimeout: () => new DemoFailed({ broken: [`it comes to its end within ${timeLimit} seconds`] })
})))

/**
 * What happens to a client in production, on real servers: one scenario for each thing, with what must be true
 * afterwards. The tests run the scenarios, and so does the program that checks the packed packages.
 */
import { OAuthError, OAuthEvent, type OAuthProvider } from "@effect-mcp-auth/core"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { McpClientError } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import * as Connection from "./Connection.ts"
import * as Servers from "./Servers.ts"

export interface Scenario {
  readonly title: string
  /** The official SDK that the scenario needs. Default: both. */
  readonly sdk?: 1 | 2
  readonly run: (line: Connection.Line, control: string) => Effect.Effect<void, unknown, Scope.Scope>
}

/** The outcome of a scenario is not the expected one. */
export class Unexpected extends Data.TaggedError("Unexpected")<{
  readonly what: string
  readonly actual: unknown
  readonly expected: unknown
}> {
  override get message(): string {
    return `${this.what}: ${JSON.stringify(this.actual)} instead of ${JSON.stringify(this.expected)}`
  }
}

const check = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, Unexpected> =>
  Equal.equals(actual, expected) ? Effect.void : Effect.fail(new Unexpected({ what, actual, expected }))

const figures = JSON.stringify({ day: "today", orders: 1_204, returns: 17 })

/** Starts to wait for an event, and returns the wait. */
const next = (provider: OAuthProvider.OAuthProvider.Service, tag: OAuthEvent.OAuthEvent["_tag"]) =>
  Effect.map(
    Effect.forkScoped(Stream.runHead(Stream.filter(provider.events, OAuthEvent.is(tag))), { startImmediately: true }),
    Fiber.join
  )

/** The names of the tokens of the accepted requests, without repetitions. */
const tokensOf = ({ accepted }: Servers.State) => new Set(accepted.map(({ token }) => token))

const listAndCall: Scenario = {
  title: "lists and calls tools with one token request",
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    const { call, client, tools } = yield* Connection.make(servers, line)
    yield* check("protocol", client.protocolVersion, line.protocol.protocolVersion)
    yield* check(
      "tools",
      tools.map(({ name }) => name),
      line.sdk === 1 ? ["report", "follow"] : [
        "report",
        "publish",
        "follow"
      ]
    )
    yield* check("answer", yield* call("report"), figures)
    const { refused, tokenRequests } = yield* servers.state
    yield* check("token requests", tokenRequests, 1)
    yield* check("refused requests", refused, { 401: 0, 403: 0 })
  })
}

/**
 * The stream begins with a token, and ends after the server has stopped accepting this token. Meanwhile the provider has
 * renewed the token. With SDK 1, the server ends the stream only after the client has answered its ping, in a request of
 * its own.
 */
const expiry: Scenario = {
  title: "goes on after the token has expired, and so does a stream that began before",
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, { ...line, tokenLifetime: 3 })
    const { call, provider } = yield* Connection.make(servers, line)
    const renewed = yield* next(provider, "TokenRenewed")
    const stream = yield* Effect.forkScoped(call("follow"))
    yield* servers.following
    yield* renewed
    yield* check("answer during the stream", yield* call("report"), figures)
    yield* servers.release
    yield* check("end of the stream", yield* Fiber.join(stream), "Followed until the token had expired")
    yield* check("answer after the expiry", yield* call("report"), figures)
    const state = yield* servers.state
    yield* check("refused requests", state.refused, { 401: 0, 403: 0 })
    yield* check("whether the first token was replaced", tokensOf(state).size > 1, true)
    yield* check(
      "whether the last request has another token",
      state.accepted.at(-1)?.token === state.accepted[0]?.token,
      false
    )
  })
}

const revocation: Scenario = {
  title: "after a revocation, twenty calls at once succeed with one new token",
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    const { call } = yield* Connection.make(servers, line)
    yield* servers.revokeAll
    const answers = yield* Effect.all(Array.from({ length: 20 }, () => call("report")), { concurrency: "unbounded" })
    yield* check("answers", new Set(answers), new Set([figures]))
    const state = yield* servers.state
    yield* check("token requests", state.tokenRequests, 2)
    yield* check("accepted tokens", tokensOf(state).size, 2)
    yield* check("whether requests were refused", state.refused[401] > 0, true)
  })
}

const stepUp: Scenario = {
  title: "calls a tool that needs a further scope, and keeps the scope",
  sdk: 2,
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    const { call } = yield* Connection.make(servers, line)
    yield* check("first answer", yield* call("publish"), "The report of today is published")
    yield* check("second answer", yield* call("publish"), "The report of today is published")
    const { refused, tokenRequests } = yield* servers.state
    yield* check("token requests", tokenRequests, 2)
    yield* check("refused requests", refused, { 401: 0, 403: 1 })
  })
}

const stepUpNotAllowed: Scenario = {
  title: "when the further scope is not allowed, fails with the server's 403 and no OAuthError",
  sdk: 2,
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    const { call } = yield* Connection.make(servers, line, { stepUp: false })
    const error = yield* Effect.flip(call("publish"))
    yield* check("reason", error.reason._tag === "HttpError" ? error.reason.status : error.reason._tag, 403)
    yield* check("OAuthError", OAuthError.fromUnknown(error), Option.none())
    yield* check("token requests", (yield* servers.state).tokenRequests, 1)
  })
}

const away: Scenario = {
  title: "while the authorization server is away, calls go on, and a renewal waits until it is back",
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    const { call, client, provider } = yield* Connection.make(servers, line)
    yield* servers.authorizationServerAway
    yield* check("answer while it is away", yield* call("report"), figures)
    yield* client.listTools()
    const failed = yield* next(provider, "RenewalFailed")
    yield* servers.revokeAll
    const waiting = yield* Effect.forkScoped(call("report"))
    yield* failed
    yield* servers.authorizationServerBack
    yield* check("answer after it is back", yield* Fiber.join(waiting), figures)
    const { refused } = yield* servers.state
    yield* check("refused requests", refused, { 401: 1, 403: 0 })
  })
}

/** The failure is a `TransportError`, whatever its cause. Only the wrapped `OAuthError` tells why. */
const checkRefusal = Effect.fnUntraced(function*(error: McpClientError.McpClientError, servers: Servers.Servers) {
  yield* check("reason", error.reason._tag, "TransportError")
  const refusal = Option.getOrUndefined(OAuthError.fromUnknown(error))
  yield* check("error", refusal?._tag, "TokenEndpointError")
  yield* check("code", refusal?._tag === "TokenEndpointError" ? refusal.code : undefined, "invalid_client")
  const leaks = `${error.stack}${refusal?.message}${JSON.stringify(error)}`.includes(servers.settings.clientSecret)
  yield* check("whether the error has the secret", leaks, false)
})

const refusal: Scenario = {
  title: "when the client has been removed, fails with an McpClientError that wraps the TokenEndpointError",
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    const { call } = yield* Connection.make(servers, line)
    yield* servers.removeClient
    yield* check("answer until the token is rejected", yield* call("report"), figures)
    yield* servers.revokeAll
    yield* checkRefusal(yield* Effect.flip(call("report")), servers)
    yield* checkRefusal(yield* Effect.flip(call("report")), servers)
    yield* check("token requests", (yield* servers.state).tokenRequests, 2)
  })
}

const refusalAtStart: Scenario = {
  title: "when the client is refused at the start, the Layer fails with the same error",
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    yield* servers.removeClient
    const error = yield* Effect.flip(Connection.make(servers, line))
    if (error._tag !== "McpClientError") return yield* error
    yield* checkRefusal(error, servers)
    yield* check("accepted requests", (yield* servers.state).accepted, [])
  })
}

const session: Scenario = {
  title: "ends its session with a valid token when its scope closes",
  sdk: 1,
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    yield* Effect.scoped(Effect.gen(function*() {
      yield* Connection.make(servers, line)
      yield* servers.revokeAll
    }))
    const { accepted, refused } = yield* servers.state
    yield* check("last request", accepted.at(-1)?.method, "DELETE")
    yield* check("refused requests", refused, { 401: 1, 403: 0 })
  })
}

const hasLostSession = (error: unknown): boolean =>
  McpClientError.isMcpClientError(error) && error.reason._tag === "ClosedError" && error.reason.sessionExpired === true

const forgottenSession: Scenario = {
  title: "when the server forgets the session, fails with a ClosedError, and connects again with the same token",
  sdk: 1,
  run: Effect.fnUntraced(function*(line, control) {
    const servers = yield* Servers.make(control, line)
    let connections = 0
    const work = Effect.gen(function*() {
      const { call } = yield* Connection.fromClient
      connections++
      if (connections === 1) {
        yield* servers.forgetSessions
        yield* check("first error", hasLostSession(yield* Effect.flip(call("report"))), true)
      }
      return yield* call("report")
    })
    const answer = yield* work.pipe(
      Effect.provide(Connection.layerClient(servers, line)),
      Effect.retry({ times: 1, while: hasLostSession }),
      Effect.provide(Connection.layerAuth(servers)),
      Effect.provide(FetchHttpClient.layer)
    )
    yield* check("answer of the new session", answer, figures)
    yield* check("connections", connections, 2)
    yield* check("token requests", (yield* servers.state).tokenRequests, 1)
  })
}

export const scenarios: ReadonlyArray<Scenario> = [
  listAndCall,
  expiry,
  revocation,
  stepUp,
  stepUpNotAllowed,
  away,
  refusal,
  refusalAtStart,
  session,
  forgottenSession
]

/** The scenarios of a line. */
export const scenariosOf = ({ sdk }: Connection.Line): ReadonlyArray<Scenario> =>
  scenarios.filter((scenario) => scenario.sdk === undefined || scenario.sdk === sdk)

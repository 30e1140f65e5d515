/**
 * The answer of a server to a request without a token.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { isRedirect, redirectTarget, retryAfter, withoutRedirects } from "../authoring/HttpExchange.ts"
import { connectionFailed, inTime } from "../authoring/NoAnswer.ts"
import { nameOf } from "../authoring/SecureEndpoint.ts"
import * as Challenge from "../Challenge.ts"
import { discard } from "../internal/http/discard.ts"
import {
  type Bounds,
  isOutage,
  limitsOf,
  outOfTime,
  type Without,
  withoutAnswer
} from "../internal/http/metadataDocument.ts"
import { clean } from "../internal/text/clean.ts"
import type { Outage } from "../MetadataSearch.ts"
import { DiscoveryError } from "../OAuthError.ts"

/**
 * The kinds of answers to a request without a token:
 *
 * - `Challenge`: a 401 with a `Bearer` or `DPoP` challenge, or a 403 whose challenge names the metadata.
 * - `Unreadable`: a 401 without such a challenge, or with one that could not be read in whole.
 * - `Outage`: the server did not answer, or with a 5xx, 408 or 429.
 * - `NoToken`: the server serves requests without a token.
 * - `Redirect`, `Misdirected`, `Forbidden`, `Page`, `Missing`: the request did not reach an MCP server.
 * - `Other`: anything else.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind =
  | "Challenge"
  | "Unreadable"
  | "Outage"
  | "NoToken"
  | "Redirect"
  | "Misdirected"
  | "Forbidden"
  | "Page"
  | "Missing"
  | "Other"

/**
 * The answer of a server to a request without a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerAnswer {
  readonly kind: Kind
  /** All `Bearer` and `DPoP` challenges, in their order. */
  readonly challenges: ReadonlyArray<Challenge.Challenge>
  /** The answer, as the rest of a sentence that begins with the server's address. */
  readonly said: string
  /** Advice, as whole sentences, if the answer itself suggests what to check. */
  readonly advice: string | undefined
  readonly outage: Outage | undefined
}

/** The rank of each kind. Of two answers the one of the higher rank is used, because it says more about the server. */
const weights: Record<Kind, number> = {
  Challenge: 7,
  Unreadable: 6,
  Outage: 5,
  NoToken: 4,
  Redirect: 3,
  Misdirected: 3,
  Forbidden: 2,
  Page: 2,
  Missing: 1,
  Other: 0
}

const accept = { accept: "application/json, text/event-stream" }

/**
 * Requests the server without a token. The first request is a GET, which changes nothing. If its answer has no
 * challenge, an MCP `ping` follows, because a server may leave GET unprotected or unsupported.
 *
 * @internal
 */
export const ask = (
  client: HttpClient.HttpClient,
  server: URL,
  bounds: Bounds
): Effect.Effect<ServerAnswer> =>
  Effect.gen(function*() {
    const first = yield* send(client, HttpClientRequest.get(server.href, { headers: accept }), server, bounds)
    if (first.kind === "Challenge") return first
    const post = HttpClientRequest.post(server.href, { headers: accept })
    const ping = HttpClientRequest.bodyUnsafeJson(post, { jsonrpc: "2.0", id: 0, method: "ping" })
    const second = yield* send(client, ping, server, bounds)
    return weights[first.kind] > weights[second.kind] ? first : second
  })

const send = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  server: URL,
  bounds: Bounds
): Effect.Effect<ServerAnswer> =>
  Effect.gen(function*() {
    const limits = limitsOf(bounds, yield* Clock.currentTimeMillis)
    if (limits === undefined) return outage(outOfTime)
    const answer = yield* client.execute(request).pipe(
      Effect.tap(discard),
      Effect.mapError((error) => connectionFailed(error)),
      inTime(limits),
      withoutRedirects,
      Effect.either
    )
    return Either.isLeft(answer)
      ? outage(withoutAnswer(answer.left))
      : read(answer.right, request.method, server, yield* Clock.currentTimeMillis)
  })

const answerOf = (kind: Kind, said: string, challenges: ServerAnswer["challenges"] = []): ServerAnswer => ({
  kind,
  challenges,
  said,
  advice: undefined,
  outage: undefined
})

const outage = ({ advice, outage = {}, said }: Without): ServerAnswer => ({
  ...answerOf("Outage", said),
  advice,
  outage
})

const read = (
  { headers, status }: HttpClientResponse,
  method: string,
  server: URL,
  now: number
): ServerAnswer => {
  const answered = ` answered ${status}`
  const other = (kind: Kind, said: string = answered): ServerAnswer => answerOf(kind, said)
  if (isOutage(status)) return outage({ said: answered, outage: { retryAfter: retryAfter(headers, now) } })
  if (status === 401) return readChallenge(headers["www-authenticate"])
  if (status === 403 && names(Challenge.allFromHeader(headers["www-authenticate"]))) {
    return readChallenge(headers["www-authenticate"], status)
  }
  // A redirect that a browser does not follow has the status 0.
  if (status >= 200 && status < 300) {
    const type = headers["content-type"] ?? ""
    if (/^text\/html\b/i.test(type)) return other("Page", `${answered} with an HTML page`)
    // A GET that opens no stream may reach anything: a health check, a list of files.
    const isMcp = method === "POST" || /^text\/event-stream\b/i.test(type)
    return other(isMcp ? "NoToken" : "Other")
  }
  if (isRedirect(status)) {
    const target = redirectTarget(headers, server)
    return other("Redirect", target === undefined ? answered : ` redirects to ${clean(nameOf(target))}`)
  }
  if (status === 421) return other("Misdirected")
  if (status === 403) return other("Forbidden")
  // A server need not support GET (MCP, "Streamable HTTP").
  const isMissing = status === 404 || status === 410 || (status === 405 && method === "POST")
  return other(isMissing ? "Missing" : "Other")
}

/** Whether a challenge names the address of the metadata. */
const names = (challenges: ReadonlyArray<Challenge.Challenge>): boolean =>
  challenges.some((challenge) => Challenge.resourceMetadata(challenge) !== undefined)

const readChallenge = (header: string | undefined, status = 401): ServerAnswer => {
  const challenges = Challenge.allFromHeader(header)
  const unread = Challenge.unreadable(header)
  const answered = ` answered ${status}`
  const said = header === undefined
    ? `${answered} without a challenge (\`WWW-Authenticate\`)`
    : challenges.length === 0
    ? `${answered} without a Bearer challenge that could be read, \`WWW-Authenticate: ${unread ?? clean(header)}\``
    : unread === undefined
    ? `${answered} with a challenge`
    : `${answered} with a challenge that could not be read in whole, \`WWW-Authenticate: ${unread}\``
  const isRead = challenges.length > 0 && (unread === undefined || names(challenges))
  return answerOf(isRead ? "Challenge" : "Unreadable", said, challenges)
}

/**
 * The challenge that counts where only one can: the first `Bearer` challenge, else the first `DPoP` challenge.
 *
 * @internal
 */
export const challengeOf = ({ challenges }: ServerAnswer): Challenge.Challenge | undefined =>
  challenges.find(({ scheme }) => scheme === "bearer") ?? challenges[0]

/**
 * The error of a server that could not be asked for its challenge.
 *
 * @internal
 */
export const unavailable = ({ advice, outage = {}, said }: ServerAnswer, server: URL): DiscoveryError => {
  const url = clean(nameOf(server))
  return new DiscoveryError({
    reason: outage.isLasting === true ? "CannotSend" : "Unavailable",
    url,
    description: `When asked for its challenge, ${url}${said}. ` +
      (advice ?? "The server may recover: try again later."),
    ...(outage.cause === undefined ? {} : { cause: outage.cause }),
    ...(outage.retryAfter === undefined ? {} : { retryAfter: outage.retryAfter })
  })
}

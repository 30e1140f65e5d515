import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AccessToken, Value } from "../../AccessToken.ts"
import type { AuthorizationServer } from "../../AuthorizationServer.ts"
import { TokenEndpointError } from "../../OAuthError.ts"
import { nameOf } from "../../authoring/SecureEndpoint.ts"
import { type Answer, isRedirect, isTransientStatus, parseJson } from "../../authoring/HttpExchange.ts"
import * as Scopes from "../text/scopeList.ts"
import { clean } from "../text/clean.ts"

/**
 * An answer with status 200 that is no refusal.
 *
 * - `json`: the body; `undefined` where it is not JSON.
 * - `contentType`: as it came, or `none`.
 * - `receivedAt`: in milliseconds since the epoch; `sentAt`: that, less what the exchange took.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  readonly json: unknown
  readonly contentType: string
  readonly sentAt: number
  readonly receivedAt: number
}

/** No lifetime is believed to be longer: a year, in seconds. */
const MAX_LIFETIME = 365 * 24 * 60 * 60

/**
 * `expires_in`, in seconds: a number, which some servers write as text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Lifetime = Schema.Union(
  Schema.Number,
  Schema.compose(Schema.String.pipe(Schema.pattern(/^\d+(?:\.\d+)?$/)), Schema.NumberFromString)
).pipe(Schema.nonNegative())

const TokenResponse = Schema.Struct({
  access_token: Schema.Redacted(Value),
  token_type: Schema.Lowercase.pipe(Schema.compose(Schema.Literal("bearer"))),
  expires_in: Schema.optional(Schema.NullOr(Lifetime)),
  // Not in RFC 6749, so that what is wrong with it is no reason to refuse the token.
  refresh_in: Schema.optional(Schema.Unknown),
  scope: Schema.optional(Schema.NullOr(Schema.String)),
  // Some servers send an empty one in place of none.
  refresh_token: Schema.optional(Schema.NullOr(Schema.Union(Schema.Literal(""), Schema.Redacted(Value))))
})

const ErrorResponse = Schema.Struct({
  error: Schema.NonEmptyString,
  error_description: Schema.optional(Schema.Unknown),
  error_uri: Schema.optional(Schema.Unknown)
})

const isValue = Schema.is(Value)
const decodeSuccess = Schema.decodeUnknownOption(TokenResponse)
const decodeLifetime = Schema.decodeUnknownOption(Lifetime)
const decodeError = Schema.decodeUnknownOption(ErrorResponse)

/**
 * What a request was, as far as its answer is judged by it.
 *
 * @internal
 */
export interface Asked {
  readonly authorizationServer: AuthorizationServer
  readonly clientAuthentication: { readonly clientId: string }
}

/**
 * The same, where the answer is to be a token: `defaultLifetime` and `scopes` are those of a token that does not say.
 *
 * @internal
 */
export interface AskedForToken extends Asked {
  readonly defaultLifetime: number
  readonly scopes: ReadonlyArray<string>
}

/**
 * An exchange with the endpoint: when it was, and what the other side learned and is not to repeat in an error.
 *
 * @internal
 */
export interface Exchanged {
  readonly sentAt: number
  readonly receivedAt: number
  readonly secrets: ReadonlyArray<string>
}

/**
 * Tells what may be a token, or another thing that was asked for, from a refusal.
 *
 * @internal
 */
export const decodeReply = (
  answer: Answer,
  asked: Asked,
  exchanged: Exchanged
): Effect.Effect<Reply, TokenEndpointError> => {
  const json = parseJson(answer.body)
  const refusal = decodeError(json)
  // GitHub answers a refusal with 200.
  if (Option.isSome(refusal)) return Effect.fail(refused(answer, asked, refusal.value, exchanged))
  if (answer.status !== 200) return Effect.fail(unexpectedStatus(answer, asked, exchanged))
  const { receivedAt, sentAt } = exchanged
  return Effect.succeed({ json, contentType: answer.headers["content-type"] ?? "none", sentAt, receivedAt })
}

/**
 * RFC 6749 §5.1.
 *
 * @internal
 */
export const decodeToken = (reply: Reply, asked: AskedForToken): Effect.Effect<AccessToken, TokenEndpointError> =>
  Option.match(decodeSuccess(reply.json), {
    onNone: () => Effect.fail(invalidToken(reply, asked)),
    onSome: (response) => {
      const lifetime = response.expires_in ?? undefined
      const millis = lifetime === undefined ? asked.defaultLifetime : Math.min(lifetime, MAX_LIFETIME) * 1000
      if (reply.sentAt + millis <= reply.receivedAt) {
        return Effect.fail(expiredOnArrival(millis / 1000, asked, reply))
      }
      const issuedAt = reply.sentAt
      return Effect.succeed(
        new AccessToken({
          value: response.access_token,
          tokenType: "Bearer",
          scopes: typeof response.scope === "string" ? Scopes.parse(response.scope) : asked.scopes,
          issuer: asked.authorizationServer.issuer,
          issuedAt,
          expiresAt: issuedAt + millis,
          ...Option.match(decodeLifetime(response.refresh_in), {
            onNone: () => ({}),
            onSome: (refreshIn) => ({ refreshAt: issuedAt + refreshAfter(refreshIn * 1000, millis) })
          }),
          ...(Redacted.isRedacted(response.refresh_token) ? { refreshToken: response.refresh_token } : {})
        })
      )
    }
  })

/** Within the life, and not so soon that there would be nothing but renewals; in milliseconds. */
const refreshAfter = (wanted: number, lifetime: number): number =>
  Math.min(lifetime, Math.max(wanted, lifetime * SHORTEST_USE))

/** The part of its life that a token is used at the least, whatever `refresh_in` says. */
const SHORTEST_USE = 0.1

const expiredOnArrival = (lifetime: number, asked: AskedForToken, reply: Reply): TokenEndpointError => {
  const url = asked.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: "Unavailable",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} issued a token for ${lifetime} s, which had passed when it arrived ` +
      `after ${reply.receivedAt - reply.sentAt} ms. Have tokens issued for longer.`,
    status: 200
  })
}

const transientCodes: ReadonlySet<string> = new Set(["temporarily_unavailable", "slow_down", "server_error"])

const refused = (
  answer: Answer,
  asked: Asked,
  response: typeof ErrorResponse.Type,
  exchanged: Exchanged
): TokenEndpointError => {
  const url = asked.authorizationServer.tokenEndpoint
  const code = clean(response.error, exchanged.secrets)
  const transient = isTransientStatus(answer.status) || transientCodes.has(code)
  const said = typeof response.error_description === "string"
    ? clean(response.error_description, exchanged.secrets)
    : ""
  const errorUri = typeof response.error_uri === "string" ? clean(response.error_uri, exchanged.secrets) : undefined
  return new TokenEndpointError({
    reason: transient ? "Unavailable" : "Refused",
    url: nameOf(url),
    description: [
      `Token endpoint ${nameOf(url)} refused ${clientOf(asked)}: ${code}`,
      said === "" ? "." : ` (${said}).`,
      advice.has(code) ? ` ${advice.get(code)}` : ""
    ].join(""),
    code,
    status: answer.status,
    ...(errorUri === undefined ? {} : { errorUri }),
    ...retryAfter(answer, exchanged)
  })
}

const clientOf = ({ clientAuthentication: { clientId } }: Asked): string =>
  clientId === "" ? "the request" : `client "${clientId}"`

const advice: ReadonlyMap<string, string> = new Map([
  ["invalid_client", "Check the client id, the credential and the client authentication method."],
  ["invalid_grant", "The grant is expired, revoked or for another client: get a new one."],
  ["invalid_scope", "Ask for scopes that the client was granted."],
  ["invalid_target", "The authorization server does not know this resource: see the option `resourceParameter`."],
  ["unauthorized_client", "Have the client registered for this grant."],
  ["unsupported_grant_type", "The authorization server does not offer this grant: use another kind of credential."]
])

const unexpectedStatus = (answer: Answer, asked: Asked, exchanged: Exchanged): TokenEndpointError => {
  const url = asked.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: isTransientStatus(answer.status) ? "Unavailable" : "InvalidResponse",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} answered ${answer.status} ` +
      (isRedirect(answer.status)
        ? "with a redirect, which is not followed since it would replay the credential. Use the final address."
        : isTransientStatus(answer.status)
        ? "without an OAuth error. This may pass: try again later."
        : "without an OAuth error. Check that the address is a token endpoint."),
    status: answer.status,
    ...retryAfter(answer, exchanged)
  })
}

/** Says which part is wrong and never shows it: the answer may hold a token. */
const invalidToken = (reply: Reply, asked: AskedForToken): TokenEndpointError => {
  const url = asked.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: "InvalidResponse",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} answered 200, but ${whatIsWrong(reply)} (RFC 6749 §5.1).`,
    status: 200
  })
}

/** Those that are shown; in place of a type that nobody knows there may be a token. */
const otherTypes: ReadonlySet<string> = new Set(["dpop", "mac", "n_a", "pop"])

const isRecord = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const whatIsWrong = ({ contentType, json }: Reply): string => {
  if (json === undefined) {
    return `the body is not JSON (content type ${clean(contentType)})`
  }
  if (!isRecord(json) || Array.isArray(json)) return "the body is not a JSON object"
  if (typeof json["access_token"] !== "string" || json["access_token"] === "") return "it has no `access_token`"
  if (!isValue(json["access_token"])) return "`access_token` has characters that cannot stand in a header"
  if (typeof json["token_type"] !== "string") return "it has no `token_type`"
  const type = json["token_type"]
  if (type.toLowerCase() !== "bearer") {
    return `\`token_type\` is ${
      otherTypes.has(type.toLowerCase()) ? `"${type}"` : "another"
    }, and only Bearer can be used`
  }
  return ["expires_in", "scope", "refresh_token"].find((name) => !isValidField(name, json[name]))
    ?.replace(/^.*$/, "`$&` is not what it has to be") ?? "it is not a token response"
}

const isValidField = (name: string, value: unknown): boolean =>
  Option.isSome(decodeSuccess({ access_token: "-", token_type: "bearer", [name]: value }))

/** RFC 9110 §10.2.3: seconds, or a date. */
const retryAfter = (answer: Answer, { receivedAt }: Exchanged): { readonly retryAfter?: number } => {
  const header = answer.headers["retry-after"]?.trim()
  if (header === undefined) return {}
  const millis = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - receivedAt
  return Number.isFinite(millis) ? { retryAfter: Math.max(0, millis) } : {}
}

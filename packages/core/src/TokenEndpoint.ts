/**
 * The token endpoint: one request (RFC 6749 §3.2), one decoded answer (§5).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AccessToken, Value } from "./AccessToken.ts"
import type { ClientAuthentication, Parameters, Proof, TokenRequestContext } from "./ClientAuthentication.ts"
import type { Grant } from "./Grant.ts"
import { nameOf } from "./internal/endpoint.ts"
import {
  type Answer,
  defaultLimits,
  exchange,
  isRedirect,
  isTransientStatus,
  type Limits,
  type NoAnswer,
  parseJson
} from "./internal/exchange.ts"
import * as Scopes from "./internal/scopes.ts"
import { clean, spellings } from "./internal/text.ts"
import { type AssertionError, type DiscoveryError, TokenEndpointError } from "./OAuthError.ts"

/**
 * A token request.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenRequest extends TokenRequestContext {
  readonly grant: Grant
  readonly clientAuthentication: ClientAuthentication
  /** The value of the `resource` parameter (RFC 8707 §2); left out where `undefined`. */
  readonly resourceParameter: string | undefined
  readonly additionalParameters?: Parameters | undefined
  /** The life of a token whose answer does not say, in milliseconds. */
  readonly defaultLifetime: number
  readonly limits?: Limits | undefined
}

/**
 * Parameters that belong to the request itself and that a caller's own must not replace.
 *
 * @since 0.1.0
 * @category constants
 */
export const reservedParameters: ReadonlySet<string> = new Set([
  "assertion",
  "client_assertion",
  "client_assertion_type",
  "client_id",
  "client_secret",
  "grant_type",
  "refresh_token",
  "resource",
  "scope"
])

/** No lifetime is believed to be longer: a year, in seconds. */
const MAX_LIFETIME = 365 * 24 * 60 * 60

const Lifetime = Schema.Union(
  Schema.Number,
  Schema.compose(Schema.String.pipe(Schema.pattern(/^\d+(?:\.\d+)?$/)), Schema.NumberFromString)
)
  .pipe(Schema.nonNegative())

const TokenResponse = Schema.Struct({
  access_token: Schema.Redacted(Value),
  token_type: Schema.Lowercase.pipe(Schema.compose(Schema.Literal("bearer"))),
  expires_in: Schema.optional(Schema.NullOr(Lifetime)),
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
const decodeToken = Schema.decodeUnknownOption(TokenResponse)
const decodeError = Schema.decodeUnknownOption(ErrorResponse)

/**
 * Sends a token request, once, and decodes the answer. Follows no redirect, since a 307 would replay the secret.
 *
 * Fails with `TokenEndpointError`, and with what the grant and the proof fail with.
 *
 * @since 0.1.0
 * @category constructors
 */
export const request = (
  client: HttpClient.HttpClient,
  options: TokenRequest
): Effect.Effect<AccessToken, TokenEndpointError | AssertionError | DiscoveryError> =>
  Effect.gen(function*() {
    const grant = yield* options.grant.parameters(options)
    const proof = yield* options.clientAuthentication.prove(options)
    const form: Parameters = {
      ...options.additionalParameters,
      grant_type: options.grant.type,
      ...(options.scopes.length === 0 ? {} : { scope: options.scopes.join(" ") }),
      ...(options.resourceParameter === undefined ? {} : { resource: options.resourceParameter }),
      ...grant,
      ...proof.parameters
    }
    const secrets = [...Object.values(form), ...(proof.secrets ?? [])].flatMap((value) =>
      typeof value === "string" ? [] : spellings(Redacted.value(value))
    )
    const url = options.authorizationServer.tokenEndpoint
    const sentAt = yield* Clock.currentTimeMillis
    const answer = yield* exchange(client, post(url, form, proof), options.limits ?? defaultLimits).pipe(
      Effect.mapError((error) => noAnswer(url, error))
    )
    return yield* decode(answer, options, { sentAt, secrets, receivedAt: yield* Clock.currentTimeMillis })
  })

const post = (url: URL, form: Parameters, proof: Proof): HttpClientRequest.HttpClientRequest => {
  const body = Object.entries(form).map(([name, value]): [string, string] => [
    name,
    typeof value === "string" ? value : Redacted.value(value)
  ])
  const base = HttpClientRequest.post(url, { headers: { accept: "application/json" } }).pipe(
    HttpClientRequest.bodyUrlParams(body)
  )
  return proof.authorization === undefined
    ? base
    : HttpClientRequest.setHeader(base, "authorization", Redacted.value(proof.authorization))
}

const noAnswer = (url: URL, error: NoAnswer): TokenEndpointError =>
  new TokenEndpointError({
    reason: error.reason === "TooLarge" ? "InvalidResponse" : "Unavailable",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)}: ${error.description}.`,
    ...(error.cause === undefined ? {} : { cause: error.cause })
  })

interface Exchanged {
  readonly sentAt: number
  readonly receivedAt: number
  readonly secrets: ReadonlyArray<string>
}

const decode = (
  answer: Answer,
  options: TokenRequest,
  exchanged: Exchanged
): Effect.Effect<AccessToken, TokenEndpointError> => {
  const json = parseJson(answer.body)
  const refusal = decodeError(json)
  // GitHub answers a refusal with 200.
  if (Option.isSome(refusal)) return Effect.fail(refused(answer, options, refusal.value, exchanged))
  if (answer.status !== 200) return Effect.fail(unexpectedStatus(answer, options, exchanged))
  return Option.match(decodeToken(json), {
    onNone: () => Effect.fail(invalidToken(json, answer, options)),
    onSome: (response) => {
      const lifetime = response.expires_in ?? undefined
      if (lifetime !== undefined && exchanged.sentAt + lifetime * 1000 <= exchanged.receivedAt) {
        return Effect.fail(expiredOnArrival(lifetime, options, exchanged))
      }
      return Effect.succeed(
        new AccessToken({
          value: response.access_token,
          tokenType: "Bearer",
          scopes: typeof response.scope === "string" ? Scopes.parse(response.scope) : options.scopes,
          issuer: options.authorizationServer.issuer,
          issuedAt: exchanged.sentAt,
          expiresAt: exchanged.sentAt +
            (lifetime === undefined ? options.defaultLifetime : Math.min(lifetime, MAX_LIFETIME) * 1000),
          ...(Redacted.isRedacted(response.refresh_token) ? { refreshToken: response.refresh_token } : {})
        })
      )
    }
  })
}

const expiredOnArrival = (lifetime: number, options: TokenRequest, exchanged: Exchanged): TokenEndpointError => {
  const url = options.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: "Unavailable",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} issued a token for ${lifetime} s, which had passed when it arrived ` +
      `after ${exchanged.receivedAt - exchanged.sentAt} ms. Have tokens issued for longer.`,
    status: 200
  })
}

const transientCodes: ReadonlySet<string> = new Set(["temporarily_unavailable", "slow_down", "server_error"])

const refused = (
  answer: Answer,
  options: TokenRequest,
  response: typeof ErrorResponse.Type,
  exchanged: Exchanged
): TokenEndpointError => {
  const url = options.authorizationServer.tokenEndpoint
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
      `Token endpoint ${nameOf(url)} refused client "${options.clientAuthentication.clientId}": ${code}`,
      said === "" ? "." : ` (${said}).`,
      advice.has(code) ? ` ${advice.get(code)}` : ""
    ].join(""),
    code,
    status: answer.status,
    ...(errorUri === undefined ? {} : { errorUri }),
    ...retryAfter(answer, exchanged)
  })
}

const advice: ReadonlyMap<string, string> = new Map([
  ["invalid_client", "Check the client id, the credential and the client authentication method."],
  ["invalid_grant", "The grant is expired, revoked or for another client: get a new one."],
  ["invalid_scope", "Ask for scopes that the client was granted."],
  ["invalid_target", "The authorization server does not know this resource: see the option `resourceParameter`."],
  ["unauthorized_client", "Have the client registered for this grant."],
  ["unsupported_grant_type", "The authorization server does not offer this grant: use another kind of credential."]
])

const unexpectedStatus = (answer: Answer, options: TokenRequest, exchanged: Exchanged): TokenEndpointError => {
  const url = options.authorizationServer.tokenEndpoint
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
const invalidToken = (json: unknown, answer: Answer, options: TokenRequest): TokenEndpointError => {
  const url = options.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: "InvalidResponse",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} answered 200, but ${whatIsWrong(json, answer)} (RFC 6749 §5.1).`,
    status: 200
  })
}

/** Those that are shown; in place of a type that nobody knows there may be a token. */
const otherTypes: ReadonlySet<string> = new Set(["dpop", "mac", "n_a", "pop"])

const isRecord = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const whatIsWrong = (json: unknown, answer: Answer): string => {
  if (json === undefined) {
    return `the body is not JSON (content type ${clean(answer.headers["content-type"] ?? "none")})`
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
  Option.isSome(decodeToken({ access_token: "-", token_type: "bearer", [name]: value }))

/** RFC 9110 §10.2.3: seconds, or a date. */
const retryAfter = (answer: Answer, { receivedAt }: Exchanged): { readonly retryAfter?: number } => {
  const header = answer.headers["retry-after"]?.trim()
  if (header === undefined) return {}
  const millis = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - receivedAt
  return Number.isFinite(millis) ? { retryAfter: Math.max(0, millis) } : {}
}

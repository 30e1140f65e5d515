/**
 * The token endpoint: one request (RFC 6749 §3.2), one decoded answer (§5).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
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
import { type AssertionError, type DiscoveryError, InvalidOptions, TokenEndpointError } from "./OAuthError.ts"

/**
 * A token request.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenRequest extends TokenRequestContext {
  readonly grant: Grant
  readonly clientAuthentication: ClientAuthentication
  readonly additionalParameters?: Parameters | undefined
  /** The life of a token whose answer does not say, in milliseconds. */
  readonly defaultLifetime: number
  readonly limits?: Limits | undefined
}

/**
 * A form for a token endpoint, such as one whose answer is not an access token (RFC 8693).
 *
 * - `form`: the parameters, without those of the client's proof.
 *
 * @since 0.1.0
 * @category models
 */
export interface FormRequest extends TokenRequestContext {
  readonly clientAuthentication: ClientAuthentication
  readonly form: Parameters
  readonly limits?: Limits | undefined
}

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

/**
 * The limits of each request, from options: `requestTimeout` is 10 seconds by default, `maxResponseSize`, in bytes,
 * 1 MiB.
 *
 * @since 0.1.0
 * @category constructors
 */
export const limits = (options: {
  readonly requestTimeout?: Duration.DurationInput | undefined
  readonly maxResponseSize?: number | undefined
}): Either.Either<Limits, InvalidOptions> => {
  const { maxResponseSize: maxBodySize = defaultLimits.maxBodySize, requestTimeout = defaultLimits.timeout } = options
  if (!(Duration.toMillis(requestTimeout) > 0)) {
    return invalid("requestTimeout", `${Duration.format(requestTimeout)} is not a time above 0.`)
  }
  return maxBodySize > 0
    ? Either.right({ timeout: Duration.decode(requestTimeout), maxBodySize })
    : invalid("maxResponseSize", `${maxBodySize} is not a number of bytes above 0.`)
}

const invalid = (option: string, description: string) => Either.left(new InvalidOptions({ option, description }))

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

/**
 * `expires_in`, in seconds: a number, which some servers write as text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Lifetime = Schema.Union(
  Schema.Number,
  Schema.compose(Schema.String.pipe(Schema.pattern(/^\d+(?:\.\d+)?$/)), Schema.NumberFromString)
)
  .pipe(Schema.nonNegative())

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
const decodeToken = Schema.decodeUnknownOption(TokenResponse)
const decodeLifetime = Schema.decodeUnknownOption(Lifetime)
const decodeError = Schema.decodeUnknownOption(ErrorResponse)

/**
 * Sends a form with the client's proof, once, or once more if that is refused and another can be had. Follows no redirect, since a 307 would replay the secret. What the answer
 * means is the caller's to decode; a refusal is decoded here, and told to the client authentication if it is about it.
 *
 * Fails with `TokenEndpointError`, and with what the proof fails with.
 *
 * @since 0.1.0
 * @category constructors
 */
export const send = (
  client: HttpClient.HttpClient,
  options: FormRequest
): Effect.Effect<Reply, TokenEndpointError | AssertionError | DiscoveryError> =>
  onceMore(
    Effect.flatMap(
      options.clientAuthentication.prove(options),
      (proof) => attempt(sendWith(client, options, proof), ({ code }) => isProofReplaced(options, proof, code))
    )
  )

/** `isReplaced`: whether what was refused has been replaced meanwhile. */
interface Attempt {
  readonly reply: Either.Either<Reply, TokenEndpointError>
  readonly isReplaced: boolean
}

const attempt = (
  reply: Effect.Effect<Reply, TokenEndpointError>,
  isReplaced: (error: TokenEndpointError) => Effect.Effect<boolean>
): Effect.Effect<Attempt> =>
  Effect.flatMap(Effect.either(reply), (reply) =>
    Effect.map(
      Either.isRight(reply) ? no : isReplaced(reply.left),
      (isReplaced) => ({ reply, isReplaced })
    ))

/** A request under a new key is not the one that was refused. A second refusal stands. */
const onceMore = <E>(attempt: Effect.Effect<Attempt, E>): Effect.Effect<Reply, TokenEndpointError | E> =>
  Effect.flatMap(attempt, ({ isReplaced, reply }) => isReplaced ? Effect.flatMap(attempt, ({ reply }) => reply) : reply)

const no = Effect.succeed(false)

const isProofReplaced = (
  { clientAuthentication }: Pick<FormRequest, "clientAuthentication">,
  proof: Proof,
  code: string | undefined
): Effect.Effect<boolean> => code === "invalid_client" ? clientAuthentication.refused?.(proof) ?? no : no

const sendWith = (
  client: HttpClient.HttpClient,
  options: FormRequest,
  proof: Proof
): Effect.Effect<Reply, TokenEndpointError> =>
  Effect.gen(function*() {
    const form: Parameters = { ...options.form, ...proof.parameters }
    const secrets = [...Object.values(form), ...(proof.secrets ?? [])].flatMap((value) =>
      typeof value === "string" ? [] : spellings(Redacted.value(value))
    )
    const url = options.authorizationServer.tokenEndpoint
    const clock = yield* Effect.clock
    const time = () => ({ millis: clock.unsafeCurrentTimeMillis(), nanos: clock.unsafeCurrentTimeNanos() })
    const sent = time()
    const answer = yield* exchange(client, post(url, form, proof), options.limits ?? defaultLimits).pipe(
      Effect.mapError((error) => noAnswer(url, error))
    )
    const received = time()
    // Somebody may have set the clock meanwhile, which the other one does not follow; it stands still while the machine sleeps.
    const duration = Math.max(received.millis - sent.millis, Number(received.nanos - sent.nanos) / 1e6)
    const exchanged = {
      sentAt: Math.floor(received.millis - duration),
      secrets,
      receivedAt: received.millis
    }
    return yield* decodeReply(answer, options, exchanged)
  })

/**
 * Sends a token request and decodes the answer. It is sent once, or once more if the proof or the grant is refused and has
 * been replaced meanwhile, as by a rotation of the key.
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
  Effect.flatMap(
    onceMore(
      Effect.gen(function*() {
        const { grant, resourceParameter, scopes } = options
        // First: what the grant presents may be good for once, and is not to be had for a request that is never sent.
        const proof = yield* options.clientAuthentication.prove(options)
        const parameters = yield* grant.parameters(options)
        const form: Parameters = {
          ...options.additionalParameters,
          grant_type: grant.type,
          ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
          ...(resourceParameter === undefined ? {} : { resource: resourceParameter }),
          ...parameters
        }
        return yield* attempt(sendWith(client, { ...options, form }, proof), ({ code }) =>
          code === "invalid_grant" ? grant.refused?.(parameters) ?? no : isProofReplaced(options, proof, code))
      })
    ),
    (reply) =>
      decode(reply, options)
  )

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

const decodeReply = (
  answer: Answer,
  options: FormRequest,
  exchanged: Exchanged
): Effect.Effect<Reply, TokenEndpointError> => {
  const json = parseJson(answer.body)
  const refusal = decodeError(json)
  // GitHub answers a refusal with 200.
  if (Option.isSome(refusal)) return Effect.fail(refused(answer, options, refusal.value, exchanged))
  if (answer.status !== 200) return Effect.fail(unexpectedStatus(answer, options, exchanged))
  const { receivedAt, sentAt } = exchanged
  return Effect.succeed({ json, contentType: answer.headers["content-type"] ?? "none", sentAt, receivedAt })
}

const decode = (reply: Reply, options: TokenRequest): Effect.Effect<AccessToken, TokenEndpointError> =>
  Option.match(decodeToken(reply.json), {
    onNone: () => Effect.fail(invalidToken(reply, options)),
    onSome: (response) => {
      const lifetime = response.expires_in ?? undefined
      const millis = lifetime === undefined ? options.defaultLifetime : Math.min(lifetime, MAX_LIFETIME) * 1000
      if (reply.sentAt + millis <= reply.receivedAt) {
        return Effect.fail(expiredOnArrival(millis / 1000, options, reply))
      }
      const issuedAt = reply.sentAt
      return Effect.succeed(
        new AccessToken({
          value: response.access_token,
          tokenType: "Bearer",
          scopes: typeof response.scope === "string" ? Scopes.parse(response.scope) : options.scopes,
          issuer: options.authorizationServer.issuer,
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

const expiredOnArrival = (lifetime: number, options: TokenRequest, reply: Reply): TokenEndpointError => {
  const url = options.authorizationServer.tokenEndpoint
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
  options: FormRequest,
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
      `Token endpoint ${nameOf(url)} refused ${clientOf(options)}: ${code}`,
      said === "" ? "." : ` (${said}).`,
      advice.has(code) ? ` ${advice.get(code)}` : ""
    ].join(""),
    code,
    status: answer.status,
    ...(errorUri === undefined ? {} : { errorUri }),
    ...retryAfter(answer, exchanged)
  })
}

const clientOf = ({ clientAuthentication: { clientId } }: FormRequest): string =>
  clientId === "" ? "the request" : `client "${clientId}"`

const advice: ReadonlyMap<string, string> = new Map([
  ["invalid_client", "Check the client id, the credential and the client authentication method."],
  ["invalid_grant", "The grant is expired, revoked or for another client: get a new one."],
  ["invalid_scope", "Ask for scopes that the client was granted."],
  ["invalid_target", "The authorization server does not know this resource: see the option `resourceParameter`."],
  ["unauthorized_client", "Have the client registered for this grant."],
  ["unsupported_grant_type", "The authorization server does not offer this grant: use another kind of credential."]
])

const unexpectedStatus = (answer: Answer, options: FormRequest, exchanged: Exchanged): TokenEndpointError => {
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
const invalidToken = (reply: Reply, options: TokenRequest): TokenEndpointError => {
  const url = options.authorizationServer.tokenEndpoint
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
  Option.isSome(decodeToken({ access_token: "-", token_type: "bearer", [name]: value }))

/** RFC 9110 §10.2.3: seconds, or a date. */
const retryAfter = (answer: Answer, { receivedAt }: Exchanged): { readonly retryAfter?: number } => {
  const header = answer.headers["retry-after"]?.trim()
  if (header === undefined) return {}
  const millis = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - receivedAt
  return Number.isFinite(millis) ? { retryAfter: Math.max(0, millis) } : {}
}

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Answer, isRedirect, isTransientStatus, parseJson, retryAfter } from "../../authoring/HttpExchange.ts"
import { nameOf } from "../../authoring/SecureEndpoint.ts"
import type { AuthorizationServer } from "../../AuthorizationServer.ts"
import { TokenEndpointError } from "../../OAuthError.ts"
import type { Reply } from "../../TokenResponse.ts"
import { clean } from "../text/clean.ts"

/** The error response (RFC 6749 §5.2). */
const ErrorResponse = Schema.Struct({
  error: Schema.NonEmptyString,
  error_description: Schema.optional(Schema.Unknown),
  error_uri: Schema.optional(Schema.Unknown)
})

const decodeError = Schema.decodeUnknownOption(ErrorResponse)

/**
 * The parts of the request that the error names.
 *
 * @internal
 */
export interface Asked {
  readonly authorizationServer: AuthorizationServer
  readonly clientAuthentication: { readonly clientId: string }
}

/**
 * The exchange with the token endpoint.
 *
 * @internal
 */
export interface Exchanged {
  /** When the request was sent, in milliseconds since the epoch. */
  readonly sentAt: number
  /** When the answer was complete, in milliseconds since the epoch. */
  readonly receivedAt: number
  /** The secrets that the authorization server has received, and that an error must not repeat. */
  readonly secrets: ReadonlyArray<string>
}

/**
 * Separates an answer that may be a token, or another thing that was requested, from an error (RFC 6749 §5.2).
 *
 * @internal
 */
export const failOnError = (
  answer: Answer,
  asked: Asked,
  exchanged: Exchanged
): Effect.Effect<Reply, TokenEndpointError> => {
  const json = parseJson(answer.body)
  const response = decodeError(json)
  // GitHub sends its errors with status 200.
  if (Option.isSome(response)) return Effect.fail(refused(answer, asked, response.value, exchanged))
  if (answer.status !== 200) return Effect.fail(unexpectedStatus(answer, asked, exchanged))
  const { receivedAt, sentAt } = exchanged
  return Effect.succeed({ json, contentType: answer.headers["content-type"] ?? "none", sentAt, receivedAt })
}

/** Errors after which the same request may succeed later, whatever the status is. */
const transientCodes: ReadonlySet<string> = new Set(["temporarily_unavailable", "slow_down", "server_error"])

const advice: ReadonlyMap<string, string> = new Map([
  ["invalid_client", "Check the client id, the credential and the client authentication method."],
  ["invalid_grant", "The grant is expired, revoked or for another client: get a new one."],
  ["invalid_scope", "Ask for scopes that the client was granted."],
  ["invalid_target", "The authorization server does not know this resource: see the option `resourceParameter`."],
  ["unauthorized_client", "Have the client registered for this grant."],
  ["unsupported_grant_type", "The authorization server does not offer this grant: use another kind of credential."]
])

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
    ...waitOf(answer, exchanged)
  })
}

const clientOf = ({ clientAuthentication: { clientId } }: Asked): string =>
  clientId === "" ? "the request" : `client "${clientId}"`

const unexpectedStatus = (answer: Answer, asked: Asked, exchanged: Exchanged): TokenEndpointError => {
  const url = asked.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: isTransientStatus(answer.status) ? "Unavailable" : "InvalidResponse",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} answered ${answer.status} ` +
      (isRedirect(answer.status)
        ? "with a redirect, which is not followed since it would replay the credential. Use the final address."
        : isTransientStatus(answer.status)
        ? "without an OAuth error. The server may recover: try again later."
        : "without an OAuth error. Check that the address is a token endpoint."),
    status: answer.status,
    ...waitOf(answer, exchanged)
  })
}

/** The wait that the answer asks for, as a field of the error. */
const waitOf = ({ headers }: Answer, { receivedAt }: Exchanged): { readonly retryAfter?: number } => {
  const millis = retryAfter(headers, receivedAt)
  return millis === undefined ? {} : { retryAfter: millis }
}

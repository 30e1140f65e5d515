/**
 * The successful response of a token endpoint (RFC 6749 §5.1).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AccessToken, MAX_LENGTH, Value } from "./AccessToken.ts"
import { nameOf } from "./authoring/SecureEndpoint.ts"
import type { AuthorizationServer } from "./AuthorizationServer.ts"
import { clean } from "./internal/text/clean.ts"
import * as Scopes from "./internal/text/scopeList.ts"
import { isAccepted, needsProof } from "./internal/text/tokenTypes.ts"
import { TokenEndpointError } from "./OAuthError.ts"

/**
 * An answer with a status of 200 to 299 that is not an OAuth error.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  /** The body; `undefined` if it is not JSON. */
  readonly json: unknown
  /** The HTTP status. */
  readonly status: number
  /** Whether the body has nothing but white space. */
  readonly isEmpty: boolean
  /** The header `content-type`, or `none`. */
  readonly contentType: string
  /** The text for people in the answer, in the form of a known vendor, cut and cleaned; absent if there is none. */
  readonly says?: string | undefined
  /** When the request was sent, in milliseconds since the epoch: `receivedAt` minus the duration of the exchange. */
  readonly sentAt: number
  /** When the answer was complete, in milliseconds since the epoch. */
  readonly receivedAt: number
}

/** The longest lifetime of a token that is believed, in seconds: a year. */
const MAX_LIFETIME = 365 * 24 * 60 * 60

/** The part of its lifetime for which a token is used at least, whatever `refresh_in` says. */
const SHORTEST_USE = 0.1

/**
 * `expires_in`, in seconds: a number, which some servers write as text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Lifetime: Schema.Schema<number, number | string> = Schema.Union(
  Schema.Number,
  Schema.compose(Schema.String.pipe(Schema.pattern(/^\d+(?:\.\d+)?$/)), Schema.NumberFromString)
).pipe(Schema.nonNegative())

const isValue = Schema.is(Value)
const decodeLifetime = Schema.decodeUnknownOption(Lifetime)
const decodeScope = Schema.decodeUnknownOption(Schema.Union(Schema.String, Schema.Array(Schema.String)))

/**
 * The request whose answer must be a token.
 *
 * @internal
 */
export interface AskedForToken {
  readonly authorizationServer: AuthorizationServer
  /** The lifetime of a token whose response has no `expires_in`, in milliseconds. */
  readonly defaultLifetime: number
  /** The scopes of a token whose response has no `scope` (RFC 6749 §5.1). */
  readonly scopes: ReadonlyArray<string>
  /** The values of `token_type` that are used as `Bearer`, beside `Bearer` itself. */
  readonly acceptedTokenTypes?: ReadonlyArray<string> | undefined
  /**
   * Called if the answer has no `access_token`, so that something else than the token endpoint may have answered, such
   * as a proxy. Returns the reason of the error.
   *
   * @default always `InvalidResponse`
   */
  readonly onForeignAnswer?: (() => "InvalidResponse" | "Unavailable") | undefined
}

/**
 * The token in an answer.
 *
 * @internal
 */
export const decode = (reply: Reply, asked: AskedForToken): Effect.Effect<AccessToken, TokenEndpointError> => {
  const { json } = reply
  if (!Predicate.isRecord(json) || !("access_token" in json)) return foreign(reply, asked)
  const { access_token: value, expires_in: expiresIn, token_type: type } = json
  // Names the invalid member, and never shows its value: the response may contain a token.
  const invalid = (what: string) => noToken("InvalidResponse", reply, asked, happened(reply, what))
  if (typeof value !== "string" || value === "") return invalid(NO_TOKEN)
  if (value.length > MAX_LENGTH) return invalid(`\`access_token\` has more than ${MAX_LENGTH} characters`)
  if (!isValue(value)) return invalid("`access_token` has characters that a header cannot contain")
  if (typeof type !== "string") return invalid("it has no `token_type`")
  const lifetime = Option.getOrUndefined(decodeLifetime(expiresIn))
  if (lifetime === undefined && Predicate.isNotNullable(expiresIn)) return invalid("`expires_in` has an invalid value")
  if (!isAccepted(type, asked.acceptedTokenTypes)) return invalid(whyNotUsable(type, value))

  const millis = Math.min(lifetime === undefined ? asked.defaultLifetime : lifetime * 1000, MAX_LIFETIME * 1000)
  const issuedAt = reply.sentAt
  if (issuedAt + millis <= reply.receivedAt) {
    const duration = reply.receivedAt - issuedAt
    return noToken(
      "Unavailable",
      reply,
      asked,
      `issued a token with a lifetime of ${
        millis / 1000
      } s, and the response arrived after ${duration} ms: the token had expired. ` +
        "Configure a longer token lifetime there."
    )
  }
  // The other members are optional, and an invalid one says nothing: it is no reason to reject a good token.
  const { refresh_in: refreshIn, refresh_token: refreshToken, scope } = json
  return Effect.succeed(
    new AccessToken({
      value: Redacted.make(value),
      tokenType: "Bearer",
      scopes: grantedScopes(scope, asked.scopes),
      issuer: asked.authorizationServer.issuer,
      issuedAt,
      expiresAt: issuedAt + millis,
      ...Option.match(decodeLifetime(refreshIn), {
        onNone: () => ({}),
        onSome: (refreshIn) => ({ refreshAt: issuedAt + refreshAfter(refreshIn * 1000, millis) })
      }),
      // Some servers send an empty refresh token in place of none.
      ...(isValue(refreshToken) ? { refreshToken: Redacted.make(refreshToken) } : {})
    })
  )
}

/**
 * The granted scopes: a list separated by spaces (RFC 6749 §3.3), or an array. If the value cannot be read, the granted
 * scopes are the requested ones.
 *
 * GitHub separates scopes by commas. A comma is a legal character of a scope, so an entry with commas is split only if
 * each part was requested, and the entry as a whole was not. Any other entry with a comma is left out: its meaning is
 * unknown, and a request for it could be refused.
 */
const grantedScopes = (scope: unknown, requested: ReadonlyArray<string>): ReadonlyArray<string> => {
  const said = Option.getOrUndefined(decodeScope(scope))
  if (said === undefined) return requested
  const entries = Scopes.parse(typeof said === "string" ? said : said.join(" "))
  const known = new Set(requested)
  const granted = entries.flatMap((entry) => {
    if (!entry.includes(",") || known.has(entry)) return [entry]
    const parts = entry.split(",").filter((part) => part !== "")
    return parts.every((part) => known.has(part)) ? parts : []
  })
  return granted.length === 0 && entries.length > 0 ? requested : Scopes.union(granted)
}

/** The time until the renewal: within the lifetime, and not so early that renewals never stop; in milliseconds. */
const refreshAfter = (wanted: number, lifetime: number): number =>
  Math.min(lifetime, Math.max(wanted, lifetime * SHORTEST_USE))

/** The error about a response with status 200 to 299. `description` follows the name of the token endpoint. */
const noToken = (
  reason: TokenEndpointError["reason"],
  { status }: Reply,
  { authorizationServer }: AskedForToken,
  description: string
) => {
  const url = nameOf(authorizationServer.tokenEndpoint)
  return new TokenEndpointError({ reason, url, description: `Token endpoint ${url} ${description}`, status })
}

const happened = ({ status }: Reply, what: string): string => `answered ${status}, but ${what} (RFC 6749 §5.1).`

const NO_TOKEN = "it has no `access_token`"

/** The error about an answer without `access_token`, which something else than the token endpoint may have given. */
const foreign = (reply: Reply, asked: AskedForToken) => {
  const { contentType, isEmpty, json, says } = reply
  const what = isEmpty
    ? `the body is empty (content type ${clean(contentType)})`
    : json === undefined
    ? `the body is not JSON (content type ${clean(contentType)})`
    : Predicate.isRecord(json)
    ? `${NO_TOKEN}${says === undefined ? "" : `, and says "${says}"`}`
    : "the body is not a JSON object"
  const advice = "A proxy or a gateway may have answered in its place: check `issuer` and `tokenEndpoint`."
  return noToken(asked.onForeignAnswer?.() ?? "InvalidResponse", reply, asked, `${happened(reply, what)} ${advice}`)
}

/**
 * The names of token types that an error shows: short words (RFC 6749 §7.1), and the identifiers of RFC 8693 §3. Any
 * other value may be a token in the wrong place.
 */
const typeName = /^(?:[A-Za-z][A-Za-z_-]{0,19}|urn:ietf:params:oauth:token-type:[a-z0-9_-]{1,20})$/

/** Why a token of this type cannot be used. `value` is the `access_token` beside it: some servers confuse the two. */
const whyNotUsable = (type: string, value: string): string => {
  const shown = typeName.test(type) && !isAccepted(value) ? `"${type}"` : "another"
  return `\`token_type\` is ${shown}, and only Bearer can be used` + (needsProof(type)
    ? ", since this client sends no proof of possession"
    : ". If the MCP server takes such a token as a bearer token, name its type in `acceptedTokenTypes`")
}

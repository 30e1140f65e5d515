/**
 * What a token endpoint must answer with status 200 (RFC 6749 §5.1).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AccessToken, Value } from "./AccessToken.ts"
import { nameOf } from "./authoring/SecureEndpoint.ts"
import type { AuthorizationServer } from "./AuthorizationServer.ts"
import { clean } from "./internal/text/clean.ts"
import * as Scopes from "./internal/text/scopeList.ts"
import { TokenEndpointError } from "./OAuthError.ts"

/**
 * An answer with status 200 that is not an OAuth error.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  /** The body; `undefined` where it is not JSON. */
  readonly json: unknown
  /** The header `content-type`, or `none`. */
  readonly contentType: string
  /** When the request was sent, in milliseconds since the epoch: `receivedAt` minus the duration of the exchange. */
  readonly sentAt: number
  /** When the answer was complete, in milliseconds since the epoch. */
  readonly receivedAt: number
}

/** A longer life of a token is not believed: a year, in seconds. */
const MAX_LIFETIME = 365 * 24 * 60 * 60

/** The part of its life for which a token is used at least, whatever `refresh_in` says. */
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

const TokenResponse = Schema.Struct({
  access_token: Schema.Redacted(Value),
  token_type: Schema.Lowercase.pipe(Schema.compose(Schema.Literal("bearer"))),
  expires_in: Schema.optional(Schema.NullOr(Lifetime)),
  // Not in RFC 6749, so that an invalid value is no reason to reject the token.
  refresh_in: Schema.optional(Schema.Unknown),
  scope: Schema.optional(Schema.NullOr(Schema.String)),
  // Some servers send an empty refresh token in place of none.
  refresh_token: Schema.optional(Schema.NullOr(Schema.Union(Schema.Literal(""), Schema.Redacted(Value))))
})

const isValue = Schema.is(Value)
const decodeResponse = Schema.decodeUnknownOption(TokenResponse)
const decodeLifetime = Schema.decodeUnknownOption(Lifetime)

/**
 * The request whose answer must be a token.
 *
 * @internal
 */
export interface AskedForToken {
  readonly authorizationServer: AuthorizationServer
  /** The life of a token whose answer does not say, in milliseconds. */
  readonly defaultLifetime: number
  /** The scopes of a token whose answer does not say (RFC 6749 §3.3). */
  readonly scopes: ReadonlyArray<string>
}

/**
 * The token in an answer.
 *
 * @internal
 */
export const decode = (reply: Reply, asked: AskedForToken): Effect.Effect<AccessToken, TokenEndpointError> =>
  Option.match(decodeResponse(reply.json), {
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

/** Within the life of the token, and not so early that the token is renewed all the time; in milliseconds. */
const refreshAfter = (wanted: number, lifetime: number): number =>
  Math.min(lifetime, Math.max(wanted, lifetime * SHORTEST_USE))

const expiredOnArrival = (lifetime: number, asked: AskedForToken, reply: Reply): TokenEndpointError => {
  const url = asked.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: "Unavailable",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} issued a token that lives ${lifetime} s and had expired on arrival, ` +
      `after ${reply.receivedAt - reply.sentAt} ms. Configure a longer token lifetime there.`,
    status: 200
  })
}

/** Names the part that is wrong, and never shows it: the answer may contain a token. */
const invalidToken = (reply: Reply, asked: AskedForToken): TokenEndpointError => {
  const url = asked.authorizationServer.tokenEndpoint
  return new TokenEndpointError({
    reason: "InvalidResponse",
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)} answered 200, but ${whatIsWrong(reply)} (RFC 6749 §5.1).`,
    status: 200
  })
}

/** The token types that an error shows. Any other value may be a token in the wrong place. */
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
    ?.replace(/^.*$/, "`$&` has an invalid value") ?? "it is not a token response"
}

const isValidField = (name: string, value: unknown): boolean =>
  Option.isSome(decodeResponse({ access_token: "-", token_type: "bearer", [name]: value }))

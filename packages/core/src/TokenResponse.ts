/**
 * The successful response of a token endpoint, with status 200 (RFC 6749 §5.1).
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
  /** The body; `undefined` if it is not JSON. */
  readonly json: unknown
  /** The header `content-type`, or `none`. */
  readonly contentType: string
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

const TokenResponse = Schema.Struct({
  access_token: Schema.Redacted(Value),
  token_type: Schema.Lowercase.pipe(Schema.compose(Schema.Literal("bearer"))),
  expires_in: Schema.optional(Schema.NullOr(Lifetime)),
  // RFC 6749 does not define `refresh_in`, so an invalid value is no reason to reject the token.
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
  /** The lifetime of a token whose response has no `expires_in`, in milliseconds. */
  readonly defaultLifetime: number
  /** The scopes of a token whose response has no `scope` (RFC 6749 §5.1). */
  readonly scopes: ReadonlyArray<string>
}

/**
 * The token in an answer.
 *
 * @internal
 */
export const decode = (reply: Reply, asked: AskedForToken): Effect.Effect<AccessToken, TokenEndpointError> =>
  Option.match(decodeResponse(reply.json), {
    // Names the invalid part, and never shows its value: the response may contain a token.
    onNone: () => noToken("InvalidResponse", asked, `answered 200, but ${whatIsWrong(reply)} (RFC 6749 §5.1).`),
    onSome: (response) => {
      const lifetime = response.expires_in ?? undefined
      const millis = lifetime === undefined ? asked.defaultLifetime : Math.min(lifetime, MAX_LIFETIME) * 1000
      if (reply.sentAt + millis <= reply.receivedAt) {
        const duration = reply.receivedAt - reply.sentAt
        return noToken(
          "Unavailable",
          asked,
          `issued a token that lives ${millis / 1000} s and had expired on arrival, after ${duration} ms. ` +
            "Configure a longer token lifetime there."
        )
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

/** The time until the renewal: within the lifetime, and not so early that renewals never stop; in milliseconds. */
const refreshAfter = (wanted: number, lifetime: number): number =>
  Math.min(lifetime, Math.max(wanted, lifetime * SHORTEST_USE))

/** The error about a response with status 200. `description` follows the name of the token endpoint. */
const noToken = (reason: TokenEndpointError["reason"], { authorizationServer }: AskedForToken, description: string) => {
  const url = nameOf(authorizationServer.tokenEndpoint)
  return new TokenEndpointError({ reason, url, description: `Token endpoint ${url} ${description}`, status: 200 })
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
  if (!isValue(json["access_token"])) return "`access_token` has characters that a header cannot contain"
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

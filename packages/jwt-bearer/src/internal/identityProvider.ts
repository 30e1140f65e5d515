import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import type { Limits } from "@effect-mcp-auth/core/authoring/HttpExchange"
import type { PlainHttp } from "@effect-mcp-auth/core/authoring/SecureEndpoint"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import * as AuthorizationServer from "@effect-mcp-auth/core/AuthorizationServer"
import type { ClientAuthentication } from "@effect-mcp-auth/core/ClientAuthentication"
import { InsecureEndpoint, InvalidOptions, type OAuthError, TokenEndpointError } from "@effect-mcp-auth/core/OAuthError"
import * as TokenEndpoint from "@effect-mcp-auth/core/TokenEndpoint"
import type * as TokenResponse from "@effect-mcp-auth/core/TokenResponse"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import { ID_JAG, isForeign, resourceOf, TOKEN_TYPE } from "./response.ts"

/**
 * The identity provider: an issuer whose metadata must be found, or a server whose token endpoint is known.
 *
 * @internal
 */
export type Location = string | AuthorizationServer.AuthorizationServer

/** @internal */
export const locationOf = (options: {
  readonly issuer?: string | undefined
  readonly tokenEndpoint?: string | undefined
}, plainHttp: PlainHttp): Either.Either<Location, InvalidOptions | InsecureEndpoint> => {
  return Either.gen(function*() {
    const tokenEndpoint = yield* TextOption.checkOptional("tokenEndpoint", options.tokenEndpoint)
    if (tokenEndpoint !== undefined) {
      const issuer = yield* TextOption.checkOptional("issuer", options.issuer)
      const url = AuthorizationServer.parseTokenEndpoint(tokenEndpoint)
      return url === undefined
        ? yield* Either.left(notUrl("tokenEndpoint", "fragment"))
        : yield* AuthorizationServer.fromTokenEndpoint(issuer ?? tokenEndpoint, url, plainHttp)
    }
    const issuer = yield* TextOption.check("issuer", options.issuer)
    const url = AuthorizationServer.parseIssuer(issuer)
    if (url === undefined) return yield* Either.left(notUrl("issuer", "query, fragment"))
    yield* Either.mapLeft(
      AuthorizationServer.fromTokenEndpoint(issuer, url, plainHttp),
      ({ reason, url }) => new InsecureEndpoint({ reason, endpoint: "issuer", url })
    )
    return issuer
  })
}

const notUrl = (option: string, parts: string): InvalidOptions =>
  new InvalidOptions({
    option,
    description: `it is not a URL without ${parts} and user name or password. Write it as the identity provider does.`
  })

/**
 * Exchanges a subject token for an ID-JAG (RFC 8693 §2.1).
 *
 * @internal
 */
export type Exchange = (
  request: AssertionRequest,
  subjectToken: Redacted.Redacted<string>
) => Effect.Effect<TokenResponse.Reply, OAuthError>

/** @internal */
export const make = (client: HttpClient.HttpClient, options: {
  readonly location: Location
  readonly limits: Limits
  readonly clientAuthentication: ClientAuthentication
  readonly subjectTokenType?: string | undefined
}): Exchange => {
  const { clientAuthentication, limits, location, subjectTokenType = "id_token" } = options
  let discovered: AuthorizationServer.AuthorizationServer | undefined

  const find = typeof location === "string"
    ? AuthorizationServer.discover(client, location, { limits }).pipe(
      Effect.tap((found) => Effect.sync(() => discovered = found))
    )
    : Effect.succeed(location)

  return (request, subjectToken) =>
    Effect.suspend(() => discovered === undefined ? find : Effect.succeed(discovered)).pipe(
      Effect.flatMap((authorizationServer) =>
        TokenEndpoint.send(client, {
          authorizationServer,
          resource: request.resource,
          resourceParameter: resourceOf(request),
          scopes: request.scopes,
          clientAuthentication,
          form: formOf(request, subjectToken, subjectTokenType),
          limits
        })
      ),
      // The host of a token endpoint that has moved may serve something else now.
      Effect.tap((reply) => Effect.sync(() => isForeign(reply) ? discovered = undefined : undefined)),
      Effect.tapError((cause) =>
        Effect.sync(() => {
          // The token endpoint may have moved, unless an OAuth error says that this is one.
          if (!(cause instanceof TokenEndpointError) || cause.code === undefined) discovered = undefined
        })
      )
    )
}

const formOf = (request: AssertionRequest, subjectToken: Redacted.Redacted<string>, subjectTokenType: string) => ({
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  requested_token_type: ID_JAG,
  audience: request.issuer,
  resource: resourceOf(request),
  ...(request.scopes.length === 0 ? {} : { scope: request.scopes.join(" ") }),
  subject_token: subjectToken,
  subject_token_type: `${TOKEN_TYPE}${subjectTokenType}`
})

import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as AccessToken from "../../AccessToken.ts"
import * as AuthorizationServer from "../../AuthorizationServer.ts"
import type * as Discovery from "../../Discovery.ts"
import * as Grant from "../../Grant.ts"
import { type OAuthError, TokenEndpointError } from "../../OAuthError.ts"
import { type ResourceIdentifier, resourceParameter } from "../../ResourceIdentifier.ts"
import * as ScopeSelection from "../../ScopeSelection.ts"
import * as TokenEndpoint from "../../TokenEndpoint.ts"
import type { Demand } from "../lifecycle/demand.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"

/**
 * The options that all token requests of one provider share.
 *
 * @internal
 */
export interface Options extends
  Pick<
    TokenEndpoint.TokenRequest,
    "additionalParameters" | "clientAuthentication" | "defaultLifetime" | "grant" | "issuerUnnamed" | "limits"
  >
{
  readonly client: HttpClient.HttpClient
  readonly discovery: Discovery.Discovery
  readonly server: ResourceIdentifier
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly resourceParameter?: "send" | "omit" | { readonly value: string } | undefined
  readonly telemetry: Telemetry
}

type Request = Effect.Effect<AccessToken.AccessToken, OAuthError>

/** After this many requests in a row without any response, the token endpoint may have moved. */
const UNREACHABLE_BEFORE_DISCOVERY = 3

/**
 * Asks the authorization server for a token: discovery, scopes, then the refresh token (RFC 6749 §6) or the grant. One
 * request at a time.
 *
 * @internal
 */
export class TokenRequests {
  readonly #options: Options
  /** The refresh token that the authorization server refused. Such a token is not presented again. */
  #refusedRefreshToken: Redacted.Redacted<string> | undefined
  /** How many requests in a row got no answer at all. */
  #unreachable = 0

  constructor(options: Options) {
    this.#options = options
  }

  /** One token for a demand of the life cycle. */
  readonly obtain = (demand: Demand): Request =>
    Effect.flatMap(this.#discover(demand), (found) => {
      const send = (grant: Grant.Grant) => this.#send(grant, demand, found)
      const refreshToken = this.#usableRefreshToken(demand, found.authorizationServer.issuer)
      const request = refreshToken === undefined ? send(this.#options.grant) : this.#refresh(refreshToken, send)
      return request.pipe(
        Effect.tap(() => Effect.sync(() => this.#unreachable = 0)),
        Effect.tapErrorTag("TokenEndpointError", (error) => this.#onFailure(error))
      )
    })

  /** A server that rejected a token may have changed its authorization server, so its metadata is read again. */
  #discover({ challenge, reason, rejected }: Demand): Effect.Effect<Discovery.Discovered, Discovery.Failure> {
    const { discovery } = this.#options
    return reason === "Rejected" && rejected !== undefined
      ? discovery.reread(challenge, rejected.issuer)
      : discovery.get
  }

  #send(grant: Grant.Grant, { challenge, reason, wanted }: Demand, found: Discovery.Discovered): Request {
    const { client, server, telemetry, ...options } = this.#options
    const { authorizationServer, protectedResource } = found
    return TokenEndpoint.request(client, {
      authorizationServer,
      grant,
      clientAuthentication: options.clientAuthentication,
      resource: server.resource,
      issuerUnnamed: options.issuerUnnamed,
      // The identifier as the server's own metadata writes it (RFC 9728 §2), if there is any.
      resourceParameter: resourceParameter(
        options.resourceParameter,
        protectedResource?.metadata.resource ?? server.resource
      ),
      scopes: ScopeSelection.select({
        configured: options.scopes,
        challenges: [challenge, found.challenge],
        supported: protectedResource?.scopesSupported,
        additional: wanted
      }),
      additionalParameters: options.additionalParameters,
      defaultLifetime: options.defaultLifetime,
      limits: options.limits
    }).pipe(telemetry.request(grant.type, reason, authorizationServer))
  }

  /**
   * The refresh token to present, if the last token came with one. A step-up presents none, since a refresh cannot
   * widen the scope (RFC 6749 §6). A refresh token is sent only to the issuer that issued it, because a storage may
   * hold the token of another authorization server.
   */
  #usableRefreshToken({ reason, refreshToken, refreshTokenIssuer }: Demand, issuer: string) {
    const isOwnIssuer = refreshTokenIssuer === undefined || AuthorizationServer.isSameIssuer(refreshTokenIssuer, issuer)
    const isUsable = this.#options.grant.refreshable === true && reason !== "StepUp" && isOwnIssuer &&
      !isSameSecret(refreshToken, this.#refusedRefreshToken)
    return isUsable ? refreshToken : undefined
  }

  /**
   * Presents the refresh token before the grant, whose assertion may no longer be available. If the authorization
   * server answers `invalid_grant`, the grant follows, once.
   */
  #refresh(refreshToken: Redacted.Redacted<string>, send: (grant: Grant.Grant) => Request): Request {
    return send(Grant.refreshToken(refreshToken)).pipe(
      Effect.map((token) => token.refreshToken === undefined ? AccessToken.copy(token, { refreshToken }) : token),
      Effect.catchIf(
        (error) => error instanceof TokenEndpointError && error.code === "invalid_grant",
        () => {
          this.#refusedRefreshToken = refreshToken
          return send(this.#options.grant)
        }
      )
    )
  }

  /**
   * A token endpoint that cannot be reached, or gives no token response, may have moved: its metadata is read again.
   */
  #onFailure({ reason, status }: TokenEndpointError): Effect.Effect<void> {
    // The host of an endpoint that has moved may serve something else now, with a certificate for another name.
    const isUnreachable = (reason === "Unavailable" || reason === "CannotSend") && status === undefined
    this.#unreachable = isUnreachable ? this.#unreachable + 1 : 0
    if (reason !== "InvalidResponse" && this.#unreachable < UNREACHABLE_BEFORE_DISCOVERY) return Effect.void
    this.#unreachable = 0
    return this.#options.discovery.forgetAuthorizationServer
  }
}

const isSameSecret = (a: Redacted.Redacted<string> | undefined, b: Redacted.Redacted<string> | undefined): boolean =>
  a !== undefined && b !== undefined && Redacted.value(a) === Redacted.value(b)

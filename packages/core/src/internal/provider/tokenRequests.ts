import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as AccessToken from "../../AccessToken.ts"
import * as AuthorizationServer from "../../AuthorizationServer.ts"
import type * as Discovery from "../../Discovery.ts"
import * as Grant from "../../Grant.ts"
import type { OAuthError, TokenEndpointError } from "../../OAuthError.ts"
import { type ResourceIdentifier, resourceParameter } from "../../ResourceIdentifier.ts"
import * as TokenEndpoint from "../../TokenEndpoint.ts"
import { releaseFrames } from "../errors/releaseFrames.ts"
import type { Demand } from "../lifecycle/demand.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"
import { isRefusedWith, type Options as RequestedScopesOptions, RequestedScopes, type Sent } from "./requestedScopes.ts"

/**
 * The options that all token requests of one provider share.
 *
 * @internal
 */
export interface Options extends
  Pick<
    TokenEndpoint.TokenRequest,
    | "acceptedTokenTypes"
    | "additionalParameters"
    | "clientAuthentication"
    | "defaultLifetime"
    | "grant"
    | "issuerNamedByServer"
    | "issuerUnnamed"
    | "limits"
  >
{
  readonly client: HttpClient.HttpClient
  readonly discovery: Discovery.Discovery
  readonly askChallenge: RequestedScopesOptions["askChallenge"]
  readonly server: ResourceIdentifier
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly permitted: RequestedScopesOptions["permitted"]
  readonly resourceParameter?: "send" | "omit" | { readonly value: string } | undefined
  readonly telemetry: Telemetry
}

type Request = Effect.Effect<AccessToken.AccessToken, OAuthError>

/** After this many requests in a row without any response, the token endpoint may have moved. */
const UNREACHABLE_BEFORE_DISCOVERY = 3

/**
 * Asks the authorization server for a token: discovery, then the refresh token (RFC 6749 §6) or the grant. One request
 * at a time.
 *
 * @internal
 */
export class TokenRequests {
  readonly #options: Options
  readonly #scopes: RequestedScopes
  /** The refresh token that the authorization server refused. Such a token is not presented again. */
  #refusedRefreshToken: Redacted.Redacted<string> | undefined
  /** How many requests in a row got no answer at all. */
  #unreachable = 0
  /** The number of consecutive 2xx responses without a token. */
  #foreign = 0

  constructor(options: Options) {
    this.#options = options
    this.#scopes = new RequestedScopes(options)
  }

  /** One token for a demand of the life cycle, which remembers an error for a while. */
  readonly obtain = (demand: Demand): Request =>
    Effect.flatMap(
      this.#discover(demand),
      (found) =>
        Effect.catchTag(this.#obtainFrom(found, demand), "TokenEndpointError", (error) =>
          !error.transient && isGone(error)
            ? this.#obtainElsewhere(found, demand, error)
            : Effect.fail(error))
    ).pipe(Effect.tapError((error) =>
      Effect.sync(() =>
        releaseFrames(error)
      )
    ))

  #obtainFrom(found: Discovery.Discovered, demand: Demand): Request {
    const refreshToken = this.#usableRefreshToken(demand, found.authorizationServer.issuer)
    return refreshToken === undefined ? this.#present(demand, found) : this.#refresh(refreshToken, demand, found)
  }

  /**
   * The metadata may be from yesterday, and of a job that makes one call no later call finds the new address. If the
   * metadata names another token endpoint by now, the request goes there, once.
   */
  #obtainElsewhere(found: Discovery.Discovered, demand: Demand, error: TokenEndpointError): Request {
    return this.#options.discovery.get.pipe(
      Effect.mapError(() => error),
      Effect.flatMap((again) =>
        again.authorizationServer.tokenEndpoint.href === found.authorizationServer.tokenEndpoint.href
          ? Effect.fail(error)
          : this.#obtainFrom(again, demand)
      )
    )
  }

  /** A server that rejected a token may have changed its authorization server, so its metadata is read again. */
  #discover(
    { boundIssuer, challenge, reason, rejected }: Demand
  ): Effect.Effect<Discovery.Discovered, Discovery.Failure> {
    const { discovery } = this.#options
    if (boundIssuer !== undefined) discovery.bind(boundIssuer)
    return reason === "Rejected" && rejected !== undefined
      ? discovery.reread(challenge, rejected.issuer)
      : discovery.get
  }

  /** Presents the grant, with the scopes that the demand and its sources say. */
  #present(demand: Demand, found: Discovery.Discovered): Request {
    return this.#scopes.request(demand, found, (scopes) => this.#send(this.#options.grant, demand, found, scopes))
  }

  #send(grant: Grant.Grant, { reason }: Demand, found: Discovery.Discovered, scopes: ReadonlyArray<string>): Sent {
    const { client, server, telemetry, ...options } = this.#options
    const { authorizationServer, protectedResource } = found
    const request = TokenEndpoint.request(client, {
      authorizationServer,
      grant,
      clientAuthentication: options.clientAuthentication,
      resource: server.resource,
      issuerUnnamed: options.issuerUnnamed,
      issuerNamedByServer: options.issuerNamedByServer,
      // The identifier as the server's own metadata writes it (RFC 9728 §2), if there is any.
      resourceParameter: resourceParameter(
        options.resourceParameter,
        protectedResource?.metadata.resource ?? server.resource
      ),
      scopes,
      additionalParameters: options.additionalParameters,
      acceptedTokenTypes: options.acceptedTokenTypes,
      // A proxy's page or an empty answer may be gone at the next attempt.
      // Stryker disable next-line UpdateOperator: the count is compared with 0 and with itself, whatever its direction
      onForeignAnswer: () => this.#foreign++ === 0 ? "Unavailable" : "InvalidResponse",
      defaultLifetime: options.defaultLifetime,
      limits: options.limits
    }).pipe(telemetry.request(grant.type, reason, authorizationServer))
    return Effect.suspend(() => {
      const foreign = this.#foreign
      return request.pipe(
        Effect.tap(() => Effect.sync(() => this.#unreachable = 0)),
        Effect.tapErrorTag("TokenEndpointError", (error) => this.#onFailure(error, this.#foreign !== foreign)),
        Effect.ensuring(Effect.sync(() => {
          if (this.#foreign === foreign) this.#foreign = 0
        }))
      )
    })
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
   * Presents the refresh token before the grant, whose assertion may no longer be available. The refresh asks for those
   * of the granted scopes that the caller permits (RFC 6749 §6). If the authorization server answers `invalid_grant` or
   * `invalid_scope`, the grant follows, once.
   */
  #refresh(refreshToken: Redacted.Redacted<string>, demand: Demand, found: Discovery.Discovered): Request {
    // Stryker disable next-line ArrayDeclaration: a refresh token always comes with the scopes of its token
    const scopes = this.#scopes.ofRefresh(demand.refreshTokenScopes ?? [])
    return this.#send(Grant.refreshToken(refreshToken), demand, found, scopes).pipe(
      Effect.map((token) => token.refreshToken === undefined ? AccessToken.copy(token, { refreshToken }) : token),
      Effect.catchIf(
        (error) => isRefusedWith(error, "invalid_grant", "invalid_scope"),
        () => {
          this.#refusedRefreshToken = refreshToken
          return this.#present(demand, found)
        }
      )
    )
  }

  /**
   * A token endpoint that cannot be reached, is not found, or gives no token response, may have moved: its metadata is
   * read again.
   */
  #onFailure(error: TokenEndpointError, isForeign: boolean): Effect.Effect<void> {
    const { reason, status } = error
    // After a token endpoint has moved, its old host may have a certificate for another name.
    const isUnreachable = (reason === "Unavailable" || reason === "CannotSend") && status === undefined
    this.#unreachable = isUnreachable ? this.#unreachable + 1 : 0
    const mayHaveMoved = isForeign || reason === "InvalidResponse" || isGone(error) ||
      this.#unreachable >= UNREACHABLE_BEFORE_DISCOVERY
    if (!mayHaveMoved) return Effect.void
    this.#unreachable = 0
    return this.#options.discovery.forgetAuthorizationServer
  }
}

/** Whether the answer shows that nothing is at the address of the token endpoint. */
const isGone = ({ status }: TokenEndpointError): boolean => status === 404 || status === 410

const isSameSecret = (a: Redacted.Redacted<string> | undefined, b: Redacted.Redacted<string> | undefined): boolean =>
  a !== undefined && b !== undefined && Redacted.value(a) === Redacted.value(b)

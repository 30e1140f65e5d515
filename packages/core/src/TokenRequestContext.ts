/**
 * The purpose of a token request. Grants and client authentications make their parameters from it.
 *
 * @since 0.1.0
 */
import type * as Redacted from "effect/Redacted"
import type { AssertionRequest, Audience } from "./Assertion.ts"
import { parse } from "./authoring/SecureEndpoint.ts"
import type { AuthorizationServer } from "./AuthorizationServer.ts"

/**
 * The purpose of a token request: its authorization server, its resource and its scopes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenRequestContext {
  /** The authorization server that receives the request. */
  readonly authorizationServer: AuthorizationServer
  /** The canonical identifier of the server that the token is for (RFC 8707 §2). */
  readonly resource: string
  /** The value of the `resource` parameter (RFC 8707 §2); `undefined` if the request has no such parameter. */
  readonly resourceParameter: string | undefined
  /** The scopes that are requested; empty if the request has no `scope` parameter. */
  readonly scopes: ReadonlyArray<string>
  /**
   * Whether the caller named no issuer, so that only the MCP server says which authorization server this is.
   *
   * @default false
   */
  readonly issuerUnnamed?: boolean | undefined
  /**
   * Whether the MCP server named this authorization server: the caller wrote `issuer: "discover"` or named no issuer.
   *
   * @default false
   */
  readonly issuerNamedByServer?: boolean | undefined
}

/**
 * Parameters of a form body. A secret value is `Redacted`.
 *
 * @since 0.1.0
 * @category models
 */
export type Parameters = Readonly<Record<string, string | Redacted.Redacted<string>>>

/**
 * Whether the token endpoint is on the origin of its issuer, or was given by the caller. Another one may belong to
 * another authorization server, which metadata could name (RFC 9700 §4.4).
 *
 * @internal
 */
export const isEndpointNamed = ({ isEndpointGiven, issuer, tokenEndpoint }: AuthorizationServer): boolean =>
  isEndpointGiven === true || parse(issuer)?.origin === tokenEndpoint.origin

/**
 * The request for the assertion of a token request.
 *
 * @param refused the assertions that were refused since the last request
 *
 * @internal
 */
export const assertionRequest = (
  { authorizationServer, issuerNamedByServer, issuerUnnamed, resource, resourceParameter, scopes }: TokenRequestContext,
  audience: Audience,
  refused: AssertionRequest["refused"]
): AssertionRequest => {
  // The text is sent as the authorization server writes it, because the server compares `aud` with that.
  const { issuer, metadata: { token_endpoint: tokenEndpoint } } = authorizationServer
  return {
    audience: audience === "issuer" ? issuer : audience === "token_endpoint" ? tokenEndpoint : audience.value,
    issuer,
    tokenEndpoint,
    resource,
    scopes,
    refused,
    ...(resourceParameter === undefined ? {} : { resourceParameter }),
    ...(issuerUnnamed === true ? { issuerUnnamed } : {}),
    ...(issuerNamedByServer === true ? { issuerNamedByServer } : {}),
    ...(isEndpointNamed(authorizationServer) ? {} : { endpointUnnamed: true })
  }
}

/**
 * @since 0.1.0
 */

/**
 * An access token and what is known of it.
 *
 * @since 0.1.0
 */
export * as AccessToken from "./AccessToken.ts"

/**
 * An assertion (RFC 7521): what a provider is asked for, and whether the assertion may be sent (RFC 7523 §3).
 *
 * @since 0.1.0
 */
export * as Assertion from "./Assertion.ts"

/**
 * The service that supplies the assertion by which a workload proves its identity (RFC 7521).
 *
 * @since 0.1.0
 */
export * as AssertionProvider from "./AssertionProvider.ts"

/**
 * The authorization server's metadata: RFC 8414, and OpenID Connect Discovery 1.0 §4 where only that is served.
 *
 * @since 0.1.0
 */
export * as AuthorizationServer from "./AuthorizationServer.ts"

/**
 * The `WWW-Authenticate` header of a 401 or 403, read as RFC 9110 §11.6.1 writes it.
 *
 * @since 0.1.0
 */
export * as Challenge from "./Challenge.ts"

/**
 * How a client proves its identity at the token endpoint (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
export * as ClientAuthentication from "./ClientAuthentication.ts"

/**
 * From a server's URL to its authorization server, found once and remembered for as long as it is fresh.
 *
 * @since 0.1.0
 */
export * as Discovery from "./Discovery.ts"

/**
 * What servers and authorization servers publish about themselves, read once for all providers that ask.
 *
 * @since 0.1.0
 */
export * as DiscoveryCache from "./DiscoveryCache.ts"

/**
 * What a client presents at the token endpoint to get a token (RFC 6749 §1.3).
 *
 * @since 0.1.0
 */
export * as Grant from "./Grant.ts"

/**
 * A JWT in the compact form (RFC 7519), read without verifying it: the authorization server verifies it.
 *
 * @since 0.1.0
 */
export * as Jwt from "./Jwt.ts"

/**
 * What can go wrong between a machine and its token. Each error names what was wrong, where, and what to do next; none
 * carries a secret.
 *
 * @since 0.1.0
 */
export * as OAuthError from "./OAuthError.ts"

/**
 * What happens in a token's life, for those who want to watch.
 *
 * @since 0.1.0
 */
export * as OAuthEvent from "./OAuthEvent.ts"

/**
 * A `fetch` whose requests to the MCP server carry a valid token: for the transports of the official MCP SDK and for
 * anything else that takes a `fetch`.
 *
 * @since 0.1.0
 */
export * as OAuthFetch from "./OAuthFetch.ts"

/**
 * An `HttpClient` whose requests to the MCP server carry a valid token.
 *
 * @since 0.1.0
 */
export * as OAuthHttpClient from "./OAuthHttpClient.ts"

/**
 * What providers count and measure, named and with units as OpenTelemetry's conventions have it. Whatever reads
 * Effect's metrics, such as `@effect/opentelemetry`, exports them.
 *
 * Their attributes have few values, and neither names nor URLs among them:
 *
 * - `oauth.grant.type`: the `grant_type` that was sent (RFC 6749 §4).
 * - `oauth.reason`: why a token was asked for: `first`, `scheduled`, `expired`, `rejected` or `step_up`.
 * - `oauth.outcome`: `success`, `failure` or `interrupted`.
 * - `error.type`: of a failure: the OAuth error code if a specification names it, else the HTTP status, else the error's
 *   tag and reason, as in `DiscoveryError.NotFound`; `_OTHER` for the rest.
 * - `oauth.token.source`: where the token came from: `authorization_server` or `storage`.
 * - `unit`: where Effect's exporters look for the unit.
 *
 * To tell providers apart, make each within `Effect.tagMetrics`: its metrics have those labels too.
 *
 * @since 0.1.0
 */
export * as OAuthMetric from "./OAuthMetric.ts"

/**
 * One MCP server and one identity: the service from which everything else gets its token.
 *
 * @since 0.1.0
 */
export * as OAuthProvider from "./OAuthProvider.ts"

/**
 * Many servers and identities in one program, as an agent platform or a gateway has them: a provider for each key, made
 * on first use and let go when it is idle.
 *
 * @since 0.1.0
 */
export * as OAuthProviders from "./OAuthProviders.ts"

/**
 * The protected MCP server: its identifier (RFC 8707 §2), and the metadata that it publishes about itself (RFC 9728).
 *
 * @since 0.1.0
 */
export * as ProtectedResource from "./ProtectedResource.ts"

/**
 * When a token is renewed, and how long anybody waits for that.
 *
 * @since 0.1.0
 */
export * as RefreshPolicy from "./RefreshPolicy.ts"

/**
 * A JWT assertion that this process makes and signs (RFC 7521 §5, RFC 7523 §3).
 *
 * @since 0.1.0
 */
export * as SignedAssertion from "./SignedAssertion.ts"

/**
 * The kinds of private keys that sign assertions, and what each JWS algorithm needs (RFC 7518 §3, RFC 8037 §3.1).
 *
 * @since 0.1.0
 */
export * as SigningKey from "./SigningKey.ts"

/**
 * The token endpoint: one request (RFC 6749 §3.2) and one decoded answer (RFC 6749 §5).
 *
 * @since 0.1.0
 */
export * as TokenEndpoint from "./TokenEndpoint.ts"

/**
 * What a storage that leaves the process keeps of a token: one line of text, with a version, encrypted or not; and what a
 * place for such records has to be able to do.
 *
 * @since 0.1.0
 */
export * as TokenRecord from "./TokenRecord.ts"

/**
 * What a token request is for. Grants and client authentications make their parameters from it.
 *
 * @since 0.1.0
 */
export * as TokenRequestContext from "./TokenRequestContext.ts"

/**
 * What a token endpoint must answer with status 200 (RFC 6749 §5.1).
 *
 * @since 0.1.0
 */
export * as TokenResponse from "./TokenResponse.ts"

/**
 * Where tokens are kept between callers, providers and, with other storages than `layerMemory`, processes.
 *
 * @since 0.1.0
 */
export * as TokenStorage from "./TokenStorage.ts"

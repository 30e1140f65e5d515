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
 * Where the assertion comes from by which a workload says who it is (RFC 7521).
 *
 * @since 0.1.0
 */
export * as AssertionProvider from "./AssertionProvider.ts"

/**
 * An authorization server and its metadata (RFC 8414; OpenID Connect Discovery 1.0 §4 where a server has only that).
 *
 * @since 0.1.0
 */
export * as AuthorizationServer from "./AuthorizationServer.ts"

/**
 * A metadata document in memory, and how long it is fresh (RFC 9111 §4.2).
 *
 * @since 0.1.0
 */
export * as CachedDocument from "./CachedDocument.ts"

/**
 * The challenges in the `WWW-Authenticate` header of a 401 or 403 (RFC 9110 §11.6.1).
 *
 * @since 0.1.0
 */
export * as Challenge from "./Challenge.ts"

/**
 * How a client proves at the token endpoint who it is (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
export * as ClientAuthentication from "./ClientAuthentication.ts"

/**
 * From a server's URL to its authorization server. The result is found once, and remembered for as long as its
 * documents are fresh.
 *
 * @since 0.1.0
 */
export * as Discovery from "./Discovery.ts"

/**
 * Metadata that servers and authorization servers publish, read once for all providers that ask.
 *
 * @since 0.1.0
 */
export * as DiscoveryCache from "./DiscoveryCache.ts"

/**
 * What is presented at the token endpoint in return for a token (RFC 6749 §1.3).
 *
 * @since 0.1.0
 */
export * as Grant from "./Grant.ts"

/**
 * The errors of acquiring a token. The message of each error says what went wrong, where, and what to do next. No error
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
 * A `fetch` whose requests to the MCP server carry a valid token, for the transports of the official MCP SDK and for
 * any other code that takes a `fetch`.
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
 * One MCP server and one identity: the service that supplies the access token.
 *
 * @since 0.1.0
 */
export * as OAuthProvider from "./OAuthProvider.ts"

/**
 * Many servers and identities in one program, as an agent platform or a gateway has them. Each key has a provider,
 * which is made on first use and closed when it has been idle.
 *
 * @since 0.1.0
 */
export * as OAuthProviders from "./OAuthProviders.ts"

/**
 * A protected MCP server and the metadata that it publishes about itself (RFC 9728).
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
 * The resource identifier of an MCP server (RFC 8707 §2; MCP authorization, "Canonical Server URI"): the server's URL
 * in canonical form, and what the `resource` parameter of a token request says.
 *
 * @since 0.1.0
 */
export * as ResourceIdentifier from "./ResourceIdentifier.ts"

/**
 * Which scopes a token request asks for. RFC 6749 §3.3 leaves the choice to the client; MCP authorization, "Scope
 * Selection Strategy", puts the sources in order.
 *
 * @since 0.1.0
 */
export * as ScopeSelection from "./ScopeSelection.ts"

/**
 * A JWT assertion that this process makes and signs (RFC 7521 §5, RFC 7523 §3).
 *
 * @since 0.1.0
 */
export * as SignedAssertion from "./SignedAssertion.ts"

/**
 * The token endpoint: one request (RFC 6749 §3.2), one decoded answer (§5).
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
 * What a token request is for, which grants and proofs are made from.
 *
 * @since 0.1.0
 */
export * as TokenRequestContext from "./TokenRequestContext.ts"

/**
 * Where tokens are kept between callers, providers and, with other storages than `layerMemory`, processes.
 *
 * @since 0.1.0
 */
export * as TokenStorage from "./TokenStorage.ts"

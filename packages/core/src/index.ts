/**
 * @since 0.1.0
 */

/**
 * An access token and the facts about it from its token response.
 *
 * @since 0.1.0
 */
export * as AccessToken from "./AccessToken.ts"

/**
 * An assertion (RFC 7521): the request for one, and the check whether it may be sent (RFC 7523 §3).
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
 * An authorization server and its metadata (RFC 8414; OpenID Connect Discovery 1.0 §4 if a server has only that
 * document).
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
 * How a client proves its identity at the token endpoint (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
export * as ClientAuthentication from "./ClientAuthentication.ts"

/**
 * Finds the authorization server of an MCP server. The result is found once, and remembered for as long as its
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
 * The record of a discovery in a storage: the issuer that was chosen, and the two metadata documents for as long as
 * they are fresh. With this record, a process that starts again sends its token request immediately, and for 30 days a
 * server cannot name another authorization server unnoticed while no process runs.
 *
 * @since 0.1.0
 */
export * as DiscoveryRecord from "./DiscoveryRecord.ts"

/**
 * The grants that a client presents at the token endpoint to get a token (RFC 6749 §1.3).
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
 * Tokens in a `KeyValueStore` of Effect, for one process: neither the lease nor the order of writes reaches other
 * processes. Processes of one machine share `FileTokenStorage` instead.
 *
 * A `KeyValueStore` cannot list its keys, so the tokens of clients that no longer run stay in it. Give the store a
 * prefix (`KeyValueStore.prefix`) if it holds other things as well.
 *
 * @since 0.1.0
 */
export * as KeyValueTokenStorage from "./KeyValueTokenStorage.ts"

/**
 * The MCP extensions for clients without a user present, as an MCP client declares them to the server: the entries of
 * `capabilities.extensions` (MCP, "Extension Negotiation"). An `OAuthProvider` sends no MCP messages, so the MCP client
 * declares the extension.
 *
 * @since 0.1.0
 */
export * as McpExtension from "./McpExtension.ts"

/**
 * The search for a metadata document at several addresses, one after the other. An address without a usable document
 * does not end the search.
 *
 * @since 0.1.0
 */
export * as MetadataSearch from "./MetadataSearch.ts"

/**
 * The errors of acquiring a token. The message of each error says what went wrong, where, and what to do next. No error
 * carries a secret: a secret that a server repeats is removed from its text, in every usual encoding.
 *
 * @since 0.1.0
 */
export * as OAuthError from "./OAuthError.ts"

/**
 * The events of a token's life, for programs that watch a provider.
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
 * The metrics of all providers. Names and units follow the conventions of OpenTelemetry. Everything that reads Effect's
 * metrics exports them, such as `@effect/opentelemetry`.
 *
 * Each attribute has few values. No value is a name or a URL:
 *
 * - `oauth.grant.type`: the `grant_type` of the token request (RFC 6749 §4).
 * - `oauth.reason`: why the provider asked for a token: `first`, `scheduled`, `expired`, `rejected` or `step_up`.
 * - `oauth.outcome`: `success`, `failure` or `interrupted`.
 * - `error.type`, for failures only: the OAuth error code if a specification names it, else the HTTP status, else the
 *   tag and reason of the error, as in `DiscoveryError.NotFound`. `_OTHER` stands for all other codes.
 * - `oauth.token.source`: where the token came from, `authorization_server` or `storage`.
 * - `unit`: the unit, where Effect's exporters look for it.
 *
 * To tell providers apart, build each provider inside `Effect.tagMetrics`. Its metrics have those labels too.
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
 * The encryption of tokens and discovery records in storages outside the process. The stored form is one line of text
 * with a version, encrypted and authenticated (AES-256-GCM), or in plaintext for storages whose name says so.
 *
 * @since 0.1.0
 */
export * as RecordEncryption from "./RecordEncryption.ts"

/**
 * A storage outside of the process, from a place for lines of text: for tables, buckets and other places of your own.
 *
 * @since 0.1.0
 */
export * as RecordTokenStorage from "./RecordTokenStorage.ts"

/**
 * When a provider renews its token, how long callers wait for a token, and how failed attempts are repeated.
 *
 * @since 0.1.0
 */
export * as RefreshPolicy from "./RefreshPolicy.ts"

/**
 * The resource identifier of an MCP server (RFC 8707 §2; MCP authorization, "Canonical Server URI"): the server's URL
 * in canonical form, and the value of the `resource` parameter of a token request.
 *
 * @since 0.1.0
 */
export * as ResourceIdentifier from "./ResourceIdentifier.ts"

/**
 * The choice of the scopes that a token request asks for. RFC 6749 §3.3 leaves it to the client; MCP authorization,
 * "Scope Selection Strategy", puts the sources in order.
 *
 * @since 0.1.0
 */
export * as ScopeSelection from "./ScopeSelection.ts"

/**
 * Secrets that change while the program runs, for the options `clientSecret` and `signingKey`.
 *
 * @since 0.1.0
 */
export * as Secret from "./Secret.ts"

/**
 * A JWT assertion that this process makes and signs (RFC 7521 §5, RFC 7523 §3).
 *
 * @since 0.1.0
 */
export * as SignedAssertion from "./SignedAssertion.ts"

/**
 * The kinds of private keys that sign assertions, and the parameters of each JWS algorithm (RFC 7518 §3, RFC 8037
 * §3.1).
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
 * The key under which a `TokenStorage` stores a token: everything that makes two token requests ask for the same token.
 *
 * @since 0.1.0
 */
export * as TokenKey from "./TokenKey.ts"

/**
 * The purpose of a token request. Grants and client authentications make their parameters from it.
 *
 * @since 0.1.0
 */
export * as TokenRequestContext from "./TokenRequestContext.ts"

/**
 * The successful response of a token endpoint (RFC 6749 §5.1).
 *
 * @since 0.1.0
 */
export * as TokenResponse from "./TokenResponse.ts"

/**
 * The storage of tokens, which callers and providers share. Processes share tokens in the storages of
 * `@effect-mcp-auth/storage-file` (one machine) and `@effect-mcp-auth/storage-redis` (a fleet).
 *
 * @since 0.1.0
 */
export * as TokenStorage from "./TokenStorage.ts"

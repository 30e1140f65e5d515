/**
 * One MCP server and one identity: the service that supplies the access token.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.ts"
import * as InsecureHosts from "./authoring/InsecureHosts.ts"
import * as OwnOptions from "./authoring/OwnOptions.ts"
import { nameOf } from "./authoring/SecureEndpoint.ts"
import type { Challenge } from "./Challenge.ts"
import type { ClientAuthentication } from "./ClientAuthentication.ts"
import type * as Discovery from "./Discovery.ts"
import * as DiscoveryCache from "./DiscoveryCache.ts"
import type { Grant } from "./Grant.ts"
import { PermittedScopes } from "./internal/lifecycle/permittedScopes.ts"
import { StorageGuard } from "./internal/lifecycle/storageGuard.ts"
import * as TokenLifecycle from "./internal/lifecycle/tokenLifecycle.ts"
import { checkedPolicy, checkOptions, givenAuthorizationServer } from "./internal/provider/checkedOptions.ts"
import { checkedDiscovery } from "./internal/provider/checkedDiscovery.ts"
import { discoveryOf } from "./internal/provider/providerDiscovery.ts"
import { keyOf } from "./internal/provider/tokenKeyOf.ts"
import { TokenRequests } from "./internal/provider/tokenRequests.ts"
import { EventHub } from "./internal/telemetry/eventHub.ts"
import * as Telemetry from "./internal/telemetry/telemetry.ts"
import type { InsecureEndpoint, InvalidOptions, OAuthError } from "./OAuthError.ts"
import * as OAuthEvent from "./OAuthEvent.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import * as ResourceIdentifier from "./ResourceIdentifier.ts"
import type { StepUp } from "./ScopeSelection.ts"
import * as TokenEndpoint from "./TokenEndpoint.ts"
import { TokenStorage } from "./TokenStorage.ts"

/**
 * The tokens for one MCP server and one identity. Each kind of provider (`ClientSecret`, `PrivateKeyJwt`, `JwtBearer`)
 * has a Layer of this service, which `OAuthHttpClient` and `OAuthFetch` use.
 *
 * @since 0.1.0
 * @category tags
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Effect, Layer, Redacted, Stream } from "effect"
 *
 * const Auth = ClientSecret.layer({
 *   serverUrl: "https://mcp.example.com/mcp",
 *   issuer: "https://auth.example.com",
 *   clientId: "nightly-report",
 *   clientSecret: Redacted.make("...")
 * }).pipe(Layer.provide([TokenStorage.layerMemory, FetchHttpClient.layer]))
 *
 * const program = Effect.gen(function*() {
 *   const provider = yield* OAuthProvider.OAuthProvider
 *   yield* Effect.forkScoped(Stream.runForEach(provider.events, (event) => Effect.log(event._tag)))
 *   const token = yield* provider.accessToken
 *   yield* Effect.log(`The token for ${provider.resource} has the scopes ${token.scopes.join(" ")}`)
 * }).pipe(Effect.scoped, Effect.provide(Auth))
 * ```
 */
export class OAuthProvider
  extends Context.Tag("@effect-mcp-auth/core/OAuthProvider")<OAuthProvider, OAuthProvider.Service>()
{}

/**
 * @since 0.1.0
 */
export declare namespace OAuthProvider {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** The server's canonical identifier (RFC 8707 §2). Only requests to its origin carry the token. */
    readonly resource: string
    /**
     * A token that can be sent now. A fresh token comes from memory; otherwise callers share one acquisition, which
     * continues when a caller is interrupted.
     */
    readonly accessToken: Effect.Effect<AccessToken, OAuthError>
    /**
     * A token in place of one that the server answered with 401 or 403, as its challenge demands. If the rejected token
     * was replaced meanwhile, the result is the replacement. If another request cannot help, the result is the rejected
     * token itself.
     */
    readonly renew: (rejected: AccessToken, challenge?: Challenge) => Effect.Effect<AccessToken, OAuthError>
    /** Events from the moment of subscription on. A slow reader loses the oldest events. */
    readonly events: Stream.Stream<OAuthEvent.OAuthEvent>
    /** The token in memory if it can be sent as it is, else `undefined`. For callers that have no fiber. */
    readonly unsafeFresh: () => AccessToken | undefined
    /** Reports that the server also rejected the request that was sent again with a token of `renew`. */
    readonly unsafeRejected?: ((token: AccessToken) => void) | undefined
  }

  /**
   * The options that all kinds of providers share.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Options extends Discovery.CallerOptions, TokenEndpoint.LimitOptions {
    /** The URL of the MCP server. Only https, or http on a loopback host or one of `insecureHosts`. */
    readonly serverUrl: string | URL
    /**
     * The issuer identifier of the authorization server (RFC 8414 §2), as the authorization server writes it.
     * Credentials go only to `tokenEndpoint`, or else to the token endpoint in the metadata of this issuer.
     *
     * `"discover"` lets the MCP server name its authorization server (RFC 9728 §2), so whoever controls the MCP server
     * at the first token request can choose who receives the credentials. Name the issuer if the server could be taken
     * over, or if a client secret is used. The first choice is stored with the token and holds for 30 days after the
     * server last named it, in other processes too: a server that is taken over later gets `IssuerMismatch` and no
     * credential. A storage that is empty, or that keeps nothing beyond the process, does not know an earlier choice.
     */
    readonly issuer: "discover" | (string & {})
    /**
     * The scopes to ask for (RFC 6749 §3.3), one per entry. Without them the provider selects the scopes. If the
     * authorization server then answers `invalid_scope`, the provider asks the server for its challenge and sends one
     * further request, for the scopes of the challenge or for none.
     *
     * @default the scopes that the server's challenge names, else `scopes_supported` of its metadata, else none
     */
    readonly scopes?: ReadonlyArray<string> | undefined
    /**
     * The `resource` parameter of token requests (RFC 8707 §2). `"send"` sends the server's identifier as its metadata
     * writes it (RFC 9728 §2), or the canonical server URL if there is no metadata. `"omit"` leaves the parameter out,
     * for authorization servers that reject it (Entra v2). `{ value }` sends another value.
     *
     * @default "send"
     */
    readonly resourceParameter?: "send" | "omit" | { readonly value: string } | undefined
    /**
     * Further parameters of the token request, such as `audience` for Auth0. The protocol's own parameters cannot be
     * replaced: such a name fails with `InvalidOptions`.
     *
     * @default none
     */
    readonly additionalParameters?: Readonly<Record<string, string>> | undefined
    /**
     * Further values of `token_type` in token responses, compared without case, whose tokens are sent as bearer tokens:
     * some authorization servers write `BearerToken`. `Bearer` is always accepted. A type that needs a proof of
     * possession, such as `DPoP`, is `InvalidOptions`, because no proof would be sent.
     *
     * @default none, so that only `Bearer` is accepted
     */
    readonly acceptedTokenTypes?: ReadonlyArray<string> | undefined
    /**
     * The authorization server's metadata (RFC 8414 §2), if it is known. No discovery request is made then.
     * @default read from the authorization server
     */
    readonly authorizationServerMetadata?: unknown
    /**
     * The token endpoint, if nothing else of the authorization server is known. No discovery request is made then.
     * Requires `issuer`.
     *
     * @default read from the authorization server's metadata
     */
    readonly tokenEndpoint?: string | undefined
    /**
     * Which scopes to ask for when the server answers 403 with `insufficient_scope` (RFC 6750 §3.1): `"any"` that the
     * server names, `{ allow: ["reports:write"] }` for these and those of `scopes`, or `false` for none. If a 403 needs
     * a scope that may not be asked for, no token is requested, the caller gets the 403, and a warning names the scope.
     *
     * With `scopes`, no token request asks for a scope beyond `scopes` and `allow`, so that a server that was taken over
     * gets no wider token (RFC 9700 §2.3). Without `scopes`, a 401 also names scopes, so `stepUp` alone is no bound.
     *
     * @default `{ allow: [] }` with `scopes`, else `"any"`
     */
    readonly stepUp?: StepUp | undefined
    /**
     * The reaction of `issuer: "discover"` when the server names another authorization server than before: `"refuse"`
     * fails with `IssuerMismatch` and sends no credential, `"follow"` sends the credentials to the new one. With
     * `"follow"`, a client secret is `InvalidOptions`, and only assertions whose one audience is their receiver are sent.
     *
     * @default "refuse"
     */
    readonly authorizationServerChange?: "refuse" | "follow" | undefined
    /**
     * When tokens are renewed, and how long callers wait. Fields that are left out have the defaults of
     * `RefreshPolicy`.
     *
     * @default RefreshPolicy.make()
     */
    readonly refreshPolicy?: Partial<RefreshPolicy.Options> | undefined
  }
}

/**
 * The token of the provider in the context, for programs that set the header themselves. See `Service.accessToken`.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { AccessToken, OAuthProvider } from "@effect-mcp-auth/core"
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const token = yield* OAuthProvider.accessToken
 *   return yield* HttpClient.get("https://mcp.example.com/reports/today", {
 *     headers: { authorization: AccessToken.authorization(token) }
 *   })
 * })
 * // program: Effect<HttpClientResponse, OAuthError | HttpClientError, OAuthProvider | HttpClient>
 * ```
 */
export const accessToken: Effect.Effect<AccessToken, OAuthError, OAuthProvider> = Effect.flatMap(
  OAuthProvider,
  (provider) => provider.accessToken
)

/**
 * The options of `make`: the options of the caller, and the additions of the kind of provider.
 *
 * @since 0.1.0
 * @category models
 */
export interface MakeOptions extends OAuthProvider.Options {
  /** The grant that the token request presents (RFC 6749 §1.3). */
  readonly grant: Grant
  /** How the client proves its identity to the token endpoint (RFC 6749 §2.3). */
  readonly clientAuthentication: ClientAuthentication
  /**
   * The subject that the grant speaks for, where that is not the client itself. Only providers of the same subject
   * share tokens through a storage.
   *
   * @default "" (the client itself)
   */
  readonly subject?: string | undefined
  /**
   * Whether `issuer` was left out: the caller neither named an issuer nor wrote `"discover"`.
   *
   * @default false
   */
  readonly issuerUnnamed?: boolean | undefined
}

/**
 * Makes a provider from a grant and a client authentication. The kinds of providers differ only in these two. The
 * provider lives as long as the scope.
 *
 * Wrong options fail here with `InvalidOptions` or `InsecureEndpoint`, before anything is sent. The `HttpClient` is the
 * plain one: it must neither follow redirects by a middleware nor add credentials of its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: MakeOptions
): Effect.Effect<
  OAuthProvider.Service,
  InvalidOptions | InsecureEndpoint,
  HttpClient.HttpClient | TokenStorage | Scope.Scope
> =>
  Effect.gen(function*() {
    const options = OwnOptions.read(given)
    const client = yield* HttpClient.HttpClient
    const storage = yield* TokenStorage
    const limits = yield* TokenEndpoint.limits(options)
    const server = yield* ResourceIdentifier.fromServerUrl(options.serverUrl, limits)
    yield* checkOptions(options, limits)
    const authorizationServer = yield* givenAuthorizationServer(options, limits)
    const policy = yield* checkedPolicy(options.refreshPolicy)
    const discoveryOptions = yield* checkedDiscovery(options, limits)
    yield* InsecureHosts.warn(limits.insecureHosts, server.url)
    const permitted = new PermittedScopes(options)
    const events = new EventHub<OAuthEvent.OAuthEvent>()
    yield* Effect.addFinalizer(() => events.shutdown())
    const resource = nameOf(server.url)
    const telemetry = yield* Telemetry.make({ resource, clientId: options.clientAuthentication.clientId, events })
    const cache = yield* DiscoveryCache.makeDefault
    const guard = new StorageGuard({
      storage,
      key: keyOf(options, server.resource, permitted),
      policy,
      clock: yield* Effect.clock,
      publish: telemetry.publish
    })
    const { remembered, ...found } = discoveryOf({
      ...discoveryOptions,
      cache,
      client,
      server,
      issuer: options.issuer,
      authorizationServer,
      mayFollow: options.authorizationServerChange === "follow",
      onChange: (from, to) => telemetry.publish(OAuthEvent.AuthorizationServerChanged({ from, to })),
      limits,
      guard,
      hasRecords: storage.discovery !== undefined,
      issuerUnnamed: options.issuerUnnamed
    })
    const requests = new TokenRequests({
      ...options,
      ...found,
      permitted,
      client,
      server,
      defaultLifetime: Duration.toMillis(policy.defaultLifetime),
      limits,
      telemetry
    })
    const lifecycle = yield* TokenLifecycle.make({
      storage: guard,
      remembered,
      policy,
      acquisitionLimit: RefreshPolicy.acquisitionLimit(policy, limits.timeout, discoveryOptions.timeout),
      resource,
      permitted,
      obtain: requests.obtain,
      telemetry
    })
    return { resource: server.resource, events: Stream.suspend(() => events.subscribe()), ...lifecycle }
  })

/**
 * Many servers and identities in one program, as an agent platform or a gateway has them. Each key has a provider,
 * which is made on first use and closed when it has been idle.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as DiscoveryCache from "./DiscoveryCache.ts"
import * as KeyedPool from "./internal/pool/keyedPool.ts"
import * as OAuthFetch from "./OAuthFetch.ts"
import * as OAuthHttpClient from "./OAuthHttpClient.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * One provider per key. Keys are compared by `Equal`: a `Data.struct` of server and tenant serves as well as a string.
 *
 * @since 0.1.0
 * @category models
 */
export interface OAuthProviders<K, out E = never> {
  /**
   * The key's provider, in use until the scope closes. A missing provider is made once for all callers, and a caller
   * that stops waiting does not stop the others. If the provider cannot be made, all waiting callers get the error, and
   * the next caller tries again.
   */
  readonly get: (key: K) => Effect.Effect<OAuthProvider.Service, E, Scope.Scope>
  /** The key's provider as a Layer, for programs that need an `OAuthProvider`. */
  readonly layer: (key: K) => Layer.Layer<OAuthProvider, E>
  /** The `HttpClient` of the context, authenticated by the key's provider (see `OAuthHttpClient`). */
  readonly httpClient: (key: K) => Effect.Effect<HttpClient.HttpClient, E, HttpClient.HttpClient | Scope.Scope>
  /** A `fetch`, authenticated by the key's provider (see `OAuthFetch`). */
  readonly fetch: (key: K) => Effect.Effect<typeof globalThis.fetch, E, Scope.Scope>
  /**
   * Call `invalidate` when the credentials or options of a key have changed: the next `get` makes a new provider. The
   * present one is closed once no caller uses it.
   */
  readonly invalidate: (key: K) => Effect.Effect<void>
  /** The keys that have a provider, in use or idle. */
  readonly keys: Effect.Effect<ReadonlyArray<K>>
}

/**
 * The options of `make`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<K, E, R> {
  /**
   * Makes the provider of a key, in the context of `make`, no matter which caller asks first. The scope is the
   * provider's own. A lookup that may hang needs a time limit of its own.
   */
  readonly lookup: (key: K) => Effect.Effect<OAuthProvider.Service, E, R>
  /**
   * How long an idle provider stays open.
   *
   * @default 10 minutes
   */
  readonly idleTimeToLive?: Duration.DurationInput | undefined
  /**
   * The number of providers above which idle ones are closed at once, those that have been idle for longest first.
   * Providers in use are never closed, so there may be more than this.
   *
   * @default unlimited
   */
  readonly capacity?: number | undefined
}

/**
 * A set of providers for as long as the scope lasts. When the scope ends all providers are closed, those in use too.
 *
 * Providers of the same server, and of the same authorization server, share its metadata (see `DiscoveryCache`). A
 * provider that is closed leaves its token in the `TokenStorage`, where its successor finds it.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { OAuthProviders, TokenStorage } from "@effect-mcp-auth/core"
 * import { Effect, Redacted } from "effect"
 *
 * class Tenants extends Effect.Service<Tenants>()("gateway/Tenants", {
 *   scoped: OAuthProviders.make({
 *     lookup: (tenant: string) =>
 *       ClientSecret.make({
 *         serverUrl: `https://mcp.example.com/${tenant}`,
 *         issuer: "https://auth.example.com",
 *         clientId: tenant,
 *         clientSecret: Redacted.make("...")
 *       }),
 *     idleTimeToLive: "15 minutes"
 *   }),
 *   dependencies: [TokenStorage.layerMemory]
 * }) {}
 *
 * const report = (tenant: string) =>
 *   Effect.gen(function*() {
 *     const tenants = yield* Tenants
 *     const client = yield* tenants.httpClient(tenant)
 *     return yield* client.get(`https://mcp.example.com/${tenant}/report`)
 *   }).pipe(Effect.scoped)
 * ```
 */
export const make = <K, E, R>(
  options: Options<K, E, R>
): Effect.Effect<OAuthProviders<K, E>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const cache = yield* DiscoveryCache.makeDefault
    const pool = yield* KeyedPool.make<K, OAuthProvider.Service, E, R>({
      lookup: options.lookup,
      idleTimeToLive: Duration.toMillis(options.idleTimeToLive ?? "10 minutes"),
      capacity: options.capacity ?? Number.POSITIVE_INFINITY,
      onClosed
    }).pipe(Effect.provideService(DiscoveryCache.DiscoveryCache, cache))

    const withProvider = <A, R>(effect: Effect.Effect<A, never, R | OAuthProvider>, key: K) =>
      Effect.flatMap(pool.get(key), (provider) => Effect.provideService(effect, OAuthProvider, provider))

    return {
      get: pool.get,
      layer: (key) => Layer.scoped(OAuthProvider, pool.get(key)),
      httpClient: (key) => withProvider(OAuthHttpClient.make, key),
      fetch: (key) => withProvider(OAuthFetch.make, key),
      invalidate: pool.invalidate,
      keys: pool.keys
    }
  })

const onClosed = Effect.suspend(() =>
  Effect.die(
    new Error(
      "These OAuthProviders are closed: their scope has ended. Keep the scope open for as long as they are used."
    )
  )
)

/**
 * Metadata that servers and authorization servers publish, read once for all providers that ask.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Limits } from "./authoring/HttpExchange.ts"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import type { CachedDocument } from "./CachedDocument.ts"
import { sizeOf } from "./DiscoveryRecord.ts"
import * as ServerAnswer from "./Discovery/ServerAnswer.ts"
import type { Bounds } from "./internal/http/metadataDocument.ts"
import * as SharedDocuments from "./internal/http/sharedDocuments.ts"
import type * as MetadataSearch from "./MetadataSearch.ts"
import type { DiscoveryError, InsecureEndpoint, IssuerMismatch, ResourceMismatch } from "./OAuthError.ts"
import * as ProtectedResource from "./ProtectedResource.ts"
import type { ResourceIdentifier } from "./ResourceIdentifier.ts"

/**
 * The cache in which providers look up metadata. A provider without this service has a cache of its own. Providers with
 * one cache share the metadata of the servers and authorization servers that they have in common: the metadata is read
 * once for any number of providers.
 *
 * Only results that are the same for every provider are shared: those that were read through the same `HttpClient`
 * (with the same `fetch` and `RequestInit`, if any), with the same options of discovery and within the same limits, and
 * that have passed every check that
 * does not depend on the provider. Whether a server may name an issuer is checked for each provider.
 *
 * @since 0.1.0
 * @category tags
 */
export class DiscoveryCache
  extends Context.Tag("@effect-mcp-auth/core/DiscoveryCache")<DiscoveryCache, DiscoveryCache.Service>()
{}

/**
 * @since 0.1.0
 */
export declare namespace DiscoveryCache {
  /**
   * Each function returns the document in memory, or the result of the one reading in flight. To replace a document, a
   * provider passes it as `known`: the document is read again, unless another provider has replaced it already. Neither
   * failures nor the absence of metadata are remembered.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * The server's metadata, or what each of the places answered. Metadata whose address a challenge names is not
     * remembered for others.
     */
    readonly protectedResource: (
      reader: Reader & {
        readonly server: ResourceIdentifier
        readonly places: ReadonlyArray<ProtectedResource.Place>
        readonly match: ProtectedResource.ResourceMatch
        /** Whether an address before these places could not be read. */
        readonly isAfterOutage: boolean
      },
      known?: CachedDocument<ResourceResult>
    ) => Effect.Effect<CachedDocument<ResourceResult>>
    /** The server's answer to a request without a token. Answers are not cached. */
    readonly serverAnswer: (
      reader: Reader & { readonly server: { readonly url: URL } }
    ) => Effect.Effect<ServerAnswer.ServerAnswer>
    /** The authorization server of an issuer (see `AuthorizationServer.discover`). */
    readonly authorizationServer: (
      reader: Reader & {
        readonly issuer: string
        readonly namedBy: URL | undefined
        /** The address of the metadata, if it is not a well-known one. */
        readonly metadataUrl: URL | undefined
      },
      known?: CachedDocument<AuthorizationServer.AuthorizationServer>
    ) => Effect.Effect<
      CachedDocument<AuthorizationServer.AuthorizationServer>,
      DiscoveryError | IssuerMismatch | InsecureEndpoint
    >
  }

  /**
   * The client and the limits with which a provider reads documents.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Reader {
    /** The plain client: it must not follow redirects by itself. */
    readonly client: HttpClient.HttpClient
    /** The limits of each request. */
    readonly limits: Limits
    /**
     * The time limit of the whole discovery, and its end in milliseconds since the epoch.
     *
     * @default none
     */
    readonly deadline?: { readonly limit: Duration.Duration; readonly until: number } | undefined
  }

  /**
   * The result of a search for the metadata of a server.
   *
   * @since 0.1.0
   * @category models
   */
  export type ResourceResult = MetadataSearch.SearchResult<ProtectedResource.ProtectedResource, ResourceMismatch>

  /**
   * How long documents are fresh, and how many documents and bytes are cached. A document is fresh for as long as its
   * response says (RFC 9111: `Cache-Control`, `Expires`, `Age`), within these bounds.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * The shortest time for which a document is fresh, even if its response says less or `no-store`.
     *
     * @default 5 minutes
     */
    readonly minLifetime?: Duration.DurationInput | undefined
    /**
     * The longest time for which a document is fresh, even if its response says more.
     *
     * @default 24 hours
     */
    readonly maxLifetime?: Duration.DurationInput | undefined
    /**
     * How long a document is fresh if its response does not say.
     *
     * @default 12 hours
     */
    readonly defaultLifetime?: Duration.DurationInput | undefined
    /**
     * The largest number of documents of each kind that are cached.
     *
     * @default 10_000
     */
    readonly capacity?: number | undefined
    /**
     * The largest size of all cached documents of each kind together, in bytes of JSON. The fields that are kept of one
     * document have at most 112 KiB.
     *
     * @default 67_108_864 (64 MiB)
     */
    readonly maxSize?: number | undefined
  }
}

/**
 * A cache for as long as the scope lasts. The fibers that read documents end with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: DiscoveryCache.Options = {}
): Effect.Effect<DiscoveryCache.Service, never, Scope.Scope> =>
  Effect.gen(function*() {
    const min = Duration.toMillis(options.minLifetime ?? "5 minutes")
    const max = Math.max(min, Duration.toMillis(options.maxLifetime ?? "24 hours"))
    const standard = Duration.toMillis(options.defaultLifetime ?? "12 hours")
    const freshFor = (lifetime: number | undefined) => Math.min(Math.max(min, lifetime ?? standard), max)
    const { capacity = 10_000, maxSize = 64 * 1024 * 1024 } = options
    const share = <A, E>(isCached: (value: A) => boolean) =>
      SharedDocuments.make<A, E>({ freshFor, isCached, capacity, maxSize, sizeOf })
    const authorizationServers = yield* share<
      AuthorizationServer.AuthorizationServer,
      DiscoveryError | IssuerMismatch | InsecureEndpoint
    >(() => true)
    const protectedResources = yield* share<DiscoveryCache.ResourceResult, never>(Either.isRight)
    // A server may answer each request with another challenge. None of them is cached, and no document that they name.
    const challenged = yield* share<DiscoveryCache.ResourceResult, never>(() => false)
    const answers = yield* share<ServerAnswer.ServerAnswer, never>(() => false)

    const identify = makeIdentify()
    /** The name of a document: the same for readers that read it through the same client and within the same limits. */
    const nameOf = (
      document: ReadonlyArray<unknown>,
      { client, deadline, limits }: DiscoveryCache.Reader
    ): Effect.Effect<string> =>
      Effect.map(Effect.context<never>(), (context) =>
        JSON.stringify([
          document,
          identify(client),
          identify(Option.getOrUndefined(Context.getOption(context, FetchHttpClient.Fetch))),
          identify(Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit))),
          Duration.toMillis(limits.timeout),
          limits.maxBodySize,
          [...limits.insecureHosts ?? []].toSorted(),
          deadline === undefined ? null : Duration.toMillis(deadline.limit)
        ]))

    return {
      protectedResource: (reader, known) => {
        const { client, isAfterOutage, match, places, server } = reader
        const read = ProtectedResource.read(client, { server, places, match, bounds: boundsOf(reader), isAfterOutage })
        const cache = places.some(({ source }) => source === "challenge") ? challenged : protectedResources
        const document = [server.resource, places.map(({ source, url }) => [source, url.href]), match, isAfterOutage]
        return Effect.flatMap(nameOf(document, reader), (name) => cache.get(name, read, known))
      },
      serverAnswer: (reader) => {
        const read = Effect.map(
          ServerAnswer.ask(reader.client, reader.server.url, boundsOf(reader)),
          (value) => ({ value, lifetime: undefined })
        )
        return Effect.flatMap(nameOf([reader.server.url.href], reader), (name) => answers.get(name, read)).pipe(
          Effect.map(({ value }) => value)
        )
      },
      authorizationServer: (reader, known) => {
        const { client, issuer, metadataUrl, namedBy } = reader
        const read = AuthorizationServer.read(client, { issuer, metadataUrl, bounds: boundsOf(reader) })
        return AuthorizationServer.checkIssuer(issuer, namedBy, reader.limits).pipe(
          Effect.zipRight(nameOf([issuer, metadataUrl?.href ?? null], reader)),
          Effect.flatMap((name) => authorizationServers.get(name, read, known))
        )
      }
    }
  })

const boundsOf = ({ deadline, limits }: DiscoveryCache.Reader): Bounds => ({ ...limits, until: deadline?.until })

/** A number for each object, in the order of their first use; 0 for `undefined`. */
const makeIdentify = (): (value: object | undefined) => number => {
  const numbers = new WeakMap<object, number>()
  let last = 0
  return (value) => {
    if (value === undefined) return 0
    const number = numbers.get(value) ?? ++last
    numbers.set(value, number)
    return number
  }
}

/**
 * The cache of the context, or a new one for as long as the scope lasts if the context has none.
 *
 * @internal
 */
export const makeDefault: Effect.Effect<DiscoveryCache.Service, never, Scope.Scope> = Effect.flatMap(
  Effect.serviceOption(DiscoveryCache),
  Option.match({ onNone: () => make(), onSome: Effect.succeed })
)

/**
 * A Layer of one cache that the providers of several Layers share. `OAuthProviders` has a cache of its own.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { DiscoveryCache, TokenStorage } from "@effect-mcp-auth/core"
 * import { Config, Layer } from "effect"
 *
 * const Auth = ClientSecret.layerConfig({
 *   serverUrl: Config.string("MCP_SERVER_URL"),
 *   issuer: Config.string("MCP_ISSUER"),
 *   clientId: Config.string("MCP_CLIENT_ID"),
 *   clientSecret: Config.redacted("MCP_CLIENT_SECRET")
 * }).pipe(Layer.provide([DiscoveryCache.layer({ defaultLifetime: "1 hour" }), TokenStorage.layerMemory]))
 * ```
 */
export const layer = (options?: DiscoveryCache.Options): Layer.Layer<DiscoveryCache> =>
  Layer.scoped(DiscoveryCache, make(options))

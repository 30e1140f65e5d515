/**
 * What servers and authorization servers publish about themselves, read once for all providers that ask.
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
import * as AuthorizationServer from "./AuthorizationServer.ts"
import * as Challenge from "./Challenge.ts"
import type { Limits } from "./authoring/HttpExchange.ts"
import * as SharedDocuments from "./internal/http/sharedDocuments.ts"
import type { DiscoveryError, InsecureEndpoint, IssuerMismatch, ResourceMismatch } from "./OAuthError.ts"
import * as ProtectedResource from "./ProtectedResource.ts"
import type { ResourceIdentifier } from "./ResourceIdentifier.ts"

/**
 * Where providers look for metadata. A provider needs none: without one it reads for itself. Providers that are made
 * with one share the metadata of the authorization server, and of the server, that they have in common, and however
 * many ask at once, it is read once.
 *
 * Shared is what is the same for everybody: what was read through the same `HttpClient` (with the same `fetch` and
 * `RequestInit`, if any) and within the same limits, and has passed every check that does not depend on who asks. Who
 * may name which issuer is checked for each provider.
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
   * A document comes from memory, or from the one reading of it that is under way. With `known`, a document that the
   * provider has and wants to have replaced, it is read again, unless another provider has replaced it already. Failures
   * are not kept, nor is that a server publishes nothing.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** `ProtectedResource.discover`. What was found where a challenge says is not kept for others. */
    readonly protectedResource: (
      reader: Reader & {
        readonly server: ResourceIdentifier
        readonly challenge: Challenge.Challenge | undefined
      },
      known?: Document<Either.Either<ProtectedResource.ProtectedResource, ReadonlyArray<string>>>
    ) => Effect.Effect<
      Document<Either.Either<ProtectedResource.ProtectedResource, ReadonlyArray<string>>>,
      DiscoveryError | ResourceMismatch
    >
    /** `ProtectedResource.probe`. The challenge is not kept. */
    readonly challenge: (
      reader: Reader & { readonly server: { readonly url: URL } }
    ) => Effect.Effect<Challenge.Challenge | undefined, DiscoveryError>
    /** `AuthorizationServer.discover`. */
    readonly authorizationServer: (
      reader: Reader & { readonly issuer: string; readonly namedBy: URL | undefined },
      known?: Document<AuthorizationServer.AuthorizationServer>
    ) => Effect.Effect<
      Document<AuthorizationServer.AuthorizationServer>,
      DiscoveryError | IssuerMismatch | InsecureEndpoint
    >
  }

  /**
   * By what a provider reads.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Reader {
    readonly client: HttpClient.HttpClient
    readonly limits: Limits
  }

  /**
   * What was read, when, and until when it need not be read again, in epoch milliseconds.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Document<A> extends SharedDocuments.Document<A> {}

  /**
   * For how long a document is fresh: as long as its answer says (RFC 9111: `Cache-Control`, `Expires`, `Age`), within
   * bounds.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /** Even if the answer says less, or `no-store`. 5 minutes by default. */
    readonly minLifetime?: Duration.DurationInput | undefined
    /** Even if the answer says more. 24 hours by default. */
    readonly maxLifetime?: Duration.DurationInput | undefined
    /** If the answer says nothing. 12 hours by default. */
    readonly defaultLifetime?: Duration.DurationInput | undefined
    /** How many documents of each kind are kept. 10,000 by default. */
    readonly capacity?: number | undefined
  }
}

/**
 * A cache for as long as the scope lasts; so do the fibers that read.
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
    const capacity = options.capacity ?? 10_000

    const authorizationServers = yield* SharedDocuments.make<
      AuthorizationServer.AuthorizationServer,
      DiscoveryError | IssuerMismatch | InsecureEndpoint
    >({ freshFor, capacity, isKept: () => true })
    const protectedResources = yield* SharedDocuments.make<
      Either.Either<ProtectedResource.ProtectedResource, ReadonlyArray<string>>,
      DiscoveryError | ResourceMismatch
    >({ freshFor, capacity, isKept: Either.isRight })
    // Of what a server says to one request there may be any number of kinds: none of it is kept.
    const challenged = yield* SharedDocuments.make<
      Either.Either<ProtectedResource.ProtectedResource, ReadonlyArray<string>>,
      DiscoveryError | ResourceMismatch
    >({ freshFor, capacity, isKept: () => false })
    const challenges = yield* SharedDocuments.make<Challenge.Challenge | undefined, DiscoveryError>({
      freshFor,
      capacity,
      isKept: () => false
    })

    const identify = makeIdentify()
    /** Readers by the same means of the same document have the same name for it. */
    const nameOf = (document: string, { client, limits }: DiscoveryCache.Reader): Effect.Effect<string> =>
      Effect.map(Effect.context<never>(), (context) =>
        JSON.stringify([
          document,
          identify(client),
          identify(Option.getOrUndefined(Context.getOption(context, FetchHttpClient.Fetch))),
          identify(Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit))),
          Duration.toMillis(limits.timeout),
          limits.maxBodySize
        ]))

    return {
      protectedResource: (reader, known) => {
        const { challenge, client, limits, server } = reader
        const named = challenge === undefined ? undefined : Challenge.resourceMetadata(challenge)
        const read = ProtectedResource.read(client, server, challenge, limits)
        return Effect.flatMap(
          nameOf(named === undefined ? server.resource : `${server.resource} ${named}`, reader),
          (name) => (named === undefined ? protectedResources : challenged).get(name, read, known)
        )
      },
      challenge: (reader) => {
        const read = Effect.map(
          ProtectedResource.probe(reader.client, reader.server, reader.limits),
          (value) => ({ value, lifetime: undefined })
        )
        return Effect.flatMap(nameOf(reader.server.url.href, reader), (name) => challenges.get(name, read)).pipe(
          Effect.map(({ value }) => value)
        )
      },
      authorizationServer: (reader, known) => {
        const { client, issuer, limits, namedBy } = reader
        return AuthorizationServer.checkIssuer(issuer, namedBy).pipe(
          Effect.zipRight(nameOf(issuer, reader)),
          Effect.flatMap((name) =>
            authorizationServers.get(name, AuthorizationServer.read(client, issuer, limits), known)
          )
        )
      }
    }
  })

/** A number for each object, in the order in which they are seen; zero for none. */
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
 * The cache of the context, if it has one; else one of its own for as long as the scope lasts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeDefault: Effect.Effect<DiscoveryCache.Service, never, Scope.Scope> = Effect.flatMap(
  Effect.serviceOption(DiscoveryCache),
  Option.match({ onNone: () => make(), onSome: Effect.succeed })
)

/**
 * One cache for the providers of several Layers. `OAuthProviders` brings its own.
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

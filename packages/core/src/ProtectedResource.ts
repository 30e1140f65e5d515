/**
 * A protected MCP server and the metadata that it publishes about itself (RFC 9728).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { defaultLimits, type Limits } from "./authoring/HttpExchange.ts"
import type * as Challenge from "./Challenge.ts"
import { checkPlace, namedPlaces, type Place } from "./Discovery/Place.ts"
import * as ServerAnswer from "./Discovery/ServerAnswer.ts"
import { keptFields, protectedResourceFields } from "./internal/http/keptFields.ts"
import { type Bounds, type Refusal, search } from "./internal/http/metadataDocument.ts"
import type { Read } from "./internal/http/sharedDocuments.ts"
import { discovery } from "./internal/telemetry/telemetry.ts"
import { bounded } from "./internal/text/bounds.ts"
import { isSameIssuer } from "./internal/text/issuer.ts"
import * as Resource from "./internal/text/resource.ts"
import * as MetadataSearch from "./MetadataSearch.ts"
import { type DiscoveryError, ResourceMismatch } from "./OAuthError.ts"
import type { ResourceIdentifier } from "./ResourceIdentifier.ts"

export type {
  /**
   * @since 0.1.0
   */
  Place
} from "./Discovery/Place.ts"

/**
 * The fields of the metadata that a machine needs (RFC 9728 §2). Of a document that discovery reads, the other fields of
 * the standards are kept too, as the server wrote them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Metadata = Schema.Struct(
  {
    resource: Schema.String,
    authorization_servers: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
    scopes_supported: Schema.optional(Schema.NullOr(Schema.Array(Schema.String)))
  },
  { key: Schema.String, value: Schema.Unknown }
)

/**
 * A server's metadata and where it was found.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProtectedResource {
  /** The issuers of the authorization servers, in the server's order. Empty if the metadata names none. */
  readonly authorizationServers: ReadonlyArray<string>
  /** `scopes_supported`, as the server wrote it, up to 1,000 entries. Empty if the metadata lists none. */
  readonly scopesSupported: ReadonlyArray<string>
  /** The address of the document. */
  readonly url: string
  /** The fields of the document that are kept. */
  readonly metadata: typeof Metadata.Type
}

/**
 * A server's metadata, or what each address answered if no address has any.
 *
 * @since 0.1.0
 * @category models
 */
export type SearchResult = Either.Either<ProtectedResource, ReadonlyArray<string>>

/**
 * The well-known addresses of a server's metadata, in the order in which they are tried (RFC 9728 §3.1): first the one
 * with the server's path, also without a slash at its end, then the one at the root.
 *
 * @since 0.1.0
 * @category getters
 */
export const wellKnownUrls = (server: URL): ReadonlyArray<URL> => {
  const wellKnown = "/.well-known/oauth-protected-resource"
  const path = server.pathname === "/" ? "" : server.pathname
  const paths = new Set([`${path}${server.search}`, `${path.replace(/\/$/, "")}${server.search}`, ""])
  return [...paths].map((path) => new URL(`${wellKnown}${path}`, server.origin))
}

/**
 * Which `resource` in the metadata names a server. `"identical"` accepts the server's own identifier alone (RFC 9728
 * §3.3). `"parent"` also accepts a path above the server's, at the boundary of a segment.
 *
 * @since 0.1.0
 * @category models
 */
export type ResourceMatch = "parent" | "identical"

/**
 * Whether metadata about `resource` covers `server` (RFC 9728 §3.3): the same identifier, or the same origin and a path
 * above the server's. A slash at the end of either path makes no difference. Text that is not a URL, or that has a
 * fragment, a user name or a password, covers nothing.
 *
 * @since 0.1.0
 * @category predicates
 */
export const covers: (resource: string, server: URL, match?: ResourceMatch) => boolean = Resource.covers

/**
 * Whether a server's metadata lists an issuer as one of its authorization servers.
 *
 * @internal
 */
export const lists = (self: ProtectedResource, issuer: string): boolean =>
  self.authorizationServers.some((listed) => isSameIssuer(listed, issuer))

/**
 * The well-known addresses as places. For a server without a path the address at the root is its own.
 *
 * @internal
 */
export const wellKnownPlaces = (server: URL): ReadonlyArray<Place> => {
  const urls = wellKnownUrls(server)
  return urls.map((url, index) => ({ url, source: index > 0 && index === urls.length - 1 ? "root" : "path" }))
}

/**
 * Reads the metadata of a server: first from the address in its challenge (RFC 9728 §5.1), then from the well-known
 * addresses. A document that describes another resource does not end the search, nor does an address that is
 * unavailable. After such an address the document at the root is used only if it describes exactly this server. If no
 * address has a document, the result is a `Left` with what each address answered. If one of them was unavailable, the
 * search fails with `DiscoveryError`; otherwise, if a document describes another resource, with `ResourceMismatch`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const discover = (
  client: HttpClient.HttpClient,
  server: ResourceIdentifier,
  options: {
    /** The server's challenge, whose `resource_metadata` address is tried first. */
    readonly challenge?: Challenge.Challenge | undefined
    /**
     * Which `resource` in the metadata names the server.
     *
     * @default "parent"
     */
    readonly match?: ResourceMatch | undefined
    /**
     * The limits of each request.
     *
     * @default 10 seconds, 1 MiB
     */
    readonly limits?: Limits | undefined
  } = {}
): Effect.Effect<SearchResult, DiscoveryError | ResourceMismatch> => {
  const named = options.challenge === undefined ? [] : namedPlaces([options.challenge])
  const places = [
    ...named,
    ...wellKnownPlaces(server.url).filter(({ url }) => url.href !== named[0]?.url.href)
  ]
  const { limits = defaultLimits, match = "parent" } = options
  return Effect.gen(function*() {
    const { value } = yield* read(client, { server, places, match, bounds: limits })
    if (Either.isRight(value)) return Either.right(value.right)
    const misses = value.left
    if (MetadataSearch.isInterrupted(misses)) {
      const subject = `No protected resource metadata for ${Resource.shown(server.resource)}`
      return yield* MetadataSearch.unavailable({ subject, misses, advice: "pin `issuer`" })
    }
    const mismatch = misses.find(({ refusal }) => refusal !== undefined)?.refusal
    if (mismatch !== undefined) return yield* mismatch
    return Either.left(misses.map(({ description }) => description))
  })
}

/**
 * A search for the metadata of a server at these places.
 *
 * @internal
 */
export interface Search {
  readonly server: ResourceIdentifier
  readonly places: ReadonlyArray<Place>
  readonly match: ResourceMatch
  readonly bounds: Bounds
  readonly isAfterOutage?: boolean | undefined
}

/**
 * Searches the places in their order. The result holds how long the document is fresh.
 *
 * @internal
 */
export const read = (
  client: HttpClient.HttpClient,
  { bounds, isAfterOutage, match, places, server }: Search
): Effect.Effect<Read<MetadataSearch.SearchResult<ProtectedResource, ResourceMismatch>>> => {
  const checked = places.map((place) => checkPlace(place, server.url, bounds))
  const refused = checked.flatMap((place) => Either.isLeft(place) ? [place.left] : [])
  return search(client, {
    places: checked.flatMap((place) => Either.isRight(place) ? [place.right] : []),
    schema: Metadata,
    accept: (document, place, isAfterOutage) => accept(document, place, { server, match, isAfterOutage }),
    bounds,
    isAfterOutage
  }).pipe(
    Effect.map(({ lifetime, value }) => ({
      value: Either.mapLeft(value, (misses) => [...refused, ...misses]),
      lifetime
    })),
    discovery("protected_resource")
  )
}

/** The check of a document. An outage must not lead to metadata that is less exact than the unread one. */
const accept = (
  document: typeof Metadata.Type,
  { source, url }: Place,
  { isAfterOutage, match, server }: {
    readonly server: ResourceIdentifier
    readonly match: ResourceMatch
    readonly isAfterOutage: boolean
  }
): Either.Either<ProtectedResource, Refusal<ResourceMismatch>> => {
  const { resource } = document
  if (!covers(resource, server.url, match)) {
    return Either.left({
      description: `describes another resource, "${Resource.shown(resource)}"`,
      error: new ResourceMismatch({
        expected: server.resource,
        actual: Resource.withoutCredentials(resource),
        url: url.href,
        ...(match === "identical" ? { match } : {})
      })
    })
  }
  if (source === "root" && isAfterOutage && !covers(resource, server.url, "identical")) {
    return Either.left({
      description: `describes "${
        Resource.shown(resource)
      }", which is not used while a more exact address is unavailable`,
      error: undefined
    })
  }
  const kept = {
    ...keptFields(document, protectedResourceFields),
    resource,
    authorization_servers: document.authorization_servers && bounded(document.authorization_servers),
    scopes_supported: document.scopes_supported && bounded(document.scopes_supported)
  }
  return Either.right(fromMetadata(kept, url.href))
}

/**
 * Metadata that was checked.
 *
 * @internal
 */
export const fromMetadata = (metadata: typeof Metadata.Type, url: string): ProtectedResource => ({
  authorizationServers: metadata.authorization_servers ?? [],
  scopesSupported: metadata.scopes_supported ?? [],
  url,
  metadata
})

/**
 * Requests the server without a token, to get the challenge of its 401. The first request is a GET, which changes
 * nothing. If its response has no challenge, an MCP `ping` follows, because a server may leave GET unprotected or
 * unsupported. Fails with `DiscoveryError` if the server is unavailable.
 *
 * @since 0.1.0
 * @category constructors
 */
export const probe = (
  client: HttpClient.HttpClient,
  server: { readonly url: URL },
  limits: Limits = defaultLimits
): Effect.Effect<Challenge.Challenge | undefined, DiscoveryError> =>
  Effect.flatMap(ServerAnswer.ask(client, server.url, limits), (answer) =>
    answer.outage === undefined
      ? Effect.succeed(ServerAnswer.challengeOf(answer))
      : ServerAnswer.unavailable(answer, server.url))

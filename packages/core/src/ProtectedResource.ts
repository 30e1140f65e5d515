/**
 * A protected MCP server and the metadata that it publishes about itself (RFC 9728).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Challenge from "./Challenge.ts"
import { check, parse } from "./authoring/SecureEndpoint.ts"
import {
  defaultLimits,
  isTransientStatus,
  type Limits,
  retryAfter,
  withoutRedirects
} from "./authoring/HttpExchange.ts"
import { connectionFailed, timedOut } from "./authoring/NoAnswer.ts"
import { discard } from "./internal/http/discard.ts"
import { firstOf, type Found, unanswered, unavailable } from "./internal/http/metadataDocument.ts"
import type { Read } from "./internal/http/sharedDocuments.ts"
import { discovery } from "./internal/telemetry/telemetry.ts"
import { isSameIssuer } from "./internal/text/issuer.ts"
import { type DiscoveryError, ResourceMismatch } from "./OAuthError.ts"
import type { ResourceIdentifier } from "./ResourceIdentifier.ts"

/**
 * The fields of the metadata that a machine needs (RFC 9728 §2). Other fields are kept as the server wrote them.
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
  /** `scopes_supported`, as the server wrote it. Empty if the metadata lists none. */
  readonly scopesSupported: ReadonlyArray<string>
  /** The address of the document. */
  readonly url: string
  /** The whole document. */
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
 * with the server's path, then the one at the root.
 *
 * @since 0.1.0
 * @category getters
 */
export const wellKnownUrls = (server: URL): ReadonlyArray<URL> => {
  const wellKnown = "/.well-known/oauth-protected-resource"
  const root = new URL(wellKnown, server.origin)
  const path = server.pathname === "/" ? "" : server.pathname
  return path === "" && server.search === ""
    ? [root]
    : [new URL(`${wellKnown}${path}${server.search}`, server.origin), root]
}

/**
 * Whether metadata about `resource` covers `server` (RFC 9728 §3.3): the same identifier, or the same origin and a path
 * above the server's.
 *
 * @since 0.1.0
 * @category predicates
 */
export const covers = (resource: string, server: URL): boolean => {
  const url = parse(resource)
  if (url === undefined || url.hash !== "" || url.origin !== server.origin) return false
  if (url.pathname === server.pathname) return url.search === "" || url.search === server.search
  const prefix = url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`
  return url.search === "" && server.pathname.startsWith(prefix)
}

/**
 * Whether a server's metadata lists an issuer as one of its authorization servers.
 *
 * @internal
 */
export const lists = (self: ProtectedResource, issuer: string): boolean =>
  self.authorizationServers.some((listed) => isSameIssuer(listed, issuer))

/**
 * Reads the metadata of a server: first from the address in its challenge (RFC 9728 §5.1), then from the well-known
 * addresses. If no address has a document, the result is a `Left` with what each address answered. Fails with
 * `ResourceMismatch` if the document describes another resource, and with `DiscoveryError` if an address is
 * unavailable.
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
     * The limits of each request.
     *
     * @default 10 seconds, 1 MiB
     */
    readonly limits?: Limits | undefined
  } = {}
): Effect.Effect<SearchResult, DiscoveryError | ResourceMismatch> =>
  Effect.map(read(client, server, options.challenge, options.limits ?? defaultLimits), ({ value }) => value)

/**
 * `discover`, together with how long the result is fresh.
 *
 * @internal
 */
export const read = (
  client: HttpClient.HttpClient,
  server: ResourceIdentifier,
  challenge: Challenge.Challenge | undefined,
  limits: Limits
): Effect.Effect<Read<SearchResult>, DiscoveryError | ResourceMismatch> =>
  Effect.gen(function*() {
    const named = parse((challenge && Challenge.resourceMetadata(challenge)) ?? "")
    const challenged = yield* Effect.either(readNamed(client, server.url, named, limits))
    let found = Either.getOrElse(challenged, () => none)
    if (Either.isLeft(found)) {
      const { left: misses } = found
      const others = wellKnownUrls(server.url).filter(({ href }) => href !== named?.href)
      found = Either.mapLeft(yield* firstOf(client, others, Metadata, limits), (more) => [...misses, ...more])
    }
    if (Either.isLeft(found)) {
      return Either.isLeft(challenged)
        ? yield* challenged.left
        : { value: Either.left(found.left), lifetime: undefined }
    }
    const { document, lifetime, url } = found.right
    if (!covers(document.resource, server.url)) {
      return yield* new ResourceMismatch({ expected: server.resource, actual: document.resource, url: url.href })
    }
    const protectedResource: ProtectedResource = {
      authorizationServers: document.authorization_servers ?? [],
      scopesSupported: document.scopes_supported ?? [],
      url: url.href,
      metadata: document
    }
    return { value: Either.right(protectedResource), lifetime }
  }).pipe(discovery("protected_resource"))

type Search = Either.Either<Found<typeof Metadata.Type>, ReadonlyArray<string>>

const none: Search = Either.left([])

/** Reads the address in the challenge, if there is one. After any failure here, the well-known addresses are tried next. */
const readNamed = (client: HttpClient.HttpClient, server: URL, named: URL | undefined, limits: Limits) => {
  if (named === undefined) return Effect.succeed(none)
  const checked = check(named, "protected resource metadata", server)
  return Either.isLeft(checked)
    ? Effect.succeed(Either.left([checked.left.message]))
    : firstOf(client, [named], Metadata, limits)
}

/**
 * Requests the server without a token, to get the challenge of its 401. The first request is a GET, which changes
 * nothing. If its response has no challenge, an MCP `ping` follows, because a server may leave GET unprotected or
 * unsupported.
 *
 * @since 0.1.0
 * @category constructors
 */
export const probe = (
  client: HttpClient.HttpClient,
  server: { readonly url: URL },
  limits: Limits = defaultLimits
): Effect.Effect<Challenge.Challenge | undefined, DiscoveryError> => {
  const accept = { accept: "application/json, text/event-stream" }
  const ask = (request: HttpClientRequest.HttpClientRequest) =>
    client.execute(request).pipe(
      Effect.mapError((error) => connectionFailed(error)),
      Effect.timeoutFail({ duration: limits.timeout, onTimeout: () => timedOut(limits.timeout) }),
      Effect.mapError((error) => unanswered(server.url, error, "when asked for its challenge, ")),
      Effect.tap(discard),
      Effect.tap(({ headers, status }) =>
        isTransientStatus(status)
          ? Effect.flatMap(Clock.currentTimeMillis, (now) =>
            unavailable(
              server.url,
              `answered ${status} when asked for its challenge`,
              retryAfter(headers, now)
            ))
          : Effect.void
      ),
      Effect.map(({ headers, status }) =>
        status === 401 ? Challenge.fromHeader(headers["www-authenticate"]) : undefined
      ),
      withoutRedirects
    )
  const ping = HttpClientRequest.bodyUnsafeJson({ jsonrpc: "2.0", id: 0, method: "ping" })
  return Effect.flatMap(
    ask(HttpClientRequest.get(server.url.href, { headers: accept })),
    (challenge) =>
      challenge === undefined
        ? ask(ping(HttpClientRequest.post(server.url.href, { headers: accept })))
        : Effect.succeed(challenge)
  )
}

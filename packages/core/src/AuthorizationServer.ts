/**
 * An authorization server and its metadata (RFC 8414; OpenID Connect Discovery 1.0 §4 if a server has only that
 * document).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { check, nameOf, parse, parseEndpoint, type PlainHttp } from "./authoring/SecureEndpoint.ts"
import { defaultLimits, type Limits } from "./authoring/HttpExchange.ts"
import { authorizationServerFields, isShortEnough, keptFields } from "./internal/http/keptFields.ts"
import { type Bounds, type Refusal, search } from "./internal/http/metadataDocument.ts"
import type { Read } from "./internal/http/sharedDocuments.ts"
import { discovery } from "./internal/telemetry/telemetry.ts"
import { bounded } from "./internal/text/bounds.ts"
import { clean, quote } from "./internal/text/clean.ts"
import * as Issuer from "./internal/text/issuer.ts"
import { withoutCredentials } from "./internal/text/resource.ts"
import * as MetadataSearch from "./MetadataSearch.ts"
import { DiscoveryError, type InsecureEndpoint, IssuerMismatch } from "./OAuthError.ts"

/**
 * Whether two issuer identifiers are equal character by character (RFC 8414 §3.3). The only difference that is
 * tolerated is one trailing slash.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSameIssuer: (a: string, b: string) => boolean = Issuer.isSameIssuer

/**
 * The fields of the metadata that a machine needs (RFC 8414 §2). The authorization endpoint is not required, since an
 * authorization server for machines alone has none. Of a document that discovery reads, the other fields of the
 * standards are kept too, as the server wrote them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Metadata = Schema.Struct(
  {
    issuer: Schema.String,
    token_endpoint: Schema.String,
    token_endpoint_auth_methods_supported: Schema.optional(Schema.NullOr(Schema.Array(Schema.String)))
  },
  { key: Schema.String, value: Schema.Unknown }
)

const keep = (document: typeof Metadata.Type): typeof Metadata.Type => {
  const { issuer, token_endpoint, token_endpoint_auth_methods_supported: methods } = document
  const kept = { ...keptFields(document, authorizationServerFields), issuer, token_endpoint }
  return methods ? { ...kept, token_endpoint_auth_methods_supported: bounded(methods) } : kept
}

/**
 * An authorization server that was found and checked.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthorizationServer {
  /** The issuer identifier, character by character as the authorization server writes it. */
  readonly issuer: string
  /** The URL for token requests: https, or http on a loopback host. */
  readonly tokenEndpoint: URL
  /** The fields of the metadata document that are kept. */
  readonly metadata: typeof Metadata.Type
  /**
   * Whether the caller gave the token endpoint, and not the metadata that was read.
   *
   * @default false
   */
  readonly isEndpointGiven?: boolean | undefined
}

/**
 * The addresses of an issuer's metadata, in the order in which they are tried (RFC 8414 §3.1, §5; OpenID Connect
 * Discovery 1.0 §4.1).
 *
 * @since 0.1.0
 * @category getters
 */
export const wellKnownUrls = (issuer: URL): ReadonlyArray<URL> => {
  const path = issuer.pathname.replace(/\/$/, "")
  const paths = path === ""
    ? ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
    : [
      `/.well-known/oauth-authorization-server${path}`,
      `/.well-known/openid-configuration${path}`,
      `${path}/.well-known/openid-configuration`
    ]
  // A path that begins with `//`, resolved against the origin, would lead to another host: the texts are joined.
  return paths.map((path) => new URL(`${issuer.origin}${path}`))
}

/**
 * The characters of an issuer identifier: printable ASCII, as in any URL. An issuer stands in logs, spans and command
 * lines, where others could hide or forge text.
 */
const printable = /^[\x21-\x7e]+$/

/**
 * An issuer identifier as a URL; `undefined` if the text is not a URL, or has a query, a fragment, credentials or a
 * character that is not printable ASCII (RFC 8414 §2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseIssuer = (issuer: string): URL | undefined => {
  const url = printable.test(issuer) ? parseEndpoint(issuer) : undefined
  return url === undefined || issuer.includes("?") ? undefined : url
}

/**
 * A token endpoint as a URL; `undefined` if the text is not a URL, or has a fragment or credentials (RFC 6749 §3.2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseTokenEndpoint: (tokenEndpoint: string) => URL | undefined = parseEndpoint

/**
 * The characters that no URL holds (RFC 3986 §2), and that the platform's parser silently removes, or reads as a slash:
 * the request would go to another address than the document says.
 */
// oxlint-disable-next-line no-control-regex -- the expression searches for exactly these characters
const altered = /[\u0000-\u0020\u007f\\]/

/**
 * An authorization server from its metadata. The document must name the issuer that it was requested for (RFC 8414
 * §3.3), and its token endpoint must be one that may receive a secret.
 *
 * @param url the address of the document, for error texts
 * @param plainHttp the hosts that plain http may reach besides those of this machine
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromMetadata = (
  metadata: typeof Metadata.Type,
  issuer: string,
  url = issuer,
  plainHttp: PlainHttp = {}
): Either.Either<AuthorizationServer, IssuerMismatch | InsecureEndpoint | DiscoveryError> =>
  Either.gen(function*() {
    if (!isSameIssuer(metadata.issuer, issuer)) {
      return yield* Either.left(
        new IssuerMismatch({ reason: "Metadata", expected: issuer, actual: [withoutCredentials(metadata.issuer)], url })
      )
    }
    const written = metadata.token_endpoint
    const tokenEndpoint = isShortEnough(written) && !altered.test(written) ? parseEndpoint(written) : undefined
    if (tokenEndpoint === undefined) {
      return yield* Either.left(
        new DiscoveryError({
          reason: "Invalid",
          url,
          description:
            `${clean(url)}: \`token_endpoint\` is not an absolute URL without fragment and user name or password. ` +
            `Tell the authorization server's operator, or give \`tokenEndpoint\` yourself.`
        })
      )
    }
    yield* check(tokenEndpoint, "token endpoint", parse(issuer), plainHttp)
    return { issuer: metadata.issuer, tokenEndpoint, metadata }
  })

/**
 * An authorization server from its token endpoint alone.
 *
 * @param plainHttp the hosts that plain http may reach besides those of this machine
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTokenEndpoint = (
  issuer: string,
  tokenEndpoint: URL,
  plainHttp: PlainHttp = {}
): Either.Either<AuthorizationServer, InsecureEndpoint> =>
  Either.map(check(tokenEndpoint, "token endpoint", undefined, plainHttp), () => ({
    issuer,
    tokenEndpoint,
    metadata: { issuer, token_endpoint: tokenEndpoint.href },
    isEndpointGiven: true
  }))

/**
 * Reads an issuer's metadata from the well-known addresses. A document of another issuer does not end the search, nor
 * does an address that is unavailable. Fails with
 *
 * - `DiscoveryError` if no address has a usable document (an endpoint is never guessed);
 * - `IssuerMismatch` if no address has a usable document, and one has a document of another issuer;
 * - `InsecureEndpoint` if the issuer or the token endpoint is not one that may receive a secret.
 *
 * @since 0.1.0
 * @category constructors
 */
export const discover = (
  client: HttpClient.HttpClient,
  issuer: string,
  options: {
    /** The server that named the issuer. Such an issuer must not be nearer to this machine than the server. */
    readonly namedBy?: URL | undefined
    /**
     * The address of the metadata, if it is not a well-known one. No other address is requested then.
     *
     * @default the well-known addresses of the issuer
     */
    readonly metadataUrl?: URL | undefined
    /**
     * The limits of each request.
     *
     * @default 10 seconds, 1 MiB
     */
    readonly limits?: Limits | undefined
  } = {}
): Effect.Effect<AuthorizationServer, DiscoveryError | IssuerMismatch | InsecureEndpoint> =>
  Effect.zipRight(
    checkIssuer(issuer, options.namedBy, options.limits),
    Effect.map(
      read(client, { issuer, metadataUrl: options.metadataUrl, bounds: options.limits ?? defaultLimits }),
      ({ value }) => value
    )
  )

/**
 * Checks an issuer before its metadata is requested: the identifier must be valid, and the server that named the issuer
 * must be allowed to name that address.
 *
 * @internal
 */
export const checkIssuer = (
  issuer: string,
  namedBy: URL | undefined,
  plainHttp: PlainHttp = {}
): Either.Either<URL, DiscoveryError | InsecureEndpoint> => {
  const url = parseIssuer(issuer)
  return url === undefined
    ? Either.left(
      new DiscoveryError({
        reason: "Invalid",
        url: clean(withoutCredentials(issuer)),
        description:
          `The issuer ${
            quote(withoutCredentials(issuer))
          } is not a URL of printable ASCII without query and fragment ` +
          `(RFC 8414 §2). Pin \`issuer\` to the right one.`
      })
    )
    : check(url, "issuer", namedBy, plainHttp)
}

/**
 * A search for the metadata of an issuer.
 *
 * @internal
 */
export interface Search {
  readonly issuer: string
  readonly metadataUrl: URL | undefined
  readonly bounds: Bounds
}

type ReadError = DiscoveryError | IssuerMismatch | InsecureEndpoint

/**
 * `discover` without the check of the server that named the issuer, so that providers can share the result.
 *
 * @internal
 */
export const read = (
  client: HttpClient.HttpClient,
  { bounds, issuer, metadataUrl }: Search
): Effect.Effect<Read<AuthorizationServer>, ReadError> =>
  Effect.gen(function*() {
    const base = yield* checkIssuer(issuer, undefined, bounds)
    const urls = metadataUrl === undefined ? wellKnownUrls(base) : [metadataUrl]
    const { lifetime, value } = yield* search(client, {
      places: urls.map((url) => ({ url })),
      schema: Metadata,
      accept: (document, { url }) =>
        fromMetadata(document, issuer, nameOf(url), bounds).pipe(
          Either.mapBoth({
            onLeft: (error) => refusalOf(error, document),
            onRight: (server) => ({ ...server, metadata: keep(document) })
          })
        ),
      bounds
    })
    if (Either.isRight(value)) return { value: value.right, lifetime }
    return yield* nothingFound(issuer, value.left, metadataUrl)
  }).pipe(discovery("authorization_server"))

const refusalOf = (error: ReadError, { issuer }: typeof Metadata.Type): Refusal<ReadError> => {
  if (error._tag === "IssuerMismatch") return { description: `is the metadata of issuer ${quote(issuer)}`, error }
  return error._tag === "InsecureEndpoint"
    ? { description: "names a token endpoint that must not receive a secret", error }
    : { description: "has a `token_endpoint` that is not a usable URL", error }
}

const nothingFound = (
  issuer: string,
  misses: ReadonlyArray<MetadataSearch.Miss<ReadError>>,
  metadataUrl: URL | undefined
): ReadError => {
  const subject = `No authorization server metadata for ${clean(issuer)}`
  const given = metadataUrl === undefined ? "" : "`authorizationServerMetadataUrl` and "
  if (MetadataSearch.isInterrupted(misses)) {
    const advice = `check ${given}\`issuer\`, or give \`authorizationServerMetadata\` or \`tokenEndpoint\``
    return MetadataSearch.unavailable({ subject, misses, advice })
  }
  return misses.find(({ refusal }) => refusal !== undefined)?.refusal ?? new DiscoveryError({
    reason: "NotFound",
    url: issuer,
    description: `${subject}: ${MetadataSearch.listed(misses)}. ` +
      `Check ${given}\`issuer\`, or give \`authorizationServerMetadata\` or \`tokenEndpoint\`.`
  })
}

/**
 * The authorization server's metadata: RFC 8414, and OpenID Connect Discovery 1.0 §4 where only that is served.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { check, parse, parseEndpoint } from "./authoring/SecureEndpoint.ts"
import { defaultLimits, type Limits } from "./authoring/HttpExchange.ts"
import { firstOf } from "./internal/http/metadataDocument.ts"
import type { Read } from "./internal/http/sharedDocuments.ts"
import { discovery } from "./internal/telemetry/telemetry.ts"
import { clean } from "./internal/text/clean.ts"
import * as Issuer from "./internal/text/issuer.ts"
import { DiscoveryError, type InsecureEndpoint, IssuerMismatch } from "./OAuthError.ts"

/**
 * Whether two issuer identifiers are equal character by character (RFC 8414 §3.3). The only difference that is tolerated
 * is one trailing slash.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSameIssuer: (a: string, b: string) => boolean = Issuer.isSameIssuer

/**
 * The part of the metadata that a machine needs. A machine-only authorization server has no authorization endpoint, so
 * none is asked for; fields that are not named here are kept as they came.
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

/**
 * An authorization server, found and checked.
 *
 * - `issuer`: its identifier, character by character as it names itself.
 * - `tokenEndpoint`: https, or http on a loopback host.
 * - `metadata`: the whole document.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthorizationServer {
  readonly issuer: string
  readonly tokenEndpoint: URL
  readonly metadata: typeof Metadata.Type
}

/**
 * Where the metadata of an issuer may be, in the order in which it is looked for (RFC 8414 §3.1, §5; OpenID Connect
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
  // Not resolved against the origin: a path that begins with `//` would lead to another host.
  return paths.map((path) => new URL(`${issuer.origin}${path}`))
}

/**
 * An issuer identifier as a URL; `undefined` if it is none, or has a query, a fragment or credentials (RFC 8414 §2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseIssuer = (issuer: string): URL | undefined => {
  const url = parseEndpoint(issuer)
  return url === undefined || issuer.includes("?") ? undefined : url
}

/**
 * A token endpoint as a URL; `undefined` if it is none, or has a fragment or credentials (RFC 6749 §3.2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseTokenEndpoint: (tokenEndpoint: string) => URL | undefined = parseEndpoint

/**
 * Checks a metadata document against the issuer it was asked for (RFC 8414 §3.3) and its token endpoint against what is
 * fit to receive a secret.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromMetadata = (
  metadata: typeof Metadata.Type,
  issuer: string,
  url = issuer
): Either.Either<AuthorizationServer, IssuerMismatch | InsecureEndpoint | DiscoveryError> =>
  Either.gen(function*() {
    if (!isSameIssuer(metadata.issuer, issuer)) {
      return yield* Either.left(
        new IssuerMismatch({ reason: "Metadata", expected: issuer, actual: [metadata.issuer], url })
      )
    }
    const tokenEndpoint = parseEndpoint(metadata.token_endpoint)
    if (tokenEndpoint === undefined) {
      return yield* Either.left(
        new DiscoveryError({
          reason: "Invalid",
          url,
          description:
            `${url}: \`token_endpoint\` is not an absolute URL without fragment and user name or password. Tell the authorization server's operator, ` +
            `or give \`tokenEndpoint\` yourself.`
        })
      )
    }
    yield* check(tokenEndpoint, "token endpoint", parse(issuer))
    return { issuer: metadata.issuer, tokenEndpoint, metadata }
  })

/**
 * An authorization server of which only the token endpoint is known.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTokenEndpoint = (
  issuer: string,
  tokenEndpoint: URL
): Either.Either<AuthorizationServer, InsecureEndpoint> =>
  Either.map(check(tokenEndpoint, "token endpoint"), () => ({
    issuer,
    tokenEndpoint,
    metadata: { issuer, token_endpoint: tokenEndpoint.href }
  }))

/**
 * Finds an issuer's metadata. Fails with
 *
 * - `DiscoveryError` if no address has a usable document (an endpoint is never guessed), or one is out of order;
 * - `IssuerMismatch` if a document is another issuer's;
 * - `InsecureEndpoint` if its token endpoint is not fit to receive a secret.
 *
 * @since 0.1.0
 * @category constructors
 */
export const discover = (
  client: HttpClient.HttpClient,
  issuer: string,
  options: { readonly namedBy?: URL | undefined; readonly limits?: Limits | undefined } = {}
): Effect.Effect<AuthorizationServer, DiscoveryError | IssuerMismatch | InsecureEndpoint> =>
  Effect.zipRight(
    checkIssuer(issuer, options.namedBy),
    Effect.map(read(client, issuer, options.limits ?? defaultLimits), ({ value }) => value)
  )

/**
 * Whether an issuer may be asked for its metadata: it is one, and who named it may name such an address.
 *
 * @internal
 */
export const checkIssuer = (
  issuer: string,
  namedBy: URL | undefined
): Either.Either<URL, DiscoveryError | InsecureEndpoint> => {
  const url = parseIssuer(issuer)
  return url === undefined
    ? Either.left(
      new DiscoveryError({
        reason: "Invalid",
        url: issuer,
        description: `The issuer "${clean(issuer)}" is not a URL without query and fragment (RFC 8414 §2). ` +
          `Pin \`issuer\` to the right one.`
      })
    )
    : check(url, "issuer", namedBy)
}

/**
 * `discover` but for who named the issuer, so that the outcome is the same for everybody.
 *
 * @internal
 */
export const read = (
  client: HttpClient.HttpClient,
  issuer: string,
  limits: Limits
): Effect.Effect<Read<AuthorizationServer>, DiscoveryError | IssuerMismatch | InsecureEndpoint> =>
  Effect.gen(function*() {
    const base = yield* checkIssuer(issuer, undefined)
    const found = yield* firstOf(client, wellKnownUrls(base), Metadata, limits)
    if (Either.isLeft(found)) {
      return yield* new DiscoveryError({
        reason: "NotFound",
        url: issuer,
        description: `No authorization server metadata for ${clean(issuer)}: ${found.left.join("; ")}. ` +
          `Check \`issuer\`, or give \`authorizationServerMetadata\` or \`tokenEndpoint\`.`
      })
    }
    const { document, lifetime, url } = found.right
    return { value: yield* fromMetadata(document, issuer, url.href), lifetime }
  }).pipe(discovery("authorization_server"))

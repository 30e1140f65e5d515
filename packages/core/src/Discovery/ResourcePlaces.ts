import * as Either from "effect/Either"
import { check as checkEndpoint, nameOf, parse, type PlainHttp } from "../authoring/SecureEndpoint.ts"
import * as Challenge from "../Challenge.ts"
import { clean } from "../internal/text/clean.ts"
import type { Miss } from "../MetadataSearch.ts"
import type { InsecureEndpoint } from "../OAuthError.ts"

/**
 * The well-known addresses of a server's metadata. `ProtectedResource.wellKnownUrls` documents their order.
 *
 * @internal
 */
export const wellKnownUrls = (server: URL): ReadonlyArray<URL> => {
  const wellKnown = "/.well-known/oauth-protected-resource"
  const path = server.pathname === "/" ? "" : server.pathname
  const paths = new Set([`${path}${server.search}`, `${path.replace(/\/$/, "")}${server.search}`, ""])
  return [...paths].map((path) => new URL(`${wellKnown}${path}`, server.origin))
}

/**
 * An address of the metadata, and how it became known: the caller gave it, a challenge of the server named it, or it is
 * the well-known one with the server's path or at the root.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  readonly url: URL
  readonly source: "option" | "challenge" | "path" | "root"
}

/** At most so many addresses of a server's challenges are tried. */
const MAX_NAMED = 4

/**
 * The addresses that challenges name, each once. Text that is not a URL is left out.
 *
 * @internal
 */
export const named = (challenges: Iterable<Challenge.Challenge>): ReadonlyArray<Place> => {
  const urls = new Map<string, URL>()
  for (const challenge of challenges) {
    const url = parse(Challenge.resourceMetadata(challenge) ?? "")
    if (url !== undefined && urls.size < MAX_NAMED) urls.set(url.href, url)
  }
  return [...urls.values()].map((url) => ({ url, source: "challenge" }))
}

/**
 * The well-known addresses as places. For a server without a path the address at the root is its own.
 *
 * @internal
 */
export const wellKnown = (server: URL): ReadonlyArray<Place> => {
  const urls = wellKnownUrls(server)
  return urls.map((url, index) => ({ url, source: index > 0 && index === urls.length - 1 ? "root" : "path" }))
}

/**
 * A place that may be asked, or the miss of one that is not. Only the address of a challenge is checked here, since the
 * other addresses are the caller's or the server's own.
 *
 * @internal
 */
export const check = (place: Place, server: URL, plainHttp: PlainHttp): Either.Either<Place, Miss<never>> =>
  place.source === "challenge"
    ? checkEndpoint(place.url, "protected resource metadata", server, plainHttp).pipe(
      Either.mapBoth({ onLeft: ({ reason }) => notAsked(place, reason), onRight: () => place })
    )
    : Either.right(place)

const notAsked = ({ url }: Place, why: InsecureEndpoint["reason"]): Miss<never> => {
  const name = clean(nameOf(url))
  const description = why === "NotHttps"
    ? `${name} was not asked, because it is not https`
    : `${name} was not asked, because it is on a private address that a public server must not name`
  return { url: name, description, advice: undefined, refusal: undefined, outage: undefined }
}

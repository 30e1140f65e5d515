/**
 * The addresses where the metadata of a server may be.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { check, hasCredentials, nameOf, parse, type PlainHttp } from "../authoring/SecureEndpoint.ts"
import * as Challenge from "../Challenge.ts"
import { clean } from "../internal/text/clean.ts"
import type { Miss } from "../MetadataSearch.ts"
import type { InsecureEndpoint } from "../OAuthError.ts"

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

/** The largest number of addresses of a server's challenges that are tried. */
const MAX_NAMED = 4

/**
 * The addresses that challenges name, each once. Text that is not a URL is left out.
 *
 * @internal
 */
export const namedPlaces = (challenges: Iterable<Challenge.Challenge>): ReadonlyArray<Place> => {
  const urls = new Map<string, URL>()
  for (const challenge of challenges) {
    const url = parse(Challenge.resourceMetadata(challenge) ?? "")
    if (url !== undefined && urls.size < MAX_NAMED) urls.set(url.href, url)
  }
  return [...urls.values()].map((url) => ({ url, source: "challenge" }))
}

/**
 * Checks whether a request to a place is allowed. Only the address in a challenge is checked, because the other
 * addresses come from the caller, or are on the server's own origin.
 *
 * @internal
 */
export const checkPlace = (
  place: Place,
  server: URL,
  plainHttp: PlainHttp
): Either.Either<Place, Miss<never>> =>
  place.source === "challenge"
    ? hasCredentials(place.url)
      ? Either.left(notAsked(place, "HasCredentials"))
      : check(place.url, "protected resource metadata", server, plainHttp).pipe(
        Either.mapBoth({ onLeft: ({ reason }) => notAsked(place, reason), onRight: () => place })
      )
    : Either.right(place)

const notAsked = (place: Place, why: InsecureEndpoint["reason"] | "HasCredentials"): Miss<never> => {
  const url = clean(nameOf(place.url))
  const reason = why === "HasCredentials"
    ? "it has a user name or a password in it"
    : why === "NotHttps"
    ? "it is not https"
    : "it is on a private address that a public server must not name"
  return {
    url,
    description: `${url} was not asked, because ${reason}`,
    advice: undefined,
    refusal: undefined,
    outage: undefined
  }
}

import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import { decodeUnknownOption } from "effect/Schema"
import { DiscoveryError } from "../../OAuthError.ts"
import { nameOf } from "../../authoring/SecureEndpoint.ts"
import { clean } from "../text/clean.ts"
import { exchange, isRedirect, isTransientStatus, type Limits, parseJson } from "../../authoring/HttpExchange.ts"
import { lifetimeOf } from "./cacheControl.ts"

const MAX_REDIRECTS = 3

/**
 * A document that was read.
 *
 * @internal
 */
export interface Found<A> {
  readonly document: A
  /** How long the response says that it is fresh, in milliseconds; `undefined` if it does not say. */
  readonly lifetime: number | undefined
}

/**
 * The result for one address: a document, or why the address has none. A server that is unavailable fails instead.
 *
 * @internal
 */
export type Lookup<A> = Either.Either<Found<A>, string>

/** @internal */
export const unavailable = (url: URL, description: string, cause?: unknown) =>
  new DiscoveryError({
    reason: "Unavailable",
    url: url.href,
    description: `${nameOf(url)}: ${description}. This may pass: try again later.`,
    ...(cause === undefined ? {} : { cause })
  })

const redirectTarget = (from: URL, location: string | undefined): Either.Either<URL, string> => {
  if (location === undefined || !URL.canParse(location, from)) return Either.left("redirects nowhere")
  const target = new URL(location, from)
  return target.origin === from.origin
    ? Either.right(target)
    : Either.left(`redirects to another origin, ${target.origin}`)
}

/**
 * Reads one metadata document. Redirects within the origin are followed, at most three of them.
 *
 * @internal
 */
export const lookup = <A, I>(
  client: HttpClient.HttpClient,
  url: URL,
  schema: Schema.Schema<A, I>,
  limits: Limits,
  redirects = 0
): Effect.Effect<Lookup<A>, DiscoveryError> => {
  const request = HttpClientRequest.get(url, { headers: { accept: "application/json" } })
  return exchange(client, request, limits).pipe(
    Effect.matchEffect({
      onFailure: (error) =>
        error.reason === "TooLarge"
          ? Effect.succeed(Either.left(error.description))
          : Effect.fail(unavailable(url, error.description, error.cause)),
      onSuccess: ({ body, headers, status }): Effect.Effect<Lookup<A>, DiscoveryError> => {
        if (isTransientStatus(status)) return Effect.fail(unavailable(url, `answered ${status}`))
        if (isRedirect(status)) {
          return Either.match(redirectTarget(url, headers["location"]), {
            onLeft: (reason) => Effect.succeed(Either.left(reason)),
            onRight: (target) =>
              redirects < MAX_REDIRECTS
                ? lookup(client, target, schema, limits, redirects + 1)
                : Effect.succeed(Either.left(`redirects more than ${MAX_REDIRECTS} times`))
          })
        }
        if (status !== 200) return Effect.succeed(Either.left(`answered ${status}`))
        const json = parseJson(body)
        if (json === undefined) return Effect.succeed(Either.left("is not JSON"))
        return Effect.clockWith((clock) =>
          Effect.succeed(Option.match(decodeUnknownOption(schema)(json), {
            onNone: () => Either.left("is JSON, but not such a document"),
            onSome: (document) =>
              Either.right({ document, lifetime: lifetimeOf(headers, clock.unsafeCurrentTimeMillis()) })
          }))
        )
      }
    })
  )
}

/**
 * The first document among the addresses, with its address; or why each address has none.
 *
 * @internal
 */
export const firstOf = <A, I>(
  client: HttpClient.HttpClient,
  urls: ReadonlyArray<URL>,
  schema: Schema.Schema<A, I>,
  limits: Limits
): Effect.Effect<Either.Either<Found<A> & { readonly url: URL }, ReadonlyArray<string>>, DiscoveryError> =>
  Effect.gen(function*() {
    const misses: Array<string> = []
    for (const url of urls) {
      const found = yield* lookup(client, url, schema, limits)
      if (Either.isRight(found)) return Either.right({ ...found.right, url })
      misses.push(`${clean(url.href)} ${found.left}`)
    }
    return Either.left(misses)
  })

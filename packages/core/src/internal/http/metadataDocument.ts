import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import { decodeUnknownOption } from "effect/Schema"
import { DiscoveryError } from "../../OAuthError.ts"
import { nameOf } from "../../authoring/SecureEndpoint.ts"
import { clean } from "../text/clean.ts"
import {
  exchange,
  isRedirect,
  isTransientStatus,
  type Limits,
  type NoAnswer,
  parseJson,
  retryAfter
} from "../../authoring/HttpExchange.ts"
import { reasonOf, sentences } from "../../authoring/NoAnswer.ts"
import { lifetimeOf } from "./cacheControl.ts"

const MAX_REDIRECTS = 3

/**
 * A document that was read.
 *
 * @internal
 */
export interface Found<A> {
  readonly url: URL
  readonly document: A
  /** How long the document is fresh by its response, in milliseconds; `undefined` if the response does not say. */
  readonly lifetime: number | undefined
}

/** The result for one address: a document, or why the address has none. A server that is unavailable fails instead. */
type Lookup<A> = Either.Either<Omit<Found<A>, "url">, string>

const MAY_RECOVER = "The server may recover: try again later."

/** @internal */
export const unavailable = (url: URL, description: string, retryAfter?: number) =>
  new DiscoveryError({
    reason: "Unavailable",
    url: url.href,
    description: `${nameOf(url)}: ${description}. ${MAY_RECOVER}`,
    ...(retryAfter === undefined ? {} : { retryAfter })
  })

/**
 * The error of an address that gave no answer.
 *
 * @param when the occasion, as the beginning of a sentence
 *
 * @internal
 */
export const unanswered = (url: URL, error: NoAnswer, when = "") =>
  new DiscoveryError({
    reason: reasonOf(error),
    url: url.href,
    description: `${nameOf(url)}: ${when}${sentences(error, MAY_RECOVER)}`,
    ...(error.cause === undefined ? {} : { cause: error.cause })
  })

/** Reads one metadata document. Redirects within the origin are followed, at most three of them. */
const lookup = <A, I>(
  client: HttpClient.HttpClient,
  url: URL,
  schema: Schema.Schema<A, I>,
  limits: Limits,
  redirects = 0
): Effect.Effect<Lookup<A>, DiscoveryError> =>
  Effect.gen(function*() {
    const request = HttpClientRequest.get(url.href, { headers: { accept: "application/json" } })
    const answer = yield* Effect.either(exchange(client, request, limits))
    if (Either.isLeft(answer)) {
      const { description, reason } = answer.left
      return reason === "TooLarge" ? Either.left(description) : yield* unanswered(url, answer.left)
    }
    const { body, headers, status } = answer.right
    if (isTransientStatus(status)) {
      const wait = retryAfter(headers, yield* Clock.currentTimeMillis)
      return yield* unavailable(url, `answered ${status}`, wait)
    }
    if (isRedirect(status)) {
      const location = headers["location"]
      if (location === undefined || !URL.canParse(location, url)) return Either.left("redirects nowhere")
      const target = new URL(location, url)
      if (target.origin !== url.origin) return Either.left(`redirects to another origin, ${target.origin}`)
      return redirects < MAX_REDIRECTS
        ? yield* lookup(client, target, schema, limits, redirects + 1)
        : Either.left(`redirects more than ${MAX_REDIRECTS} times`)
    }
    if (status !== 200) return Either.left(`answered ${status}`)
    const json = parseJson(body)
    if (json === undefined) return Either.left("is not JSON")
    const document = decodeUnknownOption(schema)(json)
    if (Option.isNone(document)) return Either.left("is JSON, but not such a document")
    return Either.right({ document: document.value, lifetime: lifetimeOf(headers, yield* Clock.currentTimeMillis) })
  })

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
): Effect.Effect<Either.Either<Found<A>, ReadonlyArray<string>>, DiscoveryError> =>
  Effect.gen(function*() {
    const misses: Array<string> = []
    for (const url of urls) {
      const found = yield* lookup(client, url, schema, limits)
      if (Either.isRight(found)) return Either.right({ ...found.right, url })
      misses.push(`${clean(url.href)} ${found.left}`)
    }
    return Either.left(misses)
  })

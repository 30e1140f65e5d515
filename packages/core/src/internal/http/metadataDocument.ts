import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import { decodeUnknownOption } from "effect/Schema"
import {
  type Answer,
  exchange,
  isRedirect,
  isTransientStatus,
  type Limits,
  type NoAnswer,
  parseJson,
  redirectTarget,
  retryAfter
} from "../../authoring/HttpExchange.ts"
import { adviceOf } from "../../authoring/NoAnswer.ts"
import { hasCredentials, nameOf } from "../../authoring/SecureEndpoint.ts"
import type { Miss, Outage, SearchResult } from "../../MetadataSearch.ts"
import { clean } from "../text/clean.ts"
import { lifetimeOf } from "./cacheControl.ts"
import type { Read } from "./sharedDocuments.ts"

const MAX_REDIRECTS = 3

/**
 * The bounds of a search: those of each request, and the end of the whole discovery.
 *
 * @internal
 */
export interface Bounds extends Limits {
  /** When the discovery ends, in milliseconds since the epoch; `undefined` for a search without such an end. */
  readonly until?: number | undefined
}

/**
 * Why a document must not be used.
 *
 * @internal
 */
export interface Refusal<E> {
  /** The reason as a part of a sentence that begins with the address. */
  readonly description: string
  /** The error to report if no other address has a document that fits; `undefined` if there is a better one. */
  readonly error: E | undefined
}

/** @internal */
export interface Search<P extends { readonly url: URL }, A, I, B, E> {
  /** The addresses in the order in which they are tried. */
  readonly places: ReadonlyArray<P>
  readonly schema: Schema.Schema<A, I>
  /**
   * The check of a document. The search goes on after a document that fails it.
   *
   * @param isAfterOutage whether an address before this one may have had a document, and could not be read
   */
  readonly accept: (document: A, place: P, isAfterOutage: boolean) => Either.Either<B, Refusal<E>>
  readonly bounds: Bounds
  /**
   * Whether an address could not be read before this search.
   *
   * @default false
   */
  readonly isAfterOutage?: boolean | undefined
}

/**
 * The answer of an address without a document.
 *
 * @internal
 */
export interface Without {
  /** The answer as the rest of a sentence that begins with the address. */
  readonly said: string
  /** Advice, as whole sentences. */
  readonly advice?: string | undefined
  readonly outage?: Outage | undefined
}

interface Document<A> {
  readonly document: A
  readonly lifetime: number | undefined
}

/**
 * Whether a status says that the address may have a document another time. A 501 or 505 is no outage: the server does
 * not implement the method or the HTTP version.
 *
 * @internal
 */
export const isOutage = (status: number): boolean => isTransientStatus(status) && status !== 501 && status !== 505

/**
 * The limits of one request, of which none lasts longer than the discovery; `undefined` if no time is left.
 *
 * @internal
 */
export const limitsOf = ({ until, ...limits }: Bounds, now: number): Limits | undefined => {
  if (until === undefined) return limits
  const timeout = Duration.min(limits.timeout, Duration.millis(Math.max(0, until - now)))
  return Duration.toMillis(timeout) === 0 ? undefined : { ...limits, timeout }
}

/**
 * The answer of an address for which the discovery had no time left.
 *
 * @internal
 */
export const outOfTime: Without & { readonly outage: Outage } = {
  said: " was not asked, because the time limit of discovery was over",
  advice: "Try again later, or raise `discoveryTimeout` if the addresses need longer.",
  outage: {}
}

/**
 * The answer of an address to which a request has no answer that can be used.
 *
 * @internal
 */
export const withoutAnswer = (error: NoAnswer): Without => {
  const { cause, description, isLasting, reason } = error
  return {
    said: `: ${description}`,
    advice: adviceOf(error),
    outage: reason === "TooLarge" ? undefined : { cause, isLasting }
  }
}

const isHtml = ({ body, headers }: Answer): boolean =>
  /^text\/html\b/i.test(headers["content-type"] ?? "") || /^\s*</.test(body)

/** Reads one metadata document. Redirects within the origin are followed, at most three of them. */
const lookup = <A, I>(
  client: HttpClient.HttpClient,
  url: URL,
  { bounds, schema }: { readonly schema: Schema.Schema<A, I>; readonly bounds: Bounds },
  redirects = 0
): Effect.Effect<Either.Either<Document<A>, Without>> =>
  Effect.gen(function*() {
    const limits = limitsOf(bounds, yield* Clock.currentTimeMillis)
    if (limits === undefined) return Either.left(outOfTime)
    const request = HttpClientRequest.get(url.href, { headers: { accept: "application/json" } })
    const answer = yield* Effect.either(exchange(client, request, limits))
    if (Either.isLeft(answer)) return Either.left(withoutAnswer(answer.left))
    const { body, headers, status } = answer.right
    const now = yield* Clock.currentTimeMillis
    if (isOutage(status)) {
      return Either.left({ said: ` answered ${status}`, outage: { retryAfter: retryAfter(headers, now) } })
    }
    if (isRedirect(status)) {
      const target = redirectTarget(headers, url)
      if (target === undefined) return Either.left({ said: " redirects nowhere" })
      if (target.origin !== url.origin) {
        return Either.left({ said: ` redirects to another origin, ${clean(target.origin)}` })
      }
      if (hasCredentials(target)) {
        return Either.left({ said: " redirects to an address with a user name or a password in it" })
      }
      return redirects < MAX_REDIRECTS
        ? yield* lookup(client, target, { bounds, schema }, redirects + 1)
        : Either.left({ said: ` redirects more than ${MAX_REDIRECTS} times` })
    }
    // A proxy that has changed the answer may say so with 203 (RFC 9110 §15.3.4).
    if (status !== 200 && status !== 203) return Either.left({ said: ` answered ${status}` })
    const json = parseJson(body)
    if (json === undefined) return Either.left({ said: isHtml(answer.right) ? " is an HTML page" : " is not JSON" })
    const document = decodeUnknownOption(schema)(json)
    return Option.isNone(document)
      ? Either.left({ said: " is JSON, but not metadata of this kind" })
      : Either.right({ document: document.value, lifetime: lifetimeOf(headers, now) })
  })

/**
 * The first document that fits, or what each address answered. An address that cannot be read does not end the search,
 * nor does a document that must not be used.
 *
 * @internal
 */
export const search = <P extends { readonly url: URL }, A, I, B, E>(
  client: HttpClient.HttpClient,
  { accept, bounds, isAfterOutage = false, places, schema }: Search<P, A, I, B, E>
): Effect.Effect<Read<SearchResult<B, E>>> =>
  Effect.gen(function*() {
    const misses: Array<Miss<E>> = []
    const miss = ({ advice, outage, said }: Without, url: URL, refusal?: E) => {
      const name = clean(nameOf(url))
      misses.push({ url: name, description: `${name}${said}`, advice, refusal, outage })
    }
    let isOut = isAfterOutage
    for (const place of places) {
      const answer = yield* lookup(client, place.url, { bounds, schema })
      if (Either.isLeft(answer)) {
        miss(answer.left, place.url)
        isOut ||= answer.left.outage !== undefined
        continue
      }
      const accepted = accept(answer.right.document, place, isOut)
      if (Either.isRight(accepted)) return { value: Either.right(accepted.right), lifetime: answer.right.lifetime }
      miss({ said: ` ${accepted.left.description}` }, place.url, accepted.left.error)
    }
    return { value: Either.left(misses), lifetime: undefined }
  })

/**
 * The search for a metadata document at several addresses, one after the other. An address without a usable document
 * does not end the search.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import { DiscoveryError } from "./OAuthError.ts"

/**
 * The first document that fits, or what each address answered, in the order of the requests.
 *
 * @since 0.1.0
 * @category models
 */
export type SearchResult<A, E> = Either.Either<A, ReadonlyArray<Miss<E>>>

/**
 * An address without a usable document.
 *
 * @since 0.1.0
 * @category models
 */
export interface Miss<out E> {
  /** The address, without its query. */
  readonly url: string
  /** The address and its answer, as a part of a sentence: `https://auth.example.com/… answered 404`. */
  readonly description: string
  /** Advice, as whole sentences, if the answer itself suggests what to check. */
  readonly advice: string | undefined
  /** The error of the check that the document failed; `undefined` if the address gave no document. */
  readonly refusal: E | undefined
  /** The failure of an address that may have a document; `undefined` if the address has none that is of use. */
  readonly outage: Outage | undefined
}

/**
 * Why an address could not be read this time: a 5xx (except 501 and 505), 408 or 429, a time-out, or a failed
 * connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outage {
  /** The wait that the address asked for, in milliseconds. */
  readonly retryAfter?: number | undefined
  /** The transport's own error. */
  readonly cause?: unknown
  /** Whether the address cannot be read until something is corrected, such as a certificate. */
  readonly isLasting?: true | undefined
}

/**
 * Whether an address may have a document although the search found none.
 *
 * @internal
 */
export const isInterrupted = (misses: ReadonlyArray<Miss<unknown>>): boolean =>
  misses.some(({ outage }) => outage !== undefined)

/**
 * The longest wait that an address asked for, in milliseconds; `undefined` if none asked for one.
 *
 * @internal
 */
export const retryAfter = (outages: Iterable<Outage>): number | undefined => {
  const waits = [...outages].flatMap(({ retryAfter }) => retryAfter ?? [])
  return waits.length === 0 ? undefined : Math.max(...waits)
}

/**
 * The error of a search that found no document because of an outage. The same search may succeed later, unless every
 * outage lasts until something is corrected.
 *
 * @param subject what was searched for, as the beginning of a sentence
 * @param advice what to do if the outage lasts, as the end of a sentence
 *
 * @internal
 */
export const unavailable = (
  { advice, misses, subject }: {
    readonly subject: string
    readonly misses: ReadonlyArray<Miss<unknown>>
    readonly advice: string
  }
): DiscoveryError => {
  const outages = misses.flatMap(({ outage, url }) => outage === undefined ? [] : [{ url, ...outage }])
  const cause = outages.find(({ cause }) => cause !== undefined)?.cause
  const wait = retryAfter(outages)
  const own = adviceOf(misses)
  return new DiscoveryError({
    reason: outages.every(({ isLasting }) => isLasting) ? "CannotSend" : "Unavailable",
    url: outages[0]?.url ?? "",
    description: `${subject}: ${listed(misses)}. ` +
      (own === "" ? `The server may recover: try again later. If this lasts, ${advice}.` : own),
    ...(cause === undefined ? {} : { cause }),
    ...(wait === undefined ? {} : { retryAfter: wait })
  })
}

/** An answer that is longer, in characters, is written out once. */
const SHORT = 40

/**
 * The answer of each address, as one part of a sentence. A failure that several addresses share is written out once.
 *
 * @internal
 */
export const listed = (misses: ReadonlyArray<Miss<unknown>>): string => {
  const written = new Set<string>()
  return misses.map(({ description, outage, url }) => {
    const said = description.slice(url.length).replace(/^ itself/, "")
    const isRepeated = outage !== undefined && said.length > SHORT && written.has(said)
    written.add(said)
    return isRepeated ? description.replace(said, ": the same") : description
  }).join("; ")
}

/**
 * The advice of all answers, each once, as whole sentences.
 *
 * @internal
 */
export const adviceOf = (misses: ReadonlyArray<Miss<unknown>>): string =>
  [...new Set(misses.flatMap(({ advice }) => advice ?? []))].join(" ")

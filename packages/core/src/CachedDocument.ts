/**
 * A metadata document in memory, and how long it is fresh (RFC 9111 §4.2).
 *
 * @since 0.1.0
 */

/**
 * A document that was read once and is used many times.
 *
 * @since 0.1.0
 * @category models
 */
export interface CachedDocument<out A> {
  readonly value: A
  /** When the document was read, in milliseconds since the epoch. */
  readonly readAt: number
  /** The end of the time in which the document need not be read again, in milliseconds since the epoch. */
  readonly freshUntil: number
}

/**
 * Whether a document need not be read again. A document from the future is stale: after the clock was set back it would
 * stay fresh for longer than its server said.
 *
 * @param now in milliseconds since the epoch
 *
 * @since 0.1.0
 * @category predicates
 */
export const isFresh = ({ freshUntil, readAt }: CachedDocument<unknown>, now: number): boolean =>
  readAt <= now && now < freshUntil

/** How long a document that could not be read again stays fresh, in milliseconds. */
const RETRY_AFTER = 60_000

/**
 * Keeps a document in use that could not be read again. The next reading is a minute later at the earliest.
 *
 * @internal
 */
export const extended = <A>({ value }: CachedDocument<A>, now: number): CachedDocument<A> => ({
  value,
  readAt: now,
  freshUntil: now + RETRY_AFTER
})

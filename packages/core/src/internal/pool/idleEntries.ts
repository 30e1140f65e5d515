import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** @internal */
export interface Options<in out T> {
  readonly clock: Clock.Clock
  /** How long an entry may be idle, in milliseconds. */
  readonly timeToLive: number
  readonly fork: (sweep: Effect.Effect<void>) => unknown
  /** Closes an entry, which must also delete it here. */
  readonly onExpired: (entry: T) => void
}

/** The longest timer, in milliseconds. A longer one fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** A fiber that is later than this, in milliseconds, is replaced. */
const LATE = 5000

/**
 * The idle entries, those that have been idle for longest first, and the one fiber that expires them.
 *
 * @internal
 */
export class IdleEntries<in out T> implements Iterable<T> {
  readonly #options: Options<T>
  /** When each entry became idle, in milliseconds since the epoch. */
  readonly #idleSince = new Map<T, number>()
  /** When the fiber looks at the entries next, in milliseconds since the epoch. `undefined` while there is no fiber. */
  #looksAt: number | undefined

  constructor(options: Options<T>) {
    this.#options = options
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#idleSince.keys()
  }

  add(entry: T): void {
    this.#idleSince.set(entry, this.#options.clock.unsafeCurrentTimeMillis())
  }

  delete(entry: T): void {
    this.#idleSince.delete(entry)
  }

  /** Starts the fiber that expires entries, unless it runs already or entries never expire. */
  sweep(): void {
    const { clock, fork, timeToLive } = this.#options
    if (!Number.isFinite(timeToLive)) return
    const now = clock.unsafeCurrentTimeMillis()
    // The timer of a fiber that is late was ended by the platform, as Cloudflare Workers do, or the machine was suspended.
    if (this.#looksAt !== undefined && now <= this.#looksAt + LATE) return
    this.#looksAt = now
    fork(this.#sweep)
  }

  /** Waits for the entry that has been idle for longest, and ends when none is idle. */
  readonly #sweep: Effect.Effect<void> = Effect.suspend(() => {
    const { clock, onExpired, timeToLive } = this.#options
    const now = clock.unsafeCurrentTimeMillis()
    for (const [entry, since] of this.#idleSince) {
      const left = since + timeToLive - now
      if (left > 0) {
        // Never longer than the time to live itself, in case the clock was set back.
        const wait = Math.min(left, timeToLive, LONGEST_TIMER)
        this.#looksAt = now + wait
        return Effect.zipRight(Effect.sleep(wait), this.#sweep)
      }
      onExpired(entry)
    }
    this.#looksAt = undefined
    return Effect.void
  })
}

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

/**
 * The idle entries, those that have been idle for longest first, and the one fiber that expires them.
 *
 * @internal
 */
export class IdleEntries<in out T> implements Iterable<T> {
  readonly #options: Options<T>
  /** When each entry became idle, in milliseconds since the epoch. */
  readonly #idleSince = new Map<T, number>()
  #isSweeping = false

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
    if (this.#isSweeping || !Number.isFinite(this.#options.timeToLive)) return
    this.#isSweeping = true
    this.#options.fork(this.#sweep)
  }

  /** Waits for the entry that has been idle for longest, and ends when none is idle. */
  readonly #sweep: Effect.Effect<void> = Effect.suspend(() => {
    const { clock, onExpired, timeToLive } = this.#options
    const now = clock.unsafeCurrentTimeMillis()
    for (const [entry, since] of this.#idleSince) {
      const left = since + timeToLive - now
      // Never longer than the time to live itself, in case the clock was set back.
      if (left > 0) return Effect.zipRight(Effect.sleep(Math.min(left, timeToLive, LONGEST_TIMER)), this.#sweep)
      onExpired(entry)
    }
    this.#isSweeping = false
    return Effect.void
  })
}

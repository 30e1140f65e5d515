import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * How long one waits for one's turn. A platform may end a request, and the work in it, without a word (Cloudflare
 * Workers), so that nobody waits for ever.
 */
const LIMIT = Duration.minutes(1)

/**
 * Work that is done one after the other.
 *
 * @internal
 */
export class Turns {
  #lock = Effect.unsafeMakeSemaphore(1)

  run<A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) => {
      const lock = this.#lock
      return Effect.flatMap(restore(Effect.timeoutOption(lock.take(1), LIMIT)), (taken) => {
        if (Option.isSome(taken)) return Effect.ensuring(restore(work), lock.release(1))
        // The work before has outlived its time. Those who wait for it go on with a new lock.
        if (this.#lock === lock) this.#lock = Effect.unsafeMakeSemaphore(1)
        return restore(this.run(work))
      })
    })
  }
}

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * How long work waits for its turn. Without a limit it could wait for ever, because Cloudflare Workers cancel the work
 * of a request when the request ends.
 */
const LIMIT = Duration.minutes(1)

/**
 * Runs pieces of work one after the other.
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
        // The work before has exceeded its time. All that wait for it continue with a new lock.
        if (this.#lock === lock) this.#lock = Effect.unsafeMakeSemaphore(1)
        return restore(this.run(work))
      })
    })
  }
}

import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import { Signal } from "../waiting/signal.ts"

/**
 * Work for which no caller waits longer than a time limit. Work that cannot be interrupted continues by itself after
 * the limit.
 *
 * @internal
 */
export interface Attempt<A, E> {
  /** How the work ended, or `undefined` if it has not ended within the duration. */
  readonly within: (duration: Duration.Duration) => Effect.Effect<Exit.Exit<A, E> | undefined>
  /** Interrupts the work, and does not wait for its end. */
  readonly interruptFork: Effect.Effect<void>
}

/**
 * Starts the work in a fiber of its own. Work that never waits, such as a storage in memory, has ended when this
 * returns, and needs no timer.
 *
 * @internal
 */
export const start = <A, E>(work: Effect.Effect<A, E>, clock: Clock.Clock): Effect.Effect<Attempt<A, E>> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    // The fiber succeeds with an exit, because Effect would log its failure as one that nobody handles.
    const fiber = Runtime.runFork(runtime)(Effect.interruptible(Effect.exit(work)))
    // Another request may end the work, for example by releasing a lease. A signal resumes each request in its own
    // turn.
    const ended = new Signal()
    fiber.addObserver(() => ended.fire())
    const poll = (): Exit.Exit<A, E> | undefined => {
      const exit = fiber.unsafePoll() ?? undefined
      return exit === undefined || Exit.isSuccess(exit) ? exit?.value : Exit.failCause(exit.cause)
    }
    return {
      interruptFork: Effect.sync(() => fiber.unsafeInterruptAsFork(FiberId.none)),
      within: (duration) => Effect.map(ended.wait(clock.sleep(duration)), poll)
    }
  })

import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"

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
    const runFork = <A>(effect: Effect.Effect<A>) => Runtime.runFork(runtime)(Effect.interruptible(effect))
    // The fiber succeeds with an exit, because Effect would log its failure as one that nobody handles.
    const fiber = runFork(Effect.exit(work))
    return {
      interruptFork: Effect.sync(() => fiber.unsafeInterruptAsFork(FiberId.none)),
      within: (duration) =>
        Effect.suspend(() => {
          const exit = fiber.unsafePoll()
          return exit === null
            ? endOrTimeout(fiber, runFork(clock.sleep(duration)))
            : Effect.succeed(Exit.flatten(exit))
        })
    }
  })

/** How the fiber ended, or `undefined` if the timer has ended first. */
const endOrTimeout = <A, E>(fiber: Fiber.RuntimeFiber<Exit.Exit<A, E>>, timer: Fiber.RuntimeFiber<void>) =>
  Effect.async<Exit.Exit<A, E> | undefined>((resume) => {
    const stop = () => timer.unsafeInterruptAsFork(FiberId.none)
    const onEnd = (exit: Exit.Exit<Exit.Exit<A, E>>) => {
      resume(Effect.succeed(Exit.flatten(exit)))
      stop()
    }
    fiber.addObserver(onEnd)
    timer.addObserver(() => {
      fiber.removeObserver(onEnd)
      resume(Effect.succeed(undefined))
    })
    return Effect.sync(stop)
  })

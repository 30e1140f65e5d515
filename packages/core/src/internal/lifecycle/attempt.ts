import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"

/**
 * Work for whose end nobody waits longer than he wants to: what cannot be interrupted goes on by itself then.
 *
 * @internal
 */
export interface Attempt<A, E> {
  /** How it ended, or `undefined` if it has not ended within the duration. */
  readonly within: (duration: Duration.Duration) => Effect.Effect<Exit.Exit<A, E> | undefined>
  readonly abandon: Effect.Effect<void>
}

/**
 * Work that does not wait for anything, as in memory, has ended when this returns: it takes one fiber, and no timer.
 *
 * @internal
 */
export const start = <A, E>(work: Effect.Effect<A, E>, clock: Clock.Clock): Effect.Effect<Attempt<A, E>> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const runFork = <A>(effect: Effect.Effect<A>) => Runtime.runFork(runtime)(Effect.interruptible(effect))
    // Effect would log the failure of a fiber as one that nobody handles.
    const fiber = runFork(Effect.exit(work))
    return {
      abandon: Effect.sync(() => fiber.unsafeInterruptAsFork(FiberId.none)),
      within: (duration) =>
        Effect.suspend(() => {
          const exit = fiber.unsafePoll()
          return exit === null ? ended(fiber, runFork(clock.sleep(duration))) : Effect.succeed(Exit.flatten(exit))
        })
    }
  })

/** How the fiber ended, or `undefined` if the timer has ended before. */
const ended = <A, E>(fiber: Fiber.RuntimeFiber<Exit.Exit<A, E>>, timer: Fiber.RuntimeFiber<void>) =>
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

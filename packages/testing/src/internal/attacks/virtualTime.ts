/**
 * Runs a program on a clock of its own whose time passes as soon as the program waits for it.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as VirtualClock from "../../VirtualClock.ts"

interface Options {
  /** How much time may pass by the clock. */
  readonly duration: Duration.DurationInput
  /** How long to wait by the clock of the machine for a program that waits for no timer. */
  readonly patience: Duration.DurationInput
}

/** Turns of the event loop without a result after which the program waits for something else. */
const turns = 8

/**
 * The exit of the program, or `undefined` if the program did not end in time and was interrupted.
 *
 * @internal
 */
export const run = <A, E>(program: Effect.Effect<A, E>, options: Options): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    Effect.promise(async () => {
      const clock = VirtualClock.make()
      const fiber = Runtime.runFork(runtime)(Effect.provide(program, clock.layer))
      const exit = () => fiber.unsafePoll() ?? undefined
      await drive(clock, () => exit() !== undefined, options)
      const result = exit()
      if (result === undefined) {
        fiber.unsafeInterruptAsFork(FiberId.none)
        await drive(clock, () => exit() !== undefined, { ...options, duration: "10 minutes" })
      }
      return result
    }))

const drive = async (clock: VirtualClock.VirtualClock, isDone: () => boolean, options: Options): Promise<void> => {
  const until = clock.elapsed + Duration.toMillis(options.duration)
  const patience = Duration.toMillis(options.patience)
  let waited = 0
  while (true) {
    for (let turn = 0; turn < turns && !isDone(); turn++) await clock.advance(0)
    if (isDone()) return
    // Work outside of the event loop, such as that of WebCrypto, goes before the next timer.
    await pause(1)
    await clock.advance(0)
    if (isDone()) return
    if (clock.fireNext(until)) {
      waited = 0
    } else if (waited < patience) {
      waited++
    } else {
      return
    }
  }
}

const pause = (millis: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, millis))

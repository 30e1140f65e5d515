/**
 * Runs an Effect as the program: Ctrl-C interrupts it, so that its scope closes, and the exit code says how it ended.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"

export interface Options {
  /** The exit code after Ctrl-C. Default: 130, as shells have it; 0 for a program that has no other end. */
  readonly whenInterrupted?: number
}

export const runMain = <E>(program: Effect.Effect<unknown, E>, { whenInterrupted = 130 }: Options = {}): void => {
  const fiber = Effect.runFork(program)
  const interrupt = () => fiber.unsafeInterruptAsFork(fiber.id())
  process.once("SIGINT", interrupt)
  process.once("SIGTERM", interrupt)
  fiber.addObserver((exit) => {
    process.off("SIGINT", interrupt)
    process.off("SIGTERM", interrupt)
    if (Exit.isSuccess(exit)) return
    if (Cause.isInterruptedOnly(exit.cause)) {
      process.exitCode = whenInterrupted
    } else {
      process.exitCode = 1
      console.error(explain(exit.cause))
    }
  })
}

/** An expected error was written for people to read; a defect needs its stack. */
const explain = (cause: Cause.Cause<unknown>): string =>
  Cause.failureOption(cause).pipe(
    Option.filter((failure) => failure instanceof Error),
    Option.match({
      onSome: (failure) => failure.message,
      onNone: () => Cause.pretty(cause, { renderErrorCause: true })
    })
  )

/**
 * Runs an Effect as the whole program. Ctrl-C interrupts the Effect, so that its scope closes. The exit code says how
 * it ended.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"

export interface Options {
  /** The exit code after Ctrl-C. Default: 130, the convention of shells. Use 0 for a program that only Ctrl-C ends. */
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

/** The message of an expected error is written for people. A defect needs its stack. */
const explain = (cause: Cause.Cause<unknown>): string =>
  Cause.failureOption(cause).pipe(
    Option.filter((failure) => failure instanceof Error),
    Option.match({
      onSome: (failure) => failure.message,
      onNone: () => Cause.pretty(cause, { renderErrorCause: true })
    })
  )

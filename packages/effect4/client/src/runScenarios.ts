/**
 * Runs every scenario on every protocol and prints a line for each. Fails if one of them fails.
 *
 * Environment: CONTROL_URL, the URL of the control server
 */
import { Config, Console, Data, Effect, Logger } from "effect"
import * as Connection from "./Connection.ts"
import { scenariosOf } from "./scenarios.ts"

class Failed extends Data.TaggedError("Failed")<{ readonly message: string }> {}

const program = Effect.gen(function*() {
  const control = yield* Config.String("CONTROL_URL")
  const all = Connection.lines.flatMap((line) => scenariosOf(line).map((scenario) => ({ line, scenario })))
  const outcomes = yield* Effect.forEach(
    all,
    ({ line, scenario: { run, title } }) =>
      run(line, control).pipe(
        Effect.scoped,
        Effect.timeout("60 seconds"),
        Effect.as(true),
        Effect.tap(() => Console.log(`ok      ${Connection.nameOf(line)}: ${title}`)),
        Effect.catchCause((cause) =>
          Effect.as(Console.log(`FAILED  ${Connection.nameOf(line)}: ${title}\n${String(cause)}`), false)
        )
      ),
    { concurrency: 4 }
  )
  const failed = outcomes.filter((ok) => !ok).length
  if (failed > 0) return yield* new Failed({ message: `${failed} of ${outcomes.length} scenarios failed` })
})

// The log of the providers would hide the lines.
program.pipe(Effect.provide(Logger.layer([])), Effect.runPromise)

/** The log lines of a test. */
import { Effect, Logger, LogLevel } from "effect"

export interface Line {
  readonly level: string
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Passes the test an array of the lines that are logged at a level or above. */
export const logging = <A, E, R>(level: LogLevel.LogLevel, test: (lines: Array<Line>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<Line> = []
    const logger = Logger.make<unknown, void>((entry) => {
      const { logLevel, message } = entry
      const annotations = Object.fromEntries(entry.annotations)
      const line = { level: logLevel.label, message: String(message), annotations }
      if (LogLevel.greaterThanEqual(logLevel, level)) lines.push(line)
    })
    return Effect.provide(test(lines), Logger.add(logger))
  })

/**
 * Whether a scenario passed. The suite's own verdict counts, but is not enough: with a baseline, the suite ignores the
 * exit code of the client and ignores baselined checks that no longer exist. A run without checks passes the suite.
 */
import * as Schema from "effect/Schema"

/** One entry of the suite's `checks.json`. The `INFO` entries are the suite's log of the traffic. */
export const Check = Schema.Struct({
  id: Schema.String,
  status: Schema.Literal("SUCCESS", "FAILURE", "WARNING", "SKIPPED", "INFO"),
  description: Schema.String,
  errorMessage: Schema.optional(Schema.String)
})

export type Check = typeof Check.Type

/** The result of a run of the suite: its exit code, its whole output, and its checks. */
export interface Run {
  readonly exitCode: number
  readonly output: string
  readonly checks: ReadonlyArray<Check>
}

/** A run without problems passes. `excused` is the number of failed checks that the baseline excuses. */
export interface Verdict {
  readonly passed: number
  readonly excused: number
  readonly problems: ReadonlyArray<string>
}

const endProblem = (ended: string | undefined, expectedEnd: ExpectedEnd): ReadonlyArray<string> => {
  if (expectedEnd === "finishes") return ended === undefined ? [] : [ended]
  if (ended === undefined) return ["the client finished its work instead of refusing"]
  return ended.includes("code 1)") ? [] : [ended]
}

/** The line of the suite about a client that timed out or exited with an error where that is not allowed. */
const clientFailure = /CLIENT (?:TIMED OUT|EXITED WITH ERROR.*)(?= - )/

/**
 * `finishes`: the client must do its work. `refuses`: the client must exit with an error, since the servers ask for what
 * it must not do.
 */
export type ExpectedEnd = "finishes" | "refuses"

export const judge = (
  { checks, exitCode, output }: Run,
  baselined: ReadonlySet<string>,
  expectedEnd: ExpectedEnd = "finishes"
): Verdict => {
  const passed = checks.filter(({ status }) => status === "SUCCESS")
  const failed = checks.filter(({ status }) => status === "FAILURE" || status === "WARNING")
  const failedIds = new Set(failed.map(({ id }) => id))
  const ended = clientFailure.exec(output)?.[0].toLowerCase()
  return {
    passed: passed.length,
    excused: [...baselined].filter((id) => failedIds.has(id)).length,
    problems: [
      ...(passed.length + failed.length === 0 ? ["no check ran"] : []),
      ...endProblem(ended, expectedEnd),
      ...failed.filter(({ id }) => !baselined.has(id)).map(({ description, errorMessage, id, status }) =>
        `${status} ${id}: ${errorMessage ?? description}`
      ),
      ...[...baselined].filter((id) => !failedIds.has(id)).map((id) =>
        passed.some((check) => check.id === id)
          ? `${id} passes: remove it from the baseline`
          : `${id} did not run: remove it from the baseline`
      ),
      ...(exitCode === 0 ? [] : [`the suite exited with code ${exitCode}`])
    ]
  }
}

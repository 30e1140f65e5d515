/** What a mutant is, and what can become of one. */

/** A place in a source file. Lines and columns count from 1, as editors show them. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** One change of one expression. */
export interface Mutant {
  readonly id: string
  /** The path of the source file, relative to its package. */
  readonly file: string
  readonly start: Place
  readonly end: Place
  /** The kind of the change, as Stryker names it. */
  readonly mutator: string
  readonly original: string
  readonly replacement: string
  /** Why no test can notice the change: the text of a `Stryker disable` comment. Such a mutant is not run. */
  readonly explanation: string | undefined
}

/**
 * What became of a mutant.
 *
 * - `killed`: a test failed.
 * - `timedOut`: a test did not end.
 * - `survived`: the tests that run the changed code passed.
 * - `uncovered`: no test runs the changed code.
 * - `explained`: a comment in the source says why no test can notice the change.
 */
export type Status = "killed" | "timedOut" | "survived" | "uncovered" | "explained"

export interface Outcome {
  readonly mutant: Mutant
  readonly status: Status
  /** The id of the test that noticed the change. */
  readonly test?: string | undefined
  /** The title of the test that noticed the change, and its error. */
  readonly message?: string | undefined
}

/** How a mutant is named in lists: `src/Grant.ts:12:7 EqualityOperator: a < b → a <= b`. */
export const describeMutant = ({ file, mutator, original, replacement, start }: Mutant): string =>
  `${file}:${start.line}:${start.column} ${mutator}: ${oneLine(original)} → ${oneLine(replacement)}`

const oneLine = (code: string): string => {
  const line = code.replaceAll(/\s+/g, " ").trim()
  return line.length > 160 ? `${line.slice(0, 120)} … ${line.slice(-36)}` : line
}

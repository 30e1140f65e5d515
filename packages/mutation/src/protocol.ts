/** What the program and its workers say to each other: one JSON value a line, over a local socket. */
import type { Socket } from "node:net"
import { createInterface } from "node:readline"

/** A test that the dry run saw. */
export interface TestRecord {
  /** The id that vitest derives from the file and the position of the test. */
  readonly id: string
  /** The absolute path of the test file. */
  readonly file: string
  readonly title: string
  /** Milliseconds of CPU time that the test took without a mutant. */
  readonly duration: number
  /** The ids of the mutants whose code the test runs. */
  readonly covers: ReadonlyArray<string>
}

/** One test file without a mutant. */
export interface DryRun {
  readonly tests: ReadonlyArray<TestRecord>
  /** How often the tests of the file run each mutant's code, together. */
  readonly hits: Readonly<Record<string, number>>
  /** The mutants whose code runs while the test file itself is loaded, its modules being loaded already. */
  readonly collecting: ReadonlyArray<string>
  /** The mutants whose code ran while this worker loaded modules. */
  readonly loading: ReadonlyArray<string>
  /** The tests that fail without a mutant, with their first error. */
  readonly failures: ReadonlyArray<string>
}

/** One mutant and the tests to run, in this order. */
export interface Job {
  readonly mutant: string
  /** The source file of the mutant to load anew, if the mutant's code runs while the module is loaded. */
  readonly reload: string | undefined
  readonly hitLimit: number
  /** The milliseconds of CPU time that a test may take beyond five times what it takes without a mutant. */
  readonly patience: number
  readonly files: ReadonlyArray<{
    readonly file: string
    readonly tests: ReadonlyArray<{ readonly id: string; readonly duration: number }>
  }>
}

export type Request =
  | { readonly _tag: "DryRun"; readonly file: string }
  | { readonly _tag: "Job"; readonly job: Job }
  | { readonly _tag: "End" }

export type Response =
  | { readonly _tag: "DryRunDone"; readonly run: DryRun }
  | {
    readonly _tag: "JobDone"
    readonly status: "killed" | "timedOut" | "survived"
    /** The id of the test that failed, and what it said. */
    readonly test: string | undefined
    readonly message: string | undefined
    /** Whether code of an endless test may go on in the worker. */
    readonly spoiled: boolean
  }

export const send = (socket: Socket, message: Request | Response): void => {
  socket.write(`${JSON.stringify(message)}\n`)
}

/** Calls back with each request of the program. */
export const onRequest = (socket: Socket, callback: (request: Request) => void): void => {
  createInterface({ input: socket }).on("line", (line) => callback(JSON.parse(line)))
}

/** Calls back with each response of a worker. */
export const onResponse = (socket: Socket, callback: (response: Response) => void): void => {
  createInterface({ input: socket }).on("line", (line) => callback(JSON.parse(line)))
}

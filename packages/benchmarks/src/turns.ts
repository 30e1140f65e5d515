/**
 * A process that works for one line of Effect, a turn at a time. Between its turns it waits for the other line's.
 */
import * as Schema from "effect/Schema"
import { fork } from "node:child_process"
import type { ForkOptions } from "node:child_process"
import { Figure } from "./comparison.ts"

export const Turn = Schema.Struct({
  /** The name of the kind of work. */
  row: Schema.String,
  seed: Schema.Number,
  warmSeconds: Schema.Number
})
export type Turn = typeof Turn.Type

export const Taken = Schema.Struct({ title: Schema.String, figures: Schema.Array(Figure) })
export type Taken = typeof Taken.Type

export interface LineProcess {
  readonly take: (turn: Turn) => Promise<Taken>
  readonly close: () => Promise<void>
}

/** Starts the process for the line of Effect that the benchmarks in this folder are written for. */
export const start = (benchmarks: URL, options: ForkOptions = {}): LineProcess => {
  const program = new URL("src/programs/turns.ts", benchmarks)
  const child = fork(program, { execArgv: [], ...options })
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve))
  return {
    take: (turn) =>
      new Promise((resolve, reject) => {
        void exited.then((code) => reject(new Error(`${program.pathname} has ended (exit code ${code})`)))
        child.once("message", (message) => resolve(Schema.decodeUnknownSync(Taken)(message)))
        child.send(turn)
      }),
    close: async () => {
      if (child.connected) child.disconnect()
      await exited
    }
  }
}

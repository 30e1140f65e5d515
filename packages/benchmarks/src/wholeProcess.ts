/**
 * A process from its start to its end, measured from outside: what it costs before the first of its own lines and after
 * the last counts as well.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"

export interface Cost {
  /** CPU time, user and system, in milliseconds. */
  readonly cpuMillis: number
  readonly wallMillis: number
}

/** The shell's own `time`: Node gives no account of a child that has ended. Seconds: elapsed, user, system. */
const timed = "TIMEFORMAT='%3R %3U %3S'; time \"$@\""

/** Runs a program of Node and says what it took. Rejects if it fails. */
export const run = async (program: string, args: ReadonlyArray<string>): Promise<Cost> => {
  const { stderr } = await promisify(execFile)(
    "bash",
    ["-c", timed, "bash", process.execPath, program, ...args],
    { env: { PATH: process.env["PATH"], LC_ALL: "C" } }
  )
  const [elapsed, user, system] = stderr.trim().split("\n").at(-1)?.split(" ").map(Number) ?? []
  if (elapsed === undefined || user === undefined || system === undefined) {
    throw new Error(`bash does not say what ${program} took, but: ${stderr}`)
  }
  return { cpuMillis: (user + system) * 1000, wallMillis: elapsed * 1000 }
}

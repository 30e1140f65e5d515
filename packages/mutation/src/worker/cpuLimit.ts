/**
 * Ends this process when it has used too much CPU time. Code that never gives up the thread cannot be stopped from
 * within the thread, so another thread watches. CPU time instead of elapsed time: a busy machine must not make a mutant
 * look endless.
 */
import { Worker } from "node:worker_threads"

/** The CPU time that this process has used, in milliseconds. */
export const cpuTime = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

/** The CPU time at which the process ends, in milliseconds. */
const end = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)).fill(Number.POSITIVE_INFINITY)

const PROGRAM = `
const { workerData } = require("node:worker_threads")
setInterval(() => {
  const { system, user } = process.cpuUsage()
  if ((system + user) / 1000 >= workerData[0]) process.kill(process.pid, "SIGKILL")
}, 200)
`

let watcher: Worker | undefined

/** Lets this process use so many milliseconds of CPU time from now on, in place of what it was allowed before. */
export const allow = (milliseconds: number): void => {
  watcher ??= new Worker(PROGRAM, { eval: true, workerData: end })
  watcher.unref()
  end[0] = cpuTime() + milliseconds
}

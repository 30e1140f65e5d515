/**
 * Makes calls, many at once or at a rate, and counts their outcomes.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { quantile } from "./statistics.ts"

export interface Outcome {
  readonly calls: number
  /** Calls that were not let in, or that had no answer. */
  readonly failed: number
  /** How long the calls took, failed ones too, in milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly finished: ReadonlyArray<Finished>
}

export interface Finished {
  /** When it was due, in milliseconds since the first call. */
  readonly due: number
  /** When it was started and when it was over: later than it was due, on a busy machine. */
  readonly from: number
  readonly to: number
  readonly letIn: boolean
  /** From when it was due. */
  readonly millis: number
  /** What it says if it was not let in: the messages of the error and of its causes, or the status. */
  readonly problem: string | undefined
}

/** The messages of an error and of its causes, the outermost first. */
const explain = (error: unknown): string =>
  error instanceof Error
    ? [error.message, ...(error.cause === undefined ? [] : [explain(error.cause)])].join(" < ")
    : String(error)

const finish = async (call: () => Promise<number>, start: number, due: number): Promise<Finished> => {
  const from = performance.now() - start
  const problem = await call().then((status) => status === 200 ? undefined : `status ${status}`, explain)
  const to = performance.now() - start
  return { due: due - start, from, to, letIn: problem === undefined, millis: to - (due - start), problem }
}

const outcomeOf = (finished: ReadonlyArray<Finished>): Outcome => {
  const millis = finished.map((call) => call.millis)
  return {
    calls: finished.length,
    failed: finished.filter((call) => !call.letIn).length,
    finished,
    p50: quantile(millis, 0.5),
    p99: quantile(millis, 0.99)
  }
}

export const atOnce = async (call: () => Promise<number>, count: number): Promise<Outcome> => {
  const due = performance.now()
  return outcomeOf(await Promise.all(Array.from({ length: count }, () => finish(call, due, due))))
}

/** Several outcomes as one. */
export const pooled = (outcomes: ReadonlyArray<Outcome>): Outcome =>
  outcomeOf(outcomes.flatMap(({ finished }) => finished))

/**
 * An open loop: each call starts when it is due, whether or not earlier calls have been answered, and its time counts
 * from when it was due. A client that stalls cannot hide that by making fewer calls.
 */
export const atRate = async (call: () => Promise<number>, perSecond: number, seconds: number): Promise<Outcome> => {
  const calls: Array<Promise<Finished>> = []
  const start = performance.now()
  for (let i = 0; i < perSecond * seconds; i++) {
    const due = start + (i * 1000) / perSecond
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    calls.push(finish(call, start, due))
  }
  return outcomeOf(await Promise.all(calls))
}

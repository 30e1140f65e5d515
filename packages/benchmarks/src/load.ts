/**
 * Calls, many at once or so many a second, and what became of them.
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
  /** When the failed ones were due, in milliseconds since the first call. */
  readonly failedAt: ReadonlyArray<number>
}

interface Finished {
  readonly due: number
  readonly letIn: boolean
  readonly millis: number
}

const finish = async (call: () => Promise<number>, due: number): Promise<Finished> => {
  const status = await call().catch(() => 0)
  return { due, letIn: status === 200, millis: performance.now() - due }
}

const outcomeOf = async (calls: ReadonlyArray<Promise<Finished>>): Promise<Outcome> => {
  const finished = await Promise.all(calls)
  const millis = finished.map((call) => call.millis)
  const start = Math.min(...finished.map((call) => call.due))
  const failedAt = finished.filter((call) => !call.letIn).map((call) => call.due - start)
  return {
    calls: finished.length,
    failed: failedAt.length,
    failedAt,
    p50: quantile(millis, 0.5),
    p99: quantile(millis, 0.99)
  }
}

export const atOnce = (call: () => Promise<number>, count: number): Promise<Outcome> => {
  const due = performance.now()
  return outcomeOf(Array.from({ length: count }, () => finish(call, due)))
}

/**
 * An open loop: a call is started when it is due, whether or not earlier ones have been answered, and its time counts
 * from when it was due. A client that stalls cannot hide it by asking less.
 */
export const atRate = async (call: () => Promise<number>, perSecond: number, seconds: number): Promise<Outcome> => {
  const calls: Array<Promise<Finished>> = []
  const start = performance.now()
  for (let i = 0; i < perSecond * seconds; i++) {
    const due = start + (i * 1000) / perSecond
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    calls.push(finish(call, due))
  }
  return outcomeOf(calls)
}

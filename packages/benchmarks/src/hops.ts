/**
 * How many requests a caller waited for, one after the other, read from the servers' log.
 */
import type { LogEntry } from "./control.ts"

/** Requests that were all under way at the same time. */
export type Hop = ReadonlyArray<LogEntry>

export const hopsOf = (log: ReadonlyArray<LogEntry>): ReadonlyArray<Hop> => {
  const hops: Array<Array<LogEntry>> = []
  for (const entry of log.toSorted((a, b) => a.from - b.from)) {
    const last = hops.at(-1)
    if (last?.every((other) => entry.from < other.to) === true) last.push(entry)
    else hops.push([entry])
  }
  return hops
}

const describe = ({ endpoint, status }: LogEntry): string => status === 200 ? endpoint : `${endpoint} ${status}`

export const describeHops = (hops: ReadonlyArray<Hop>): string =>
  hops.map((hop) => hop.map(describe).join(" + ")).join(" → ")

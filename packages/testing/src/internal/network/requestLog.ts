/**
 * The requests of a `TestNetwork` in the order in which they were sent, and who waits for more of them.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ConnectionDropped } from "../../Answer.ts"
import type { Endpoint, NetworkRequest, Outcome, RecordedRequest, Target } from "../../NetworkRequest.ts"

/** @internal */
export interface Entry extends NetworkRequest {
  readonly endpoint: Endpoint
  readonly inFlight: number
  /** The steps of the log at which the request began and ended: they order what happened at the same instant. */
  readonly started: number
  ended: number
  outcome: Outcome
  bytesRead: number
}

interface Waiter {
  readonly target: Target
  readonly count: number
  readonly done: Deferred.Deferred<void>
}

const snapshot = ({ ended: _ended, started: _started, ...request }: Entry): RecordedRequest => request

/** @internal */
export const isSelected = (target: Target, entry: Entry): boolean =>
  typeof target === "string" ? entry.endpoint === target : target(snapshot(entry))

/** @internal */
export class RequestLog {
  #entries: Array<Entry> = []
  #waiters: ReadonlyArray<Waiter> = []
  #inFlight = 0
  #steps = 0

  /** A request has been sent. */
  begin(request: NetworkRequest, endpoint: Endpoint): Entry {
    this.#inFlight++
    const entry: Entry = {
      ...request,
      endpoint,
      inFlight: this.#inFlight,
      started: this.#steps++,
      ended: Number.POSITIVE_INFINITY,
      outcome: { _tag: "Pending" },
      bytesRead: 0
    }
    this.#entries.push(entry)
    return entry
  }

  /** Resumes those that wait for the requests so far. They may send requests and prepare answers at once. */
  announce(): void {
    const satisfied = this.#waiters.filter(({ count, target }) => this.count(target) >= count)
    this.#waiters = this.#waiters.filter((waiter) => !satisfied.includes(waiter))
    for (const { done } of satisfied) Deferred.unsafeDone(done, Exit.void)
  }

  end(entry: Entry, exit: Exit.Exit<Response, ConnectionDropped>): Effect.Effect<void> {
    return Effect.map(Clock.currentTimeMillis, (at) => {
      this.#inFlight--
      entry.ended = this.#steps++
      entry.outcome = Exit.match(exit, {
        onSuccess: (response): Outcome => ({ _tag: "Answered", at, status: response.status }),
        onFailure: (cause) => ({ _tag: Cause.isInterruptedOnly(cause) ? "Interrupted" : "Dropped", at })
      })
    })
  }

  all(): ReadonlyArray<RecordedRequest> {
    return this.#entries.map(snapshot)
  }

  to(target: Target): ReadonlyArray<RecordedRequest> {
    return this.#select(target).map(snapshot)
  }

  count(target: Target): number {
    return this.#select(target).length
  }

  maxInFlight(target: Target): number {
    const all = this.#select(target)
    return all.reduce(
      (most, one) => Math.max(most, all.filter((_) => _.started <= one.started && _.ended > one.started).length),
      0
    )
  }

  awaitCount(target: Target, count: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.count(target) >= count) return Effect.void
      return Effect.flatMap(Deferred.make<void>(), (done) => {
        this.#waiters = [...this.#waiters, { target, count, done }]
        return Deferred.await(done)
      })
    })
  }

  clear(): void {
    this.#entries = []
  }

  #select(target: Target): ReadonlyArray<Entry> {
    return this.#entries.filter((entry) => isSelected(target, entry))
  }
}

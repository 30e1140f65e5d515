import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

type Ticket = Deferred.Deferred<void>

/**
 * Leases within this process: for each name a queue in the order of arrival, whose first ticket holds the lease. An
 * empty queue is removed.
 *
 * @internal
 */
export const make = (): (name: string) => Effect.Effect<void, never, Scope.Scope> => {
  const queues = new Map<string, Set<Ticket>>()

  const enter = (name: string): Ticket => {
    const ticket = Deferred.unsafeMake<void>(FiberId.none)
    const queue = queues.get(name)
    if (queue !== undefined) queue.add(ticket)
    else {
      queues.set(name, new Set([ticket]))
      Deferred.unsafeDone(ticket, Effect.void)
    }
    return ticket
  }

  /** A ticket that was not first may leave too: the first ticket is then completed again, which does nothing. */
  const leave = (name: string, ticket: Ticket): void => {
    const queue = queues.get(name)
    queue?.delete(ticket)
    const first = queue?.values().next().value
    if (first === undefined) queues.delete(name)
    else Deferred.unsafeDone(first, Effect.void)
  }

  return (name) =>
    Effect.flatMap(
      Effect.acquireRelease(Effect.sync(() => enter(name)), (ticket) => Effect.sync(() => leave(name, ticket))),
      Deferred.await
    )
}

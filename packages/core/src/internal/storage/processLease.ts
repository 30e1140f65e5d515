import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

interface Ticket {
  readonly turn: Deferred.Deferred<void>
  /** When the ticket became the first of its queue, in milliseconds since the epoch. */
  heldSince: number | undefined
}

/**
 * The longest time that a lease is held, in milliseconds. No acquisition takes as long. The limit is for a holder that
 * never releases its lease, because the platform has cancelled its work with the request that began it.
 */
const LONGEST_LEASE = 5 * 60 * 1000

/**
 * Leases within this process: for each name a queue in the order of arrival, whose first ticket holds the lease. An
 * empty queue is removed.
 *
 * @internal
 */
export const make = (): (name: string) => Effect.Effect<void, never, Scope.Scope> => {
  const queues = new Map<string, Set<Ticket>>()

  const enter = (name: string, now: number): Ticket => {
    const ticket: Ticket = { turn: Deferred.unsafeMake<void>(FiberId.none), heldSince: undefined }
    const queue = queues.get(name)
    if (queue === undefined) queues.set(name, new Set([ticket]))
    else queue.add(ticket)
    const [first] = queues.get(name) ?? []
    if (first?.heldSince !== undefined && now - first.heldSince > LONGEST_LEASE) leave(name, first, now)
    else grantFirst(name, now)
    return ticket
  }

  const grantFirst = (name: string, now: number): void => {
    const [first] = queues.get(name) ?? []
    if (first === undefined) queues.delete(name)
    else {
      first.heldSince ??= now
      Deferred.unsafeDone(first.turn, Effect.void)
    }
  }

  /** A ticket that was not first may leave too: the first ticket is then completed again, which does nothing. */
  const leave = (name: string, ticket: Ticket, now: number): void => {
    queues.get(name)?.delete(ticket)
    grantFirst(name, now)
  }

  return (name) =>
    Effect.flatMap(Effect.clock, (clock) =>
      Effect.flatMap(
        Effect.acquireRelease(
          Effect.sync(() => enter(name, clock.unsafeCurrentTimeMillis())),
          (ticket) => Effect.sync(() => leave(name, ticket, clock.unsafeCurrentTimeMillis()))
        ),
        ({ turn }) => Deferred.await(turn)
      ))
}

import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

type Ticket = Deferred.Deferred<void>

/**
 * Leases that hold within this process: a line per name, in the order of arrival, whose first has the lease. Gone when
 * nobody is in it.
 *
 * @internal
 */
export const make = (): (name: string) => Effect.Effect<void, never, Scope.Scope> => {
  const lines = new Map<string, Set<Ticket>>()

  const enter = (name: string): Ticket => {
    const ticket = Deferred.unsafeMake<void>(FiberId.none)
    const line = lines.get(name)
    if (line !== undefined) line.add(ticket)
    else {
      lines.set(name, new Set([ticket]))
      Deferred.unsafeDone(ticket, Effect.void)
    }
    return ticket
  }

  /** Also for who has not been first yet: then the first, who is told so again, takes no notice. */
  const leave = (name: string, ticket: Ticket): void => {
    const line = lines.get(name)
    line?.delete(ticket)
    const first = line?.values().next().value
    if (first === undefined) lines.delete(name)
    else Deferred.unsafeDone(first, Effect.void)
  }

  return (name) =>
    Effect.flatMap(
      Effect.acquireRelease(Effect.sync(() => enter(name)), (ticket) => Effect.sync(() => leave(name, ticket))),
      Deferred.await
    )
}

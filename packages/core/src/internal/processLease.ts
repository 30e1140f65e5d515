import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * Leases that hold within this process: one semaphore per name under lease, gone when nobody holds or awaits it.
 *
 * @internal
 */
export const make = (): (name: string) => Effect.Effect<void, never, Scope.Scope> => {
  const leases = new Map<string, { readonly semaphore: Effect.Semaphore; users: number }>()
  return (name) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const lease = leases.get(name) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
        leases.set(name, lease)
        lease.users++
        return lease
      }),
      (lease) => Effect.sync(() => --lease.users === 0 && leases.delete(name))
    ).pipe(
      Effect.flatMap(({ semaphore }) =>
        Effect.acquireRelease(Effect.interruptible(semaphore.take(1)), () => semaphore.release(1))
      ),
      Effect.asVoid
    )
}

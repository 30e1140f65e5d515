/**
 * Fibers that belong to a scope instead of to the caller that happened to start them.
 *
 * A token request, a metadata document and an assertion are shared by many callers. The fiber that gets one must
 * survive its first caller, must end with its owner, and must not report an interruption to callers when only the
 * owner was closed. For authors of providers.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as BackgroundClock from "../internal/waiting/backgroundClock.ts"

/**
 * The fibers of one owner.
 *
 * @since 0.1.0
 * @category models
 */
export interface OwnedFibers<R = never> {
  /** Whether the owner's scope has ended. No fiber may be started then. */
  readonly isClosed: () => boolean
  /** The scope of the fibers, a child of the owner's. */
  readonly scope: Scope.Scope
  /**
   * Starts a fiber that only the owner's end interrupts. The fiber can be interrupted even where the owner was made in
   * a region that cannot, because time limits would have no effect otherwise. Its timers do not keep the process
   * running, unless the fiber has a runtime of its own: a script can end while the fiber waits to renew a token.
   *
   * @param runtime the context and settings of the fiber; the owner's by default
   */
  readonly fork: <A, E>(work: Effect.Effect<A, E, R>, runtime?: Runtime.Runtime<R>) => Fiber.RuntimeFiber<A, E>
  /**
   * Waits for an owned fiber. If the owner's end has interrupted the fiber, the outcome is that of `onClosed`, since
   * nobody interrupted the caller that waits.
   */
  readonly orWhenClosed: <A, E, B, E2>(
    wait: Effect.Effect<A, E>,
    onClosed: Effect.Effect<B, E2>
  ) => Effect.Effect<A | B, E | E2>
}

/**
 * An owner for as long as the scope lasts. `onClose` runs when the scope ends, before the fibers are interrupted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(onClose?: () => void): Effect.Effect<OwnedFibers<R>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const own = yield* Effect.withClock(Effect.runtime<R>(), BackgroundClock.of(yield* Effect.clock))
    const scope = yield* Scope.make()
    let closed = false
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        closed = true
        onClose?.()
        return Scope.close(scope, exit)
      })
    )
    return {
      isClosed: () => closed,
      scope,
      fork: (work, runtime = own) => Runtime.runFork(runtime)(Effect.interruptible(work), { scope }),
      orWhenClosed: <A, E, B, E2>(wait: Effect.Effect<A, E>, onClosed: Effect.Effect<B, E2>) =>
        Effect.catchAllCause(
          wait,
          (cause): Effect.Effect<A | B, E | E2> =>
            closed && Cause.isInterruptedOnly(cause) ? onClosed : Effect.failCause(cause)
        )
    }
  })

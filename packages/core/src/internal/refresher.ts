import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as RefreshPolicy from "../RefreshPolicy.ts"

/**
 * Renews a token in the background: one fiber, asleep most of the time, gone when there is nothing to do.
 *
 * @internal
 */
export interface Refresher {
  /** Something has changed that `next` depends on, or somebody used the token when it was due. */
  readonly unsafeWake: () => void
}

/**
 * - `next`: when to renew next, in milliseconds since the epoch; a moment that has passed means now, `undefined` that there
 *   is nothing to do until somebody wakes it.
 * - `renew`: one attempt, and whether it brought a token; after it `next` knows more.
 *
 * @internal
 */
export const make = (options: {
  readonly clock: Clock.Clock
  readonly next: (at: number) => number | undefined
  readonly renew: Effect.Effect<boolean>
  readonly fork: (work: Effect.Effect<unknown>) => Fiber.RuntimeFiber<unknown>
}): Refresher => {
  const { clock, fork, next, renew } = options
  let fiber: Fiber.RuntimeFiber<unknown> | undefined
  let state: "Idle" | "Renewing" | number = "Idle"

  /** One attempt if it is due, and in how many milliseconds to look again. */
  const look: Effect.Effect<Option.Option<number>> = Effect.suspend(() => {
    const at = clock.unsafeCurrentTimeMillis()
    const due = next(at)
    if (due === undefined) {
      state = "Idle"
      return Effect.succeedNone
    }
    if (at < due) {
      state = due
      return Effect.succeedSome(due - at)
    }
    state = "Renewing"
    return Effect.flatMap(renew, (renewed) => renewed ? startAgain : Effect.succeedSome(0))
  })

  const startAgain = Effect.sync(() => {
    state = "Idle"
    unsafeWake()
    return Option.none<number>()
  })

  const unsafeWake = (): void => {
    if (state === "Renewing") return
    const at = clock.unsafeCurrentTimeMillis()
    const due = next(at)
    // Timers sleep on while a machine is suspended.
    if (due === undefined || (state !== "Idle" && at < state && state <= due)) return
    if (state !== "Idle") fiber?.unsafeInterruptAsFork(fiber.id())
    state = due
    // There may be thousands asleep until their token is due. A plain sleep holds half as much memory as a schedule.
    const wait = Duration.millis(Math.min(due - at, RefreshPolicy.MAX_DELAY))
    fiber = fork(
      Effect.zipRight(due > at ? clock.sleep(wait) : Effect.void, Effect.repeat(look, RefreshPolicy.schedule))
    )
  }

  return { unsafeWake }
}

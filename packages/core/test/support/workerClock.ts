/** A platform that ends the timers of a request together with it, as Cloudflare Workers do. */
import { Effect } from "effect"
import { changedClock } from "./changedClock.ts"

/**
 * A clock over that of the test. While `isOver`, none of its timers fires. `ahead` is how far the clock of the machine
 * is ahead of the timers, in milliseconds, as after a suspend.
 */
export const makeWorkerClock = Effect.map(Effect.clock, (clock) => {
  const platform = { isOver: false, ahead: 0 }
  const now = () => clock.unsafeCurrentTimeMillis() + platform.ahead
  const own = changedClock(clock, {
    unsafeCurrentTimeMillis: now,
    currentTimeMillis: Effect.sync(now),
    sleep: (duration) =>
      Effect.zipRight(
        clock.sleep(duration),
        Effect.suspend(() => platform.isOver ? Effect.never : Effect.void)
      )
  })
  return { clock: own, platform }
})

/** A platform that ends the timers of a request together with it, as Cloudflare Workers do. */
import { type Clock, Duration, Effect } from "effect"

/**
 * A clock over that of the test. While `isOver`, none of its timers fires. `ahead` is how far the clock of the machine
 * is ahead of the timers, in milliseconds, as after a suspend.
 */
export const makeWorkerClock = Effect.map(Effect.clock, (clock) => {
  const platform = { isOver: false, ahead: 0 }
  const now = () => clock.unsafeCurrentTimeMillis() + platform.ahead
  const own: Clock.Clock = Object.assign(Object.create(clock), {
    unsafeCurrentTimeMillis: now,
    currentTimeMillis: Effect.sync(now),
    sleep: (duration: Duration.DurationInput) =>
      Effect.zipRight(
        clock.sleep(Duration.decode(duration)),
        Effect.suspend(() => platform.isOver ? Effect.never : Effect.void)
      )
  })
  return { clock: own, platform }
})

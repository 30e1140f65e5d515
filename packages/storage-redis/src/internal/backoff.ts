import * as Effect from "effect/Effect"
import type * as Random from "effect/Random"

/**
 * How long to wait before the connection is made again, in milliseconds: longer each time, and each client by chance, so
 * that not all of them come back to a restarted Redis in the same moment.
 *
 * @internal
 */
export const backoff = (random: Random.Random) => (times: number): number =>
  Effect.runSync(random.nextIntBetween(1, Math.min(times * 50, 1000) + 1))

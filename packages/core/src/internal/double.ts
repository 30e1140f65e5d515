import * as Duration from "effect/Duration"

/**
 * So many times doubled, up to the longest; in milliseconds.
 *
 * @internal
 */
export const double = (base: Duration.Duration, times: number, max: Duration.Duration): number =>
  Math.min(Duration.toMillis(max), Duration.toMillis(base) * 2 ** Math.min(times, 30))

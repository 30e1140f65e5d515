import * as Duration from "effect/Duration"

/**
 * How often work shows that it is alive.
 *
 * @internal
 */
export const PULSE = Duration.millis(500)

/**
 * How often those who wait look for a pulse. No look comes without a pulse in between, as long as timers run.
 *
 * @internal
 */
export const LOOK = Duration.millis(1500)

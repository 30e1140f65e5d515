import type { Clock } from "effect"

/** A clock with some of its members changed. */
export const changedClock = (clock: Clock.Clock, changes: Partial<Clock.Clock>): Clock.Clock =>
  Object.assign(Object.create(clock), changes)

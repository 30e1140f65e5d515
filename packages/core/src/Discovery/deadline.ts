import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Options } from "./Contract.ts"

/**
 * The current time, in milliseconds since the epoch.
 *
 * @internal
 */
export const currentTime = Effect.clockWith((clock) => Effect.sync(() => clock.unsafeCurrentTimeMillis()))

/**
 * The time limit of one discovery, with its beginning and its end in milliseconds since the epoch.
 *
 * @internal
 */
export interface Deadline {
  readonly limit: Duration.Duration
  readonly startedAt: number
  readonly until: number
}

/**
 * The deadline of a discovery that begins now.
 *
 * @internal
 */
export const deadlineOf = ({ timeout }: Options): Effect.Effect<Deadline> =>
  Effect.map(currentTime, (now) => ({ limit: timeout, startedAt: now, until: now + Duration.toMillis(timeout) }))

/**
 * How long a token request waits for a document that is not required: half the time limit of a request. The reading
 * continues in the cache, and the next reader gets its result.
 *
 * @internal
 */
export const patienceOf = ({ limits }: Options): Duration.Duration =>
  Duration.times(Duration.decode(limits.timeout), 0.5)

import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { isShort } from "../../authoring/HttpExchange.ts"
import { withoutReports } from "../effect/spans.ts"

/** The length of a short body, in bytes. Reading it frees the connection several times cheaper than cancelling it. */
const SHORT = 64 * 1024

/**
 * Frees the connection of a response whose body nobody reads. The caller does not wait, because the body may be a
 * stream that never ends.
 *
 * @internal
 */
export const discard = (response: HttpClientResponse): Effect.Effect<void> => {
  const free: Effect.Effect<unknown, unknown> = isShort(response, SHORT)
    ? response.arrayBuffer
    : Stream.runForEachWhile(response.stream, () => Effect.succeed(false))
  return free.pipe(
    Effect.timeout("1 second"),
    Effect.ignore,
    // A body may break off after the span has ended.
    withoutReports,
    Effect.forkDaemon,
    Effect.asVoid
  )
}

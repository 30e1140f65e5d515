import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * Lets go of a response that nobody will read, so that its connection is free again. Nobody waits for it: the body may
 * be a stream that never ends.
 *
 * @internal
 */
export const discard = (response: HttpClientResponse): Effect.Effect<void> =>
  Stream.runForEachWhile(response.stream, () => Effect.succeed(false)).pipe(
    Effect.timeout("1 second"),
    Effect.ignore,
    Effect.forkDaemon,
    Effect.asVoid
  )

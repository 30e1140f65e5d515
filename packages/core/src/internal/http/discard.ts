import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** In bytes. A body that is announced to be no longer is read; any other is given up, which costs several times as much. */
const SHORT = 64 * 1024

/** What is compressed may be of any length when it is read. */
const isShort = ({ headers }: HttpClientResponse): boolean => {
  const length = headers["content-length"]
  return length !== undefined && Number(length) <= SHORT && headers["content-encoding"] === undefined
}

/**
 * Lets go of a response that nobody will read, so that its connection is free again. Nobody waits for it: the body may
 * be a stream that never ends.
 *
 * @internal
 */
export const discard = (response: HttpClientResponse): Effect.Effect<void> => {
  const letGo: Effect.Effect<unknown, unknown> = isShort(response)
    ? response.arrayBuffer
    : Stream.runForEachWhile(response.stream, () => Effect.succeed(false))
  return letGo.pipe(
    Effect.timeout("1 second"),
    Effect.ignore,
    // A body that breaks off is no news, least of all to a span that has ended.
    Effect.withUnhandledErrorLogLevel(Option.none()),
    Effect.forkDaemon,
    Effect.asVoid
  )
}

import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** In bytes. Reading a short body frees the connection several times cheaper than cancelling it. */
const SHORT = 64 * 1024

/** Only an uncompressed body is as long as its `Content-Length` says. */
const isShort = ({ headers }: HttpClientResponse): boolean => {
  const length = headers["content-length"]
  return length !== undefined && Number(length) <= SHORT && headers["content-encoding"] === undefined
}

/**
 * Frees the connection of a response whose body nobody reads. The caller does not wait, because the body may be a
 * stream that never ends.
 *
 * @internal
 */
export const discard = (response: HttpClientResponse): Effect.Effect<void> => {
  const free: Effect.Effect<unknown, unknown> = isShort(response)
    ? response.arrayBuffer
    : Stream.runForEachWhile(response.stream, () => Effect.succeed(false))
  return free.pipe(
    Effect.timeout("1 second"),
    Effect.ignore,
    // Effect would log a body that breaks off, and write it into a span that has ended.
    Effect.withUnhandledErrorLogLevel(Option.none()),
    Effect.forkDaemon,
    Effect.asVoid
  )
}

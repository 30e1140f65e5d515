import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * Reads the parts of a body as they arrive, until the body ends or `onPart` returns an error. The parts are pulled,
 * because running a stream into a sink takes half as long again.
 *
 * @param onBroken makes the error of a body that breaks off
 *
 * @internal
 */
export const forEach = <E>(
  response: HttpClientResponse,
  onPart: (part: Uint8Array) => E | undefined,
  onBroken: (error: HttpClientError) => E
): Effect.Effect<void, E> =>
  Effect.scoped(Effect.flatMap(Stream.toPull(response.stream), (pull) => {
    const readOn: Effect.Effect<void, E> = Effect.matchEffect(pull, {
      onSuccess: (parts) => {
        for (const part of parts) {
          const error = onPart(part)
          if (error !== undefined) return Effect.fail(error)
        }
        return readOn
      },
      onFailure: (end) =>
        Option.isNone(end) || end.value.reason === "EmptyBody" ? Effect.void : Effect.fail(onBroken(end.value))
    })
    return readOn
  }))

import { describe, expect, it } from "@effect/vitest"
import { HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Deferred, Effect, TestClock } from "effect"
import { discard } from "../../../src/internal/http/discard.ts"

/** A body that reports whether it was read to its end or cancelled. */
const makeBody = Effect.map(Deferred.make<"read" | "cancelled">(), (outcome) => {
  let chunks = 0
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (chunks++ < 2) return controller.enqueue(new Uint8Array(8))
      Effect.runSync(Deferred.succeed(outcome, "read"))
      return controller.close()
    },
    cancel: () => void Effect.runSync(Deferred.succeed(outcome, "cancelled"))
  }, { highWaterMark: 0 })
  return { body, outcome: Deferred.await(outcome) }
})

const discarded = (headers: Record<string, string>) =>
  Effect.gen(function*() {
    const { body, outcome } = yield* makeBody
    const request = HttpClientRequest.get("https://mcp.example.com")
    yield* discard(HttpClientResponse.fromWeb(request, new Response(body, { headers })))
    return yield* outcome
  })

describe("discard", () => {
  it.effect("a body whose `Content-Length` is short is read", () =>
    Effect.gen(function*() {
      expect(yield* discarded({ "content-length": "16" })).toBe("read")
    }))

  it.effect("a body of unknown length, a long one and a compressed one are cancelled", () =>
    Effect.gen(function*() {
      expect(yield* discarded({})).toBe("cancelled")
      expect(yield* discarded({ "content-length": "1000000" })).toBe("cancelled")
      expect(yield* discarded({ "content-length": "16", "content-encoding": "gzip" })).toBe("cancelled")
    }))

  it.effect("a body that never arrives is not waited for", () =>
    Effect.gen(function*() {
      const request = HttpClientRequest.get("https://mcp.example.com")
      yield* discard(HttpClientResponse.fromWeb(request, new Response(new ReadableStream())))
      yield* TestClock.adjust("1 second")
    }))
})

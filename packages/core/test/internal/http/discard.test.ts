import { describe, expect, it } from "@effect/vitest"
import { HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Deferred, Effect, TestClock } from "effect"
import { discard } from "../../../src/internal/http/discard.ts"

/** A body of which it can be told whether it was read to its end, or given up. */
const makeBody = Effect.map(Deferred.make<"read" | "given up">(), (outcome) => {
  let chunks = 0
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (chunks++ < 2) return controller.enqueue(new Uint8Array(8))
      Effect.runSync(Deferred.succeed(outcome, "read"))
      return controller.close()
    },
    cancel: () => void Effect.runSync(Deferred.succeed(outcome, "given up"))
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
  it.effect("reads a body that is announced to be short", () =>
    Effect.gen(function*() {
      expect(yield* discarded({ "content-length": "16" })).toBe("read")
    }))

  it.effect("gives up one of unknown length, a long one, and one that may unpack to anything", () =>
    Effect.gen(function*() {
      expect(yield* discarded({})).toBe("given up")
      expect(yield* discarded({ "content-length": "1000000" })).toBe("given up")
      expect(yield* discarded({ "content-length": "16", "content-encoding": "gzip" })).toBe("given up")
    }))

  it.effect("does not wait for a body that does not come", () =>
    Effect.gen(function*() {
      const request = HttpClientRequest.get("https://mcp.example.com")
      yield* discard(HttpClientResponse.fromWeb(request, new Response(new ReadableStream())))
      yield* TestClock.adjust("1 second")
    }))
})

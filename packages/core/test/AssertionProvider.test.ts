import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { AssertionProvider, OAuthError } from "../src/index.ts"

const request: AssertionProvider.AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com/mcp",
  scopes: ["mcp"]
}

const ask = Effect.flatMap(AssertionProvider.AssertionProvider, (provider) => provider(request))

describe("AssertionProvider", () => {
  it.effect("a static one gives the same assertion whatever it is for", () =>
    Effect.gen(function*() {
      const assertion = Redacted.make("canary.assertion.x")
      const layer = AssertionProvider.layerStatic(assertion)
      expect(yield* ask.pipe(Effect.provide(layer))).toBe(assertion)
    }))

  it.effect("a function is asked anew each time, with what the assertion is for", () =>
    Effect.gen(function*() {
      const asked: Array<AssertionProvider.AssertionRequest> = []
      const layer = AssertionProvider.layer((request) =>
        Effect.sync(() => {
          asked.push(request)
          return Redacted.make(`canary-${asked.length}`)
        })
      )
      const [first, second] = yield* Effect.all([ask, ask]).pipe(Effect.provide(layer))
      assert.deepStrictEqual([Redacted.value(first), Redacted.value(second)], ["canary-1", "canary-2"])
      assert.deepStrictEqual(asked, [request, request])
    }))

  it.effect("its failure is a typed one", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "no identity here." })
      const layer = AssertionProvider.layer(() => Effect.fail(failure))
      expect(yield* ask.pipe(Effect.provide(layer), Effect.flip)).toBe(failure)
    }))
})

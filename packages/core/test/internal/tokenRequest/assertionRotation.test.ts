import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { makeRefusals, type Refusals } from "../../../src/internal/tokenRequest/assertionRotation.ts"

const reported = (refusals: Refusals) => refusals.report((refused) => Effect.succeed(refused.map(Redacted.value)))

describe("refused assertions", () => {
  it.effect("are reported to the provider once, all together", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      const first = Redacted.make("canary-1")
      for (const assertion of [first, first, Redacted.make("canary-2")]) yield* refusals.add(assertion)
      expect(yield* reported(refusals)).toEqual(["canary-1", "canary-2"])
      expect(yield* reported(refusals)).toEqual([])
    }))

  it.effect("are reported to every request that begins before one has succeeded", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      yield* refusals.add(Redacted.make("canary"))
      const both = yield* refusals.report(() => reported(refusals))
      expect(both).toEqual(["canary"])
    }))

  it.effect("are `Redacted`: other values are not reported", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      yield* refusals.add(undefined)
      yield* refusals.add("canary")
      expect(yield* reported(refusals)).toEqual([])
    }))
})

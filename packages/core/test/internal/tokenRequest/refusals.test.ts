import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Refusals from "../../../src/internal/tokenRequest/refusals.ts"

const told = (refusals: Refusals.Refusals) => refusals.tell((refused) => Effect.succeed(refused.map(Redacted.value)))

describe("refusals", () => {
  it.effect("are told once, all of them", () =>
    Effect.gen(function*() {
      const refusals = Refusals.make()
      const first = Redacted.make("canary-1")
      for (const assertion of [first, first, Redacted.make("canary-2")]) yield* refusals.add(assertion)
      expect(yield* told(refusals)).toEqual(["canary-1", "canary-2"])
      expect(yield* told(refusals)).toEqual([])
    }))

  it.effect("are told to all that ask before there is an answer", () =>
    Effect.gen(function*() {
      const refusals = Refusals.make()
      yield* refusals.add(Redacted.make("canary"))
      const both = yield* refusals.tell(() => told(refusals))
      expect(both).toEqual(["canary"])
    }))

  it.effect("are of a secret, or of nothing", () =>
    Effect.gen(function*() {
      const refusals = Refusals.make()
      yield* refusals.add(undefined)
      yield* refusals.add("canary")
      expect(yield* told(refusals)).toEqual([])
    }))
})

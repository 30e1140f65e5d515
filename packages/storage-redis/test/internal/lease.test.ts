import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import type { Client } from "../../src/internal/client.ts"
import { make } from "../../src/internal/lease.ts"
import * as Scripts from "../../src/internal/scripts.ts"

const renewals = (answer: number) =>
  Effect.gen(function*() {
    let count = 0
    const client: Client = {
      get: () => Effect.succeed(Option.none()),
      run: (_, script) => Effect.sync(() => script === Scripts.renew ? (count++, answer) : 1),
      subscribe: () => () => {}
    }
    const keyOf = (name: string, kind: string) => `${name}:${kind}`
    const { take } = make(client, { keyOf, channelsOf: (name) => name, leaseDuration: 1000, pollInterval: 1000 })
    yield* take("a")
    yield* TestClock.adjust("10 seconds")
    return count
  })

describe("the lease", () => {
  it.scoped("is renewed four times in its duration", () =>
    Effect.gen(function*() {
      expect(yield* renewals(1)).toBe(40)
    }))

  it.scoped("is not renewed once it is lost", () =>
    Effect.gen(function*() {
      expect(yield* renewals(0)).toBe(1)
    }))
})

import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Option, TestClock } from "effect"
import type { Client } from "../../../src/internal/connection/client.ts"
import * as Scripts from "../../../src/internal/scripts.ts"
import { make } from "../../../src/internal/store/leases.ts"

const renewals = (answer: number) =>
  Effect.gen(function*() {
    let count = 0
    const client: Client = {
      get: () => Effect.succeed(Option.none()),
      run: (_, script) => Effect.sync(() => script === Scripts.renew ? (count++, answer) : 1),
      subscribe: () => () => {}
    }
    const keyOf = (name: string, kind: string) => `${name}:${kind}`
    const [leaseDuration, pollInterval] = [Duration.seconds(1), Duration.seconds(1)]
    const { take } = make(client, { keyOf, channelsOf: (name) => name, leaseDuration, pollInterval })
    yield* take("a")
    yield* TestClock.adjust("10 seconds")
    return count
  })

describe("the renewal of a lease", () => {
  it.scoped("happens four times in the duration of the lease", () =>
    Effect.gen(function*() {
      expect(yield* renewals(1)).toBe(40)
    }))

  it.scoped("stops once the lease is lost", () =>
    Effect.gen(function*() {
      expect(yield* renewals(0)).toBe(1)
    }))
})

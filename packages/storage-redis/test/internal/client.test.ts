import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Option, Random, Redacted, Scope } from "effect"
import { backoff, make } from "../../src/internal/client.ts"
import { isInstalled, make as makeServer } from "../support/redisServer.ts"
import { until } from "../support/storage.ts"

describe("backoff", () => {
  it("a thousand clients do not come back in the same moment", () => {
    for (const [times, longest] of [[1, 50], [4, 200], [20, 1000], [1e6, 1000]] as const) {
      const delays = Array.from({ length: 1000 }, (_, seed) => backoff(Random.make(seed))(times))
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(1)
      expect(Math.max(...delays)).toBeLessThanOrEqual(longest)
      for (let tenth = 0; tenth < 10; tenth++) {
        const here = delays.filter((delay) => Math.floor((delay - 1) * 10 / longest) === tenth)
        expect(here.length).toBeGreaterThan(50)
        expect(here.length).toBeLessThan(200)
      }
    }
  })
})

describe.skipIf(!isInstalled)("subscribe", () => {
  it.scopedLive("makes no connection once the client has ended, which nobody would close", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const place = make({
        urls: [Redacted.make(server.url)],
        cluster: undefined,
        redis: undefined,
        commandTimeout: Duration.seconds(3)
      })
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(place, scope)
      expect(yield* client.get("get", "a")).toEqual(Option.none())
      yield* Scope.close(scope, Exit.void)
      const connections = () => server.admin.client("LIST").then((list) => String(list).trim().split("\n").length)
      yield* until(connections, (count) => count === 1)
      let calls = 0
      client.subscribe("a", () => calls++)()
      client.subscribe("a", () => calls++)
      // Connections are taken in the order in which they come.
      yield* (yield* place).get("get", "a")
      expect(yield* Effect.promise(connections)).toBe(2)
      expect(calls).toBe(0)
    }))
})

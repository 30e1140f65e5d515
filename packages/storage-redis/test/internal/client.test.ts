import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Option, Redacted, Scope } from "effect"
import { make } from "../../src/internal/client.ts"
import { isInstalled, make as makeServer } from "../support/redisServer.ts"
import { until } from "../support/storage.ts"

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

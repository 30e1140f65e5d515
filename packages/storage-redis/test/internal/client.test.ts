import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Option, Redacted, Scope } from "effect"
import { make } from "../../src/internal/client.ts"
import { isInstalled, make as makeServer } from "../support/redisServer.ts"
import { until } from "../support/storage.ts"

const place = (url: string) =>
  make({ urls: [Redacted.make(url)], cluster: undefined, redis: undefined, commandTimeout: Duration.seconds(3) })

describe.skipIf(!isInstalled)("subscribe (skipped where no redis-server is installed)", () => {
  it.scopedLive("calls back when a message may have been missed: once it listens, and after each break", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const client = yield* place(server.url)
      const calls = { a: 0, b: 0 }
      client.subscribe("a", () => calls.a++)
      yield* until(async () => calls.a, (count) => count > 0)
      yield* until(() => server.admin.pubsub("CHANNELS"), ({ length }) => length === 1)
      client.subscribe("b", () => calls.b++)
      yield* until(async () => calls.b, (count) => count === 1)
      yield* Effect.promise(() => server.admin.client("KILL", "TYPE", "pubsub"))
      yield* until(async () => calls.b, (count) => count === 2)
      // It listens again by itself.
      yield* until(() => server.admin.publish("b", ""), (reached) => reached === 1)
      yield* until(async () => calls.b, (count) => count === 3)
    }))

  it.scopedLive("makes no connection once the client has ended, which nobody would close", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(place(server.url), scope)
      expect(yield* client.get("get", "a")).toEqual(Option.none())
      yield* Scope.close(scope, Exit.void)
      const connections = () => server.admin.client("LIST").then((list) => String(list).trim().split("\n").length)
      yield* until(connections, (count) => count === 1)
      let calls = 0
      client.subscribe("a", () => calls++)()
      client.subscribe("a", () => calls++)
      // Connections are taken in the order in which they come.
      yield* (yield* place(server.url)).get("get", "a")
      expect(yield* Effect.promise(connections)).toBe(2)
      expect(calls).toBe(0)
    }))
})

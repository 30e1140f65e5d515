import { expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Option, Redacted, Scope } from "effect"
import { make } from "../../../src/internal/connection/client.ts"
import { describeRedis, make as makeServer, until } from "../../support/redisServer.ts"

const place = (url: string) =>
  make({ urls: [Redacted.make(url)], cluster: undefined, redis: undefined, commandTimeout: Duration.seconds(3) })

describeRedis("Client.subscribe", () => {
  it.scopedLive("calls back whenever a message may have been missed: once subscribed, and after each reconnection", () =>
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
      // The client subscribes again by itself.
      yield* until(() => server.admin.publish("b", ""), (reached) => reached === 1)
      yield* until(async () => calls.b, (count) => count === 3)
    }))

  it.scopedLive("opens no connection after the client has closed", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(place(server.url), scope)
      expect(yield* client.get("get", "a")).toEqual(Option.none())
      yield* Scope.close(scope, Exit.void)
      yield* until(server.connections, (count) => count === 1)
      let calls = 0
      client.subscribe("a", () => calls++)()
      client.subscribe("a", () => calls++)
      // Redis accepts connections in the order in which they were made.
      yield* (yield* place(server.url)).get("get", "a")
      expect(yield* Effect.promise(server.connections)).toBe(2)
      expect(calls).toBe(0)
    }))
})

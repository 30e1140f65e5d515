/**
 * The tests on Redis once more, with ioredis 6 in the place of ioredis 5, which the other test files use.
 */
import { describe, expect, layer, vi } from "@effect/vitest"
import { Effect } from "effect"

vi.doMock("ioredis", () => import("ioredis-6"))

const { describeRedis, Server } = await import("./support/redisServer.ts")
const { checkContract, open } = await import("./support/storage.ts")

/** The types of ioredis 5 have no such options. */
const resp3 = { protocol: 3, replyMapping: "resp3" } as const

describe("with ioredis 6", async () => {
  describeRedis("the protocol", () => {
    layer(Server.layer(), { excludeTestServices: true })((it) => {
      it.scoped("the connection speaks RESP2 by default, and RESP3 if `redis.protocol` is 3", () =>
        Effect.gen(function*() {
          const { admin, url } = yield* Server
          const protocolOf = (connectionName: string, options: object) =>
            Effect.gen(function*() {
              yield* checkContract(open(url, { redis: { connectionName, ...options } }))
              const list = yield* Effect.promise(() => admin.client("LIST"))
              const clients = String(list).split("\n").filter((client) => client.includes(`name=${connectionName} `))
              return new Set(clients.map((client) => / resp=(\d)/.exec(client)?.[1]))
            })
          expect(yield* protocolOf("default", {})).toEqual(new Set(["2"]))
          expect(yield* protocolOf("resp3", resp3)).toEqual(new Set(["3"]))
          // ioredis 6 refuses this value without protocol 3. The storage ignores the option.
          expect(yield* protocolOf("mapping", { replyMapping: "resp3" })).toEqual(new Set(["2"]))
        }))
    })
  })

  await import("./contract.test.ts")
  await import("./RedisTokenStorage.test.ts")
  await import("./cluster.test.ts")
  await import("./db.test.ts")
  await import("./tls.test.ts")
  await import("./trouble.test.ts")
  await import("./internal/connection/client.test.ts")
  await import("./leases.test.ts")
})

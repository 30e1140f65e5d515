/**
 * Environments that share one Redis, each in a db of its own.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { describeRedis, make as makeServer } from "./support/redisServer.ts"
import { checkContract, makeKey, makeToken, open } from "./support/storage.ts"

describeRedis("the db", () => {
  it.scopedLive("of the URL or of `redis.db` is used, also after a reconnection", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* checkContract(open(`${server.url}/1`))
      const other = yield* checkContract(open(server.url, { redis: { db: 1 } }))
      const [key, token] = [makeKey(), makeToken()]
      yield* storage.set(key, token)
      yield* Effect.promise(() => server.admin.client("KILL", "TYPE", "normal"))
      for (const place of [storage, other, yield* open(`${server.url}?db=1`)]) {
        expect(yield* place.get(key)).toEqual(Option.some(token))
      }
      expect(yield* (yield* open(server.url)).get(key)).toEqual(Option.none())
      expect(yield* Effect.promise(() => server.admin.dbsize())).toBe(0)
    }))

  it.scopedLive("that Redis does not have, or denies, is an error, and the storage neither reads nor writes db 0", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--enable-debug-command", "yes"])
      const bound = yield* server.addUser("bound", "~*", "&*", "+@all", "-select")
      const key = makeKey()
      yield* (yield* open(server.url)).set(key, makeToken())
      const before = yield* Effect.promise(() => server.admin.call("DEBUG", "DIGEST"))
      const missing = [open(`${server.url}/99`), open(server.url, { redis: { db: 99 } })]
      const denied = [open(`${bound}/1`)]
      for (
        const [places, reason, said] of [
          [missing, "Unavailable", /DB index is out of range\. Name a db that this Redis has/],
          [denied, "Refused", /denies this user a command/]
        ] as const
      ) {
        for (const place of places) {
          const storage = yield* place
          const uses = [
            storage.get(key),
            storage.set(key, makeToken({ issuedIn: 0 })),
            storage.remove(key, makeToken()),
            Effect.scoped(storage.lease(key))
          ]
          for (const use of uses) {
            const error = yield* Effect.flip(Effect.asVoid(use))
            expect(error).toMatchObject({ _tag: "TokenStorageError", reason })
            expect(error.message).toMatch(said)
          }
        }
      }
      expect(yield* Effect.promise(() => server.admin.call("DEBUG", "DIGEST"))).toBe(before)
    }))
})

describe("the db option", () => {
  it.scopedLive("is refused if it is not a number, or not 0 in a cluster", () =>
    Effect.gen(function*() {
      const url = (...urls: ReadonlyArray<string>) => urls.map((one) => Redacted.make(one))
      const clusters = [
        open("redis://a/1", { cluster: {} }),
        open("", { url: url("redis://a", "redis://b/1") }),
        open("", { url: url("redis://a/0"), redis: { db: 1 } })
      ]
      for (const place of clusters) {
        const error = yield* Effect.flip(place)
        expect(error).toMatchObject({ _tag: "InvalidOptions", option: "url" })
        expect(error.message).toMatch(/A cluster has only db 0.*`prefix`/)
      }
      yield* open("", { url: url("redis://a/0") })
      for (const text of ["redis://a/production", "redis://a/1/2", "redis://a/-1", "redis://a?db=production"]) {
        const error = yield* Effect.flip(open(text))
        expect(error).toMatchObject({ _tag: "InvalidOptions", option: "url" })
        expect(error.message).toMatch(/the db as a number/)
      }
      for (const db of [Number.NaN, -1, 0.5]) {
        expect(yield* Effect.flip(open("redis://a", { redis: { db } }))).toMatchObject({ option: "redis" })
      }
    }))
})

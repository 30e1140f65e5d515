/**
 * Environments that are kept apart by the number of their db.
 */
import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { isInstalled, make as makeServer } from "./support/redisServer.ts"
import { makeKey, makeToken, open } from "./support/storage.ts"

describe.skipIf(!isInstalled)("a db (skipped where no redis-server is installed)", () => {
  it.scopedLive("is the one that the URL or `redis.db` names, on a new connection as well", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const [storage, other] = [yield* open(`${server.url}/1`), yield* open(server.url, { redis: { db: 1 } })]
      for (const { check } of TokenStorageContract.cases) yield* check(storage, other)
      const [key, token] = [makeKey(), makeToken()]
      yield* storage.set(key, token)
      yield* Effect.promise(() => server.admin.client("KILL", "TYPE", "normal"))
      for (const place of [storage, other, yield* open(`${server.url}?db=1`)]) {
        expect(yield* place.get(key)).toEqual(Option.some(token))
      }
      expect(yield* (yield* open(server.url)).get(key)).toEqual(Option.none())
      expect(yield* Effect.promise(() => server.admin.dbsize())).toBe(0)
    }))

  it.scopedLive("that cannot be had is said, and nothing is read or written in db 0 in its place", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--enable-debug-command", "yes"])
      const rights = ["~*", "&*", "+@all", "-select"]
      yield* Effect.promise(() => server.admin.call("ACL", "SETUSER", "bound", "on", ">canary-bound", ...rights))
      const key = makeKey()
      yield* (yield* open(server.url)).set(key, makeToken())
      const before = yield* Effect.promise(() => server.admin.call("DEBUG", "DIGEST"))
      const missing = [open(`${server.url}/99`), open(server.url, { redis: { db: 99 } })]
      const denied = [open(`redis://bound:canary-bound@127.0.0.1:${server.port}/1`)]
      for (
        const [places, reason, said] of [
          [missing, "Unavailable", /DB index is out of range\. Give a db that it has/],
          [denied, "Refused", /does not let this user do it/]
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

describe("a db", () => {
  it.scopedLive("of a cluster, or that is no number, is refused, and not taken for db 0", () =>
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
        expect(error.message).toMatch(/a cluster has no db but 0.*`prefix`/)
      }
      yield* open("", { url: url("redis://a/0") })
      for (const text of ["redis://a/production", "redis://a/1/2", "redis://a/-1", "redis://a?db=production"]) {
        const error = yield* Effect.flip(open(text))
        expect(error).toMatchObject({ _tag: "InvalidOptions", option: "url" })
        expect(error.message).toMatch(/a db by its number/)
      }
      for (const db of [Number.NaN, -1, 0.5]) {
        expect(yield* Effect.flip(open("redis://a", { redis: { db } }))).toMatchObject({ option: "redis" })
      }
    }))
})

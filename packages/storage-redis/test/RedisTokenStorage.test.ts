import { TokenKey, TokenStorage } from "@effect-mcp-auth/core"
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { describe, expect, it, layer } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Exit, Fiber, Layer, Option, Redacted, Scope } from "effect"
import { readFileSync } from "node:fs"
import { isInstalled, make as makeServer, type RedisServer } from "./support/redisServer.ts"
import { encryptionKey, hold, makeKey, makeToken, namesOf, open, until } from "./support/storage.ts"

class Server extends Context.Tag("Server")<Server, RedisServer>() {
  static readonly layer = Layer.scoped(Server, makeServer())
}

describe.skipIf(!isInstalled)("with a redis-server (skipped where none is installed)", () => {
  layer(Server.layer, { excludeTestServices: true })((it) => {
    describe("what is in Redis", () => {
      it.scoped("tells neither token, nor client, nor URL, and goes when the token has expired", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { record } = yield* namesOf(key)
          const storage = yield* open(server.url)
          yield* storage.lease(key)
          yield* storage.set(key, makeToken())
          const keys = yield* Effect.promise(() => server.admin.keys(`${record.slice(0, -6)}*`))
          expect(keys.length).toBe(3)
          for (const name of keys) expect(name).toMatch(/^mcp-auth:\{[\w-]{43}\}:(record|lease|fence)$/)
          expect(yield* Effect.promise(() => server.admin.get(record))).not.toMatch(/canary|nightly|example/)
          const ttl = yield* Effect.promise(() => server.admin.pttl(record))
          expect(ttl).toBeGreaterThan(0)
          expect(ttl).toBeLessThanOrEqual(60_000)
          yield* storage.set(key, makeToken({ refreshToken: true }))
          expect(yield* Effect.promise(() => server.admin.ttl(record))).toBeGreaterThan(29 * 24 * 3600)
        }))

      it.scoped("a value that is no record is reported and replaced, and one of another type is left", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { record } = yield* namesOf(key)
          const storage = yield* open(server.url)
          yield* Effect.promise(() => server.admin.set(record, "OK"))
          expect((yield* Effect.flip(storage.get(key))).reason).toBe("Damaged")
          const token = makeToken()
          yield* storage.set(key, token)
          expect(yield* storage.get(key)).toEqual(Option.some(token))
          yield* Effect.promise(() => server.admin.multi().del(record).hset(record, "a", "b").exec())
          expect((yield* Effect.flip(storage.get(key))).message).toMatch(/WRONGTYPE/)
          expect((yield* Effect.flip(storage.set(key, token))).message).toMatch(/WRONGTYPE/)
        }))

      it.scoped("is under the prefix", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const storage = yield* open(server.url, { prefix: "mine/" })
          yield* storage.set(key, makeToken())
          const digest = yield* TokenKey.digest(key)
          expect(yield* Effect.promise(() => server.admin.exists(`mine/{${digest}}:record`))).toBe(1)
        }))
    })

    describe("the lease", () => {
      it.scoped("wakes the next in line, who would else not look for an hour", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { line } = yield* namesOf(key)
          const options = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const
          const served: Array<number> = []
          const release = yield* hold(yield* open(server.url, options), key)
          const fibers: Array<Fiber.Fiber<void, unknown>> = []
          for (let index = 0; index < 4; index++) {
            const storage = yield* open(server.url, options)
            const waiter = Effect.zipRight(storage.lease(key), Effect.sync(() => void served.push(index)))
            fibers.push(yield* Effect.fork(Effect.scoped(waiter)))
            yield* until(() => server.admin.zcard(line), (count) => count === index + 1)
          }
          yield* release
          // Who has just subscribed looks for itself, and may be faster than who is woken.
          yield* Effect.forEach(fibers, Fiber.join)
          expect(new Set(served)).toEqual(new Set([0, 1, 2, 3]))
        }))

      it.scoped("is found and woken whatever the client does with names and numbers", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { line } = yield* namesOf(key)
          const options = { pollInterval: "1 hour", redis: { keyPrefix: "app:", stringNumbers: true } } as const
          const release = yield* hold(yield* open(server.url, { ...options, leaseDuration: "1 hour" }), key)
          const waiting = yield* Effect.fork(Effect.scoped((yield* open(server.url, options)).lease(key)))
          yield* until(() => server.admin.zcard(`app:${line}`), (count) => count === 1)
          yield* until(() => server.admin.pubsub("CHANNELS", `${line.slice(0, -5)}*`), ({ length }) => length === 1)
          yield* release
          yield* Fiber.join(waiting)
        }))

      it.scoped("one that is woken and leaves wakes the next", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { line } = yield* namesOf(key)
          const options = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const
          const release = yield* hold(yield* open(server.url, options), key)
          const waiters: Array<Fiber.RuntimeFiber<void, unknown>> = []
          for (let index = 0; index < 3; index++) {
            const storage = yield* open(server.url, options)
            waiters.push(yield* Effect.fork(Effect.scoped(storage.lease(key))))
            yield* until(() => server.admin.zcard(line), (count) => count === index + 1)
          }
          const [leaving, ...others] = waiters
          if (leaving === undefined) return expect.unreachable()
          yield* Effect.all([release, Fiber.interrupt(leaving)], { concurrency: 2 })
          yield* Effect.forEach(others, Fiber.join)
        }))

      it.scoped("whoever died in line is passed over, and the next who is alive is woken", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { line } = yield* namesOf(key)
          const options = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const
          const release = yield* hold(yield* open(server.url, options), key)
          yield* Effect.promise(() => server.admin.zadd(line, 1, "dead", 2, "dead, too"))
          const waiting = yield* Effect.fork(Effect.scoped((yield* open(server.url, options)).lease(key)))
          const digest = yield* TokenKey.digest(key)
          yield* until(() => server.admin.pubsub("CHANNELS", `*${digest}*`), (channels) => channels.length === 1)
          yield* release
          yield* Fiber.join(waiting)
          expect(yield* Effect.promise(() => server.admin.zcard(line))).toBe(0)
        }))

      it.scoped("one that waits is told when its storage is closed, and not left asleep", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { line } = yield* namesOf(key)
          yield* (yield* open(server.url, { leaseDuration: "1 hour" })).lease(key)
          const place = yield* Scope.make()
          const storage = yield* Scope.extend(open(server.url, { pollInterval: "1 hour" }), place)
          const waiting = yield* Effect.fork(Effect.flip(Effect.scoped(storage.lease(key))))
          yield* until(() => server.admin.zcard(line), (count) => count === 1)
          yield* Scope.close(place, Exit.void)
          expect(yield* Fiber.join(waiting)).toMatchObject({ operation: "lease", reason: "Unavailable" })
        }))

      it.scoped("of a time with a fraction is taken and kept: Redis counts in whole milliseconds", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { lease } = yield* namesOf(key)
          yield* (yield* open(server.url, { leaseDuration: 10_000.5, pollInterval: 20.5 })).lease(key)
          expect(yield* Effect.promise(() => server.admin.pttl(lease))).toBeGreaterThan(0)
        }))

      it.scoped("is given back before the connection of its storage is closed", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { lease } = yield* namesOf(key)
          yield* Effect.scoped(Effect.flatMap(open(server.url), (storage) => storage.lease(key)))
          expect(yield* Effect.promise(() => server.admin.exists(lease))).toBe(0)
        }))

      it.scoped("is found by looking where messages do not come through", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          yield* Effect.promise(() =>
            server.admin.call("ACL", "SETUSER", "deaf", "on", ">canary-deaf", "~*", "+@all", "resetchannels")
          )
          const options = { redis: { username: "deaf", password: "canary-deaf" }, pollInterval: "20 millis" } as const
          const release = yield* hold(yield* open(server.url), key)
          const storage = yield* open(server.url, options)
          const waiting = yield* Effect.fork(Effect.scoped(storage.lease(key)))
          const { line } = yield* namesOf(key)
          yield* until(() => server.admin.zcard(line), (count) => count === 1)
          yield* release
          yield* Fiber.join(waiting)
        }))

      it.scoped("of a holder that is alive does not end, and that of a dead one does", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { lease } = yield* namesOf(key)
          const options = { leaseDuration: "3 seconds" } as const
          const release = yield* hold(yield* open(server.url, options), key)
          const id = yield* Effect.promise(() => server.admin.get(lease))
          // A renewal is seen by the time that is left becoming more.
          let left = 3000
          let renewals = 0
          yield* until(() => server.admin.pttl(lease), (now) => {
            if (now > left) renewals++
            left = now
            return renewals >= 3
          })
          expect(yield* Effect.promise(() => server.admin.get(lease))).toBe(id)
          yield* release
          yield* Effect.promise(() => server.admin.set(lease, "somebody dead", "PX", 200))
          yield* Effect.scoped((yield* open(server.url, { pollInterval: "1 hour" })).lease(key))
          // As nobody here would write it.
          yield* Effect.promise(() => server.admin.set(lease, "somebody dead, without an end"))
          const impatient = yield* open(server.url, { leaseDuration: "200 millis", pollInterval: "1 hour" })
          yield* impatient.lease(key)
          expect(yield* Effect.promise(() => server.admin.get(lease))).not.toMatch(/dead/)
        }))

      it.scoped("of a holder that has it for longer than a day keeps its fencing number", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { fence } = yield* namesOf(key)
          yield* (yield* open(server.url, { leaseDuration: "200 millis" })).lease(key)
          yield* Effect.promise(() => server.admin.pexpire(fence, 60_000))
          yield* until(() => server.admin.pttl(fence), (left) => left > 60_000)
        }))

      it.scoped("a holder that has lost it stores nothing, whatever the clocks say, and takes nobody's lease away", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { lease } = yield* namesOf(key)
          const paused = yield* open(server.url)
          const other = yield* open(server.url)
          const release = yield* hold(paused, key)
          yield* Effect.promise(() => server.admin.del(lease))
          yield* other.lease(key)
          const id = yield* Effect.promise(() => server.admin.get(lease))
          const token = makeToken()
          yield* other.set(key, token)
          expect(yield* Effect.flip(paused.set(key, makeToken({ issuedIn: 5000 })))).toMatchObject({
            operation: "set",
            reason: "LeaseLost"
          })
          expect(yield* paused.get(key)).toEqual(Option.some(token))
          yield* release
          expect(yield* Effect.promise(() => server.admin.get(lease))).toBe(id)
          // Without a lease, the later token counts.
          const later = makeToken({ issuedIn: -10 })
          yield* paused.set(key, later)
          expect(yield* other.get(key)).toEqual(Option.some(later))
        }))
    })

    it.scoped("leaves no connection behind, and makes none before it is used", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const connections = () => server.admin.client("LIST").then((list) => String(list).trim().split("\n").length)
        yield* until(connections, (count) => count === 1)
        const scope = yield* Scope.make()
        const [one, two] = yield* Scope.extend(Effect.all([open(server.url), open(server.url)]), scope)
        expect(yield* Effect.promise(connections)).toBe(1)
        yield* Effect.scoped(one.lease(key))
        yield* until(connections, (count) => count === 2)
        const release = yield* hold(one, key)
        const waiting = yield* Effect.fork(Effect.scoped(two.lease(key)))
        yield* until(connections, (count) => count === 4)
        yield* Fiber.interrupt(waiting)
        yield* release
        yield* Scope.close(scope, Exit.void)
        yield* until(connections, (count) => count === 1)
      }))

    it.scoped("needs no more rights than the README names", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
        const rights = /needs `(~\S+)` and `(&\S+)` \([^)]+\), and `([^`]+)`[^]*?; with a db `(\+select)`/.exec(readme)
        const names = rights?.slice(1).flatMap((some) => some.split(/\s+/)) ?? []
        expect(names.length).toBeGreaterThan(10)
        yield* Effect.promise(() =>
          server.admin.call("ACL", "SETUSER", "least", "on", ">canary-least", "-@all", ...names)
        )
        const errors = () =>
          server.admin.info("stats").then((info) => Number(/total_error_replies:(\d+)/.exec(info)?.[1]))
        const before = yield* Effect.promise(errors)
        for (const db of ["", "/1"]) {
          const place = open(`redis://least:canary-least@127.0.0.1:${server.port}${db}`, { pollInterval: "1 hour" })
          const [storage, other] = [yield* place, yield* place]
          for (const { check } of TokenStorageContract.cases) yield* check(storage, other)
        }
        // ioredis does not fail for what it asks for itself and is denied, and Redis logs it.
        expect(yield* Effect.promise(errors)).toBe(before)
      }))

    it.scoped("from Config", () =>
      Effect.gen(function*() {
        const { url } = yield* Server
        const key = makeKey()
        const config = RedisTokenStorage.layerConfig({
          url: Config.redacted("REDIS_URL"),
          encryptionKey: Config.redacted("TOKEN_KEY")
        }).pipe(Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(
          new Map([["REDIS_URL", url], ["TOKEN_KEY", Redacted.value(encryptionKey)]])
        ))))
        const storage = Context.get(yield* Layer.build(config), TokenStorage.TokenStorage)
        const token = makeToken()
        yield* storage.set(key, token)
        expect(yield* (yield* open(url)).get(key)).toEqual(Option.some(token))
      }))

    it.scoped("from Config, while the key is changed: several, with commas between them", () =>
      Effect.gen(function*() {
        const { url } = yield* Server
        const key = makeKey()
        const token = makeToken()
        yield* (yield* open(url)).set(key, token)
        const keys = [Buffer.alloc(32, 8).toString("base64url"), Redacted.value(encryptionKey)].join(",")
        const config = RedisTokenStorage.layerConfig({
          url: Config.redacted("REDIS_URL"),
          encryptionKey: Config.array(Config.redacted(), "TOKEN_KEYS")
        }).pipe(Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(
          new Map([["REDIS_URL", url], ["TOKEN_KEYS", keys]])
        ))))
        const storage = Context.get(yield* Layer.build(config), TokenStorage.TokenStorage)
        expect(yield* storage.get(key)).toEqual(Option.some(token))
      }))

    it.scoped("as Layers: what the one writes in the clear, the other does not take for its own", () =>
      Effect.gen(function*() {
        const url = Redacted.make((yield* Server).url)
        const key = makeKey()
        const layers = [RedisTokenStorage.layerPlaintext({ url }), RedisTokenStorage.layer({ url, encryptionKey })]
        const [plaintext, encrypted] = yield* Effect.forEach(
          layers,
          (layer) => Effect.map(Layer.build(layer), Context.get(TokenStorage.TokenStorage))
        )
        if (plaintext === undefined || encrypted === undefined) return expect.unreachable()
        const token = makeToken()
        yield* plaintext.set(key, token)
        expect(yield* plaintext.get(key)).toEqual(Option.some(token))
        expect((yield* Effect.flip(encrypted.get(key))).reason).toBe("Damaged")
        yield* encrypted.set(key, token)
        expect((yield* Effect.flip(plaintext.get(key))).reason).toBe("UnknownKey")
      }))
  })
})

// `layer` has put its own `scoped` in the place of everybody's.
describe("options", () => {
  it.scopedLive("a URL that is none is refused, and not shown", () =>
    Effect.gen(function*() {
      const urls = ["", "canary", "https://:canary-password@redis.example.com", "redis:", "redis://:canary%zz@a"]
      for (const url of [...urls.map((url) => Redacted.make(url)), [], ["redis://a", "canary"].map(Redacted.make)]) {
        const error = yield* Effect.flip(open("", { url }))
        expect(error).toMatchObject({ _tag: "InvalidOptions", option: "url" })
        expect(error.message).toMatch(/Write redis:\/\/host:6379/)
        expect(error.message).not.toMatch(/canary/)
      }
      expect(yield* Effect.flip(open("redis://a", { encryptionKey: Redacted.make("canary") }))).toMatchObject({
        option: "encryptionKey"
      })
    }))

  it.scopedLive("a time without an end, or too short or long to be kept, is refused, and it is said what to write", () =>
    Effect.gen(function*() {
      const least = { leaseDuration: 100, pollInterval: 10, commandTimeout: 1 }
      for (const [option, millis] of Object.entries(least)) {
        for (const time of [0, -1, millis - 0.6, Number.NaN, Infinity, 1e300, 24 * 3_600_000 + 1]) {
          const error = yield* Effect.flip(open("redis://a", { [option]: time }))
          expect(error).toMatchObject({ _tag: "InvalidOptions", option })
          expect(error.message).toContain(`between ${millis}ms and a day. Write a time as in "2 seconds"`)
        }
        yield* open("redis://a", { [option]: millis })
        yield* open("redis://a", { [option]: "1 day" })
      }
    }))
})

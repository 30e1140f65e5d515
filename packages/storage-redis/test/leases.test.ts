import { TokenKey } from "@effect-mcp-auth/core"
import { expect, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope } from "effect"
import { describeRedis, Server, until } from "./support/redisServer.ts"
import { hold, makeKey, makeToken, namesOf, open } from "./support/storage.ts"

/** Options with which a lease does not expire during a test, and its waiters do not poll. */
const patient = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const

describeRedis("a lease in Redis", () => {
  layer(Server.layer(), { excludeTestServices: true })((it) => {
    it.scoped("wakes the next waiter when it is released, long before the waiter polls", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { line } = yield* namesOf(key)
        const served: Array<number> = []
        const release = yield* hold(yield* open(server.url, patient), key)
        const fibers: Array<Fiber.Fiber<void, unknown>> = []
        for (let index = 0; index < 4; index++) {
          const storage = yield* open(server.url, patient)
          const waiter = Effect.zipRight(storage.lease(key), Effect.sync(() => void served.push(index)))
          fibers.push(yield* Effect.fork(Effect.scoped(waiter)))
          yield* server.untilInLine(line, index + 1)
        }
        yield* release
        // The order of the waiters is open: a waiter that has just subscribed also tries by itself.
        yield* Effect.forEach(fibers, Fiber.join)
        expect(new Set(served)).toEqual(new Set([0, 1, 2, 3]))
      }))

    it.scoped("works with the ioredis options `keyPrefix` and `stringNumbers`", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { line } = yield* namesOf(key)
        const options = { ...patient, redis: { keyPrefix: "app:", stringNumbers: true } } as const
        const release = yield* hold(yield* open(server.url, options), key)
        const waiting = yield* Effect.fork(Effect.scoped((yield* open(server.url, options)).lease(key)))
        yield* server.untilInLine(`app:${line}`, 1)
        yield* until(() => server.admin.pubsub("CHANNELS", `${line.slice(0, -5)}*`), ({ length }) => length === 1)
        yield* release
        yield* Fiber.join(waiting)
      }))

    it.scoped("wakes the next waiter if the one that was woken is interrupted", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { line } = yield* namesOf(key)
        const release = yield* hold(yield* open(server.url, patient), key)
        const waiters: Array<Fiber.RuntimeFiber<void, unknown>> = []
        for (let index = 0; index < 3; index++) {
          const storage = yield* open(server.url, patient)
          waiters.push(yield* Effect.fork(Effect.scoped(storage.lease(key))))
          yield* server.untilInLine(line, index + 1)
        }
        const [leaving, ...others] = waiters
        if (leaving === undefined) return expect.unreachable()
        yield* Effect.all([release, Fiber.interrupt(leaving)], { concurrency: 2 })
        yield* Effect.forEach(others, Fiber.join)
      }))

    it.scoped("passes over waiters that have died, and wakes the next live one", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { line } = yield* namesOf(key)
        const release = yield* hold(yield* open(server.url, patient), key)
        yield* Effect.promise(() => server.admin.zadd(line, 1, "dead", 2, "dead, too"))
        const waiting = yield* Effect.fork(Effect.scoped((yield* open(server.url, patient)).lease(key)))
        const digest = yield* TokenKey.digest(key)
        yield* until(() => server.admin.pubsub("CHANNELS", `*${digest}*`), (channels) => channels.length === 1)
        yield* release
        yield* Fiber.join(waiting)
        expect(yield* Effect.promise(() => server.admin.zcard(line))).toBe(0)
      }))

    it.scoped("fails a waiter whose storage closes, instead of leaving it asleep", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { line } = yield* namesOf(key)
        yield* (yield* open(server.url, { leaseDuration: "1 hour" })).lease(key)
        const place = yield* Scope.make()
        const storage = yield* Scope.extend(open(server.url, { pollInterval: "1 hour" }), place)
        const waiting = yield* Effect.fork(Effect.flip(Effect.scoped(storage.lease(key))))
        yield* server.untilInLine(line, 1)
        yield* Scope.close(place, Exit.void)
        expect(yield* Fiber.join(waiting)).toMatchObject({ operation: "lease", reason: "Unavailable" })
      }))

    it.scoped("accepts a duration with a fraction of a millisecond", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { lease } = yield* namesOf(key)
        yield* (yield* open(server.url, { leaseDuration: 10_000.5, pollInterval: 20.5 })).lease(key)
        expect(yield* Effect.promise(() => server.admin.pttl(lease))).toBeGreaterThan(0)
      }))

    it.scoped("is released before the connection of its storage closes", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { lease } = yield* namesOf(key)
        yield* Effect.scoped(Effect.flatMap(open(server.url), (storage) => storage.lease(key)))
        expect(yield* Effect.promise(() => server.admin.exists(lease))).toBe(0)
      }))

    it.scoped("reaches a waiter that may not subscribe to channels, by polling", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { line } = yield* namesOf(key)
        const url = yield* server.addUser("deaf", "~*", "+@all", "resetchannels")
        const release = yield* hold(yield* open(server.url), key)
        const waiting = yield* Effect.fork(Effect.scoped((yield* open(url, { pollInterval: "20 millis" })).lease(key)))
        yield* server.untilInLine(line, 1)
        yield* release
        yield* Fiber.join(waiting)
      }))

    it.scoped("of a live holder is renewed, and of a dead holder expires", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { lease } = yield* namesOf(key)
        const release = yield* hold(yield* open(server.url, { leaseDuration: "3 seconds" }), key)
        const id = yield* Effect.promise(() => server.admin.get(lease))
        // After a renewal more time is left than before.
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
        // A lease without an expiry, which this package never writes.
        yield* Effect.promise(() => server.admin.set(lease, "somebody dead, without an expiry"))
        const impatient = yield* open(server.url, { leaseDuration: "200 millis", pollInterval: "1 hour" })
        yield* impatient.lease(key)
        expect(yield* Effect.promise(() => server.admin.get(lease))).not.toMatch(/dead/)
      }))

    it.scoped("keeps its fencing number while it is held for longer than a day", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { fence } = yield* namesOf(key)
        yield* (yield* open(server.url, { leaseDuration: "200 millis" })).lease(key)
        yield* Effect.promise(() => server.admin.pexpire(fence, 60_000))
        yield* until(() => server.admin.pttl(fence), (left) => left > 60_000)
      }))

    it.scoped("that is lost lets its former holder store nothing, even a later token, nor release the new lease", () =>
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
        // Without a lease, the token that was issued later counts.
        const later = makeToken({ issuedIn: -10 })
        yield* paused.set(key, later)
        expect(yield* other.get(key)).toEqual(Option.some(later))
      }))
  })
})

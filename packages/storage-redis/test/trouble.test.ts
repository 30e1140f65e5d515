import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { describe, expect, it, vi } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Redacted, Scope } from "effect"
import { Redis } from "ioredis"
import { makeAddress, makeAnswering } from "./support/fakeRedis.ts"
import { freePort, isInstalled, make as makeServer } from "./support/redisServer.ts"
import { hold, makeKey, makeToken, namesOf, open, until } from "./support/storage.ts"

describe.skipIf(!isInstalled)("a Redis in trouble (skipped where none is installed)", () => {
  it.scopedLive("wants a password: it is said where to write it, and the password is not said", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--requirepass", "canary-password"], "canary-password")
      const key = makeKey()
      const without = yield* Effect.flip((yield* open(server.url)).get(key))
      expect(without).toMatchObject({ reason: "Refused", operation: "get" })
      expect(without.message).toMatch(/wants a password \(NOAUTH\).*redis:\/\/:password@host/)
      const wrong = yield* open(`redis://:canary-wrong@127.0.0.1:${server.port}`)
      expect(yield* Effect.flip(wrong.set(key, makeToken()))).toMatchObject({ reason: "Refused" })
      const lease = yield* Effect.flip(Effect.scoped(wrong.lease(key)))
      expect(lease.message).toMatch(/does not take the password/)
      const right = yield* open(`redis://:canary-password@127.0.0.1:${server.port}`)
      expect(yield* right.get(key)).toEqual(Option.none())
    }))

  it.scopedLive("gives this user too few rights", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      yield* Effect.promise(() =>
        server.admin.call("ACL", "SETUSER", "reader", "on", ">canary-reader", "~*", "&*", "+get", "+info", "+ping")
      )
      const storage = yield* open(`redis://reader:canary-reader@127.0.0.1:${server.port}`)
      const key = makeKey()
      expect(yield* storage.get(key)).toEqual(Option.none())
      const refused = Effect.map(Effect.flip(storage.set(key, makeToken())), (error) => {
        expect(error).toMatchObject({ reason: "Refused", operation: "set" })
        expect(error.message).toMatch(/NOPERM/)
      })
      yield* refused
      // Then the script is refused nothing, and what it does is.
      yield* Effect.promise(() => server.admin.call("ACL", "SETUSER", "reader", "+eval"))
      yield* refused
    }))

  it.scopedLive("is full: plaintext, too, stays out of the error", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--maxmemory", "1", "--maxmemory-policy", "noeviction"])
      const storage = yield* RedisTokenStorage.makePlaintext({ url: Redacted.make(server.url) })
      const error = yield* Effect.flip(storage.set(makeKey(), makeToken()))
      expect(error).toMatchObject({ reason: "Unavailable", operation: "set" })
      expect(error.message).toMatch(/OOM.*raise its `maxmemory`/)
      expect(error.message).not.toMatch(/script/)
    }))

  it.scopedLive("is full: no lease is begun, and those that were are given back", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* open(server.url)
      const key = makeKey()
      const { lease } = yield* namesOf(key)
      const release = yield* hold(storage, key)
      yield* Effect.promise(() => server.admin.config("SET", "maxmemory", "1"))
      yield* release
      expect(yield* Effect.promise(() => server.admin.exists(lease))).toBe(0)
      const error = yield* Effect.flip(Effect.scoped(storage.lease(key)))
      expect(error).toMatchObject({ reason: "Unavailable", operation: "lease" })
      expect(error.message).toMatch(/OOM/)
    }))

  it.scopedLive("has something else where a lease belongs: it is said, and nothing is left behind", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* open(server.url)
      const other = yield* open(server.url)
      for (const kind of ["lease", "fence", "line"] as const) {
        const key = makeKey()
        const names = yield* namesOf(key)
        const held = yield* Scope.make()
        if (kind === "line") yield* Scope.extend(other.lease(key), held)
        yield* Effect.promise(() => server.admin.hset(names[kind], "a", "b"))
        const error = yield* Effect.flip(Effect.scoped(storage.lease(key)))
        expect(error).toMatchObject({ reason: "Unavailable", operation: "lease" })
        expect(error.message).toMatch(/WRONGTYPE/)
        yield* Scope.close(held, Exit.void)
        if (kind !== "lease") expect(yield* Effect.promise(() => server.admin.exists(names.lease))).toBe(0)
      }
    }))

  it.scopedLive("takes no writes", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "yes"])
      const storage = yield* open(server.url)
      const key = makeKey()
      expect(yield* storage.get(key)).toEqual(Option.none())
      expect((yield* Effect.flip(storage.set(key, makeToken()))).message).toMatch(
        /READONLY.*give the URL of the primary/
      )
    }))

  it.scopedLive("becomes a replica, and its address stands for another: the next call finds that one", () =>
    Effect.gen(function*() {
      const [before, after] = [yield* makeServer(), yield* makeServer()]
      let primary = before
      const storage = yield* open(yield* makeAddress(() => primary.port))
      const key = makeKey()
      yield* storage.set(key, makeToken())
      yield* Effect.promise(() => before.admin.replicaof("127.0.0.1", 1))
      primary = after
      const token = makeToken({ issuedIn: 0 })
      expect((yield* Effect.flip(storage.set(key, token))).message).toMatch(/READONLY/)
      yield* Effect.retry(storage.set(key, token), { while: ({ reason }) => reason === "Unavailable" })
      const { record } = yield* namesOf(key)
      expect(yield* Effect.promise(() => after.admin.exists(record))).toBe(1)
    }))

  it.scopedLive("is down, and comes back: an error soon, and then all is well again", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* open(server.url)
      const key = makeKey()
      const token = makeToken()
      yield* storage.set(key, token)
      yield* server.stop
      for (const use of [storage.get(key), storage.set(key, token), Effect.scoped(storage.lease(key))]) {
        const error = yield* Effect.flip(Effect.asVoid(use))
        expect(error).toMatchObject({ reason: "Unavailable" })
        expect(error.message).toMatch(/ECONNREFUSED|closed|reset/i)
      }
      yield* server.start
      yield* Effect.retry(storage.get(key), { while: ({ reason }) => reason === "Unavailable" })
      yield* storage.set(key, token)
      expect(yield* storage.get(key)).toEqual(Option.some(token))
      yield* Effect.scoped(storage.lease(key))
    }))

  it.scopedLive("restarts while others wait for the lease: they get it all the same", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const key = makeKey()
      const holder = yield* open(server.url)
      const release = yield* hold(holder, key)
      const storage = yield* open(server.url, { pollInterval: "20 millis" })
      const waiting = yield* Effect.fork(
        Effect.retry(Effect.scoped(storage.lease(key)), { while: ({ reason }) => reason === "Unavailable" })
      )
      const { line } = yield* namesOf(key)
      yield* until(() => server.admin.zcard(line), (count) => count === 1)
      yield* server.restart
      // It has forgotten the lease with everything else.
      yield* Fiber.join(waiting)
      yield* release
    }))

  it.scopedLive("hangs: whoever waits can leave, and nothing that was begun is left behind", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* open(server.url)
      const key = makeKey()
      yield* storage.get(key)
      const sent = vi.spyOn(Redis.prototype, "sendCommand")
      yield* Effect.addFinalizer(() => Effect.sync(() => sent.mockRestore()))
      yield* server.pause
      const fibers = yield* Effect.forEach(
        [storage.get(key), storage.set(key, makeToken()), Effect.scoped(storage.lease(key))],
        (use) => Effect.fork(Effect.asVoid(use))
      )
      yield* until(async () => sent.mock.calls.length, (count) => count === fibers.length)
      yield* Fiber.interruptAll(fibers)
      const impatient = yield* open(server.url, { commandTimeout: "50 millis" })
      expect((yield* Effect.flip(impatient.get(key))).message).toMatch(/did not answer within 50ms/)
      yield* server.resume
      const { lease, line } = yield* namesOf(key)
      // The end of the lease was sent behind its beginning.
      yield* until(() => server.admin.exists(lease, line), (count) => count === 0)
      yield* Effect.scoped(storage.lease(key))
    }))

  it.scopedLive("sleeps: an error within `commandTimeout`, and then all is well again", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--enable-debug-command", "yes"])
      const storage = yield* open(server.url, { commandTimeout: "100 millis" })
      const key = makeKey()
      yield* storage.get(key)
      const sleep = yield* Effect.fork(Effect.promise(() => server.admin.call("DEBUG", "SLEEP", "1")))
      // Over and over, since nobody can say when it has fallen asleep.
      const errors = yield* Effect.all(
        [storage.get(key), storage.set(key, makeToken())].map((use) => Effect.flip(Effect.forever(use))),
        { concurrency: 2 }
      )
      for (const error of errors) {
        expect(error).toMatchObject({ reason: "Unavailable" })
        expect(error.message).toMatch(/did not answer within 100ms/)
      }
      yield* Fiber.join(sleep)
      const token = makeToken({ issuedIn: 0 })
      yield* Effect.retry(storage.set(key, token), { while: ({ reason }) => reason === "Unavailable" })
      yield* Effect.scoped(storage.lease(key))
      expect(yield* storage.get(key)).toEqual(Option.some(token))
    }))

  it.scopedLive("is flushed under load: nobody fails, and the lease is had again", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const key = makeKey()
      const storages = yield* Effect.replicateEffect(open(server.url, { pollInterval: "20 millis" }), 4)
      const flushes = yield* Effect.fork(Effect.forever(Effect.promise(() => server.admin.flushall())))
      let turns = 0
      yield* Effect.forEach(storages, (storage) =>
        Effect.gen(function*() {
          yield* storage.lease(key)
          yield* storage.get(key)
          yield* storage.set(key, makeToken()).pipe(
            // A later holder was let in by the flush.
            Effect.catchIf(({ reason }) => reason === "LeaseLost", () => Effect.void)
          )
          turns++
        }).pipe(Effect.scoped, Effect.repeatN(19)), { concurrency: "unbounded", discard: true })
      yield* Fiber.interrupt(flushes)
      expect(turns).toBe(80)
      const token = makeToken({ issuedIn: 0 })
      const [storage] = storages
      if (storage === undefined) return expect.unreachable()
      yield* storage.set(key, token)
      expect(yield* storage.get(key)).toEqual(Option.some(token))
    }))
})

describe("what says it is a Redis", () => {
  const nothing = { get: "$-1" }
  const busy = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
  const cases: ReadonlyArray<readonly [what: string, answers: Record<string, string>, said: RegExp]> = [
    ["refuses writes while it cannot save", { ...nothing, eval: "-MISCONF Errors writing to the RDB" }, /MISCONF/],
    ["has too few replicas", { ...nothing, eval: "-NOREPLICAS Not enough good replicas to write." }, /NOREPLICAS/],
    ["is busy with a script", { get: busy, eval: busy }, /BUSY Redis is busy running a script/],
    ["has the script killed", { ...nothing, eval: "-ERR Script killed by user with SCRIPT KILL" }, /Script killed/],
    [
      "knows no EVAL",
      { ...nothing, eval: "-ERR unknown command 'eval', with args beginning with: 'hidden'" },
      /unknown command 'eval'$/
    ],
    ["answers a number for text", { get: ":5", eval: "+OK" }, /something else than was asked/],
    ["answers a list", { get: "*0", eval: "*2\r\n:1\r\n:2" }, /something else than was asked/],
    ["answers text for a number", { ...nothing, eval: "+OK" }, /something else than was asked/],
    [
      "speaks another protocol",
      { info: "HTTP/1.1 400 Bad Request", get: "HTTP/1.1 400 Bad Request" },
      /Protocol error/
    ],
    ["says each time that another was faster", { ...nothing, eval: ":0" }, /does not hold still/]
  ]
  for (const [what, answers, said] of cases) {
    it.scopedLive(what, () =>
      Effect.gen(function*() {
        const storage = yield* RedisTokenStorage.makePlaintext({ url: Redacted.make(yield* makeAnswering(answers)) })
        const error = yield* Effect.flip(storage.set(makeKey(), makeToken()))
        expect(error).toMatchObject({ _tag: "TokenStorageError", reason: "Unavailable", operation: "set" })
        expect(error.message).toMatch(said)
        expect(error.message).not.toMatch(/canary|hidden/)
      }))
  }

  it.scopedLive("repeats the password as an unknown command: it is not in the error", () =>
    Effect.gen(function*() {
      const url = yield* makeAnswering({
        auth: "-ERR unknown command `auth`, with args beginning with: `hidden-password`, "
      })
      const storage = yield* open(url.replace("//", "//:hidden-password@"))
      const error = yield* Effect.flip(storage.get(makeKey()))
      expect(error.message).toMatch(/unknown command `auth`/)
      expect(error.message).not.toMatch(/canary|hidden/)
    }))

  it.scopedLive("has several addresses, none of which answers: it is said what became of the first", () =>
    Effect.gen(function*() {
      const port = yield* Effect.promise(freePort)
      const addresses = ["127.0.0.1", "127.0.0.2"].map((address) => ({ address, family: 4 }))
      const storage = yield* open(`rediss://redis.example.com:${port}`, {
        redis: { tls: { lookup: (_, __, callback) => callback(null, addresses) } }
      })
      const error = yield* Effect.flip(storage.get(makeKey()))
      expect(error.message).toMatch(/connect ECONNREFUSED 127\.0\.0\.1/)
    }))
})

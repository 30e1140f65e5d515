import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { describe, expect, it, vi } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Redacted, Scope } from "effect"
import { Redis } from "ioredis"
import { makeAddress, makeAnswering } from "./support/fakeRedis.ts"
import { freePort } from "./support/listen.ts"
import { describeRedis, make as makeServer, until } from "./support/redisServer.ts"
import { hold, makeKey, makeToken, namesOf, open } from "./support/storage.ts"

describeRedis("a Redis in trouble", () => {
  it.scopedLive("requires a password, or another one: the error says where to write it and does not contain it", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--requirepass", "canary-password"], "canary-password")
      const key = makeKey()
      const without = yield* Effect.flip((yield* open(server.url)).get(key))
      expect(without).toMatchObject({ reason: "Refused", operation: "get" })
      expect(without.message).toMatch(/requires a password \(NOAUTH\).*redis:\/\/:password@host/)
      const wrong = yield* open(`redis://:canary-wrong@127.0.0.1:${server.port}`)
      expect(yield* Effect.flip(wrong.set(key, makeToken()))).toMatchObject({ reason: "Refused" })
      const lease = yield* Effect.flip(Effect.scoped(wrong.lease(key)))
      expect(lease.message).toMatch(/rejects the password/)
      const right = yield* open(`redis://:canary-password@127.0.0.1:${server.port}`)
      expect(yield* right.get(key)).toEqual(Option.none())
    }))

  it.scopedLive("denies the user a command, in a script or outside: the error is Refused and names NOPERM", () =>
    Effect.gen(function*() {
      const server = yield* makeServer()
      const storage = yield* open(yield* server.addUser("reader", "~*", "&*", "+getrange", "+info", "+ping"))
      const key = makeKey()
      expect(yield* storage.get(key)).toEqual(Option.none())
      const refused = Effect.map(Effect.flip(storage.set(key, makeToken())), (error) => {
        expect(error).toMatchObject({ reason: "Refused", operation: "set" })
        expect(error.message).toMatch(/NOPERM/)
      })
      yield* refused
      // Now Redis allows the script, and denies the commands in it.
      yield* server.addUser("reader", "+eval")
      yield* refused
    }))

  it.scopedLive("is full: the error says which setting to raise and does not contain the token, even unencrypted", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--maxmemory", "1", "--maxmemory-policy", "noeviction"])
      const storage = yield* RedisTokenStorage.makePlaintext({ url: Redacted.make(server.url) })
      const error = yield* Effect.flip(storage.set(makeKey(), makeToken()))
      expect(error).toMatchObject({ reason: "Unavailable", operation: "set" })
      expect(error.message).toMatch(/OOM.*raise `maxmemory`/)
      expect(error.message).not.toMatch(/script/)
    }))

  it.scopedLive("is full: a lease that is held can be released, and no new lease is taken", () =>
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

  it.scopedLive("holds a value of another type where a lease belongs: an error, and no lease is left behind", () =>
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

  it.scopedLive("is a replica: reads work, and a write is an error that asks for the primary", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "yes"])
      const storage = yield* open(server.url)
      const key = makeKey()
      expect(yield* storage.get(key)).toEqual(Option.none())
      expect((yield* Effect.flip(storage.set(key, makeToken()))).message).toMatch(
        /READONLY.*give the URL of the primary/
      )
    }))

  it.scopedLive("becomes a replica while its address moves to the new primary: the next write goes to the new primary", () =>
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

  it.scopedLive("is down and comes back: early errors while it is down, and then each operation works again", () =>
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

  it.scopedLive("restarts while a process waits for a lease: that process gets the lease", () =>
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
      yield* server.untilInLine(line, 1)
      yield* server.restart
      // The restarted Redis has lost the lease.
      yield* Fiber.join(waiting)
      yield* release
    }))

  it.scopedLive("hangs: waiting operations can be interrupted or time out, and no lease or place in line is left behind", () =>
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
      expect((yield* Effect.flip(impatient.get(key))).message).toMatch(/no answer within 50ms/)
      yield* server.resume
      const { lease, line } = yield* namesOf(key)
      // Redis runs the release after the acquisition, in the order in which they were sent.
      yield* until(() => server.admin.exists(lease, line), (count) => count === 0)
      yield* Effect.scoped(storage.lease(key))
    }))

  it.scopedLive("sleeps: an error after `commandTimeout`, and then each operation works again", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(["--enable-debug-command", "yes"])
      const storage = yield* open(server.url, { commandTimeout: "100 millis" })
      const key = makeKey()
      yield* storage.get(key)
      const sleep = yield* Effect.fork(Effect.promise(() => server.admin.call("DEBUG", "SLEEP", "1")))
      // Repeatedly, because the moment in which Redis falls asleep is unknown.
      const errors = yield* Effect.all(
        [storage.get(key), storage.set(key, makeToken())].map((use) => Effect.flip(Effect.forever(use))),
        { concurrency: 2 }
      )
      for (const error of errors) {
        expect(error).toMatchObject({ reason: "Unavailable" })
        expect(error.message).toMatch(/no answer within 100ms/)
      }
      yield* Fiber.join(sleep)
      const token = makeToken({ issuedIn: 0 })
      yield* Effect.retry(storage.set(key, token), { while: ({ reason }) => reason === "Unavailable" })
      yield* Effect.scoped(storage.lease(key))
      expect(yield* storage.get(key)).toEqual(Option.some(token))
    }))

  it.scopedLive("is flushed repeatedly under load: no lease, read or write fails", () =>
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
            // The flush let another holder take the lease.
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

describe("a server that sends errors or unexpected replies in place of a Redis", () => {
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
    ["answers a number for text", { get: ":5", eval: "+OK" }, /a reply of the wrong type/],
    ["answers a list", { get: "*0", eval: "*2\r\n:1\r\n:2" }, /a reply of the wrong type/],
    ["answers text for a number", { ...nothing, eval: "+OK" }, /a reply of the wrong type/],
    [
      "speaks HTTP",
      { info: "HTTP/1.1 400 Bad Request", get: "HTTP/1.1 400 Bad Request" },
      /Protocol error|Unknown RESP type/
    ],
    ["reports at each write that the record has changed", { ...nothing, eval: ":0" }, /replaced the record 100 times/]
  ]
  for (const [what, answers, said] of cases) {
    it.scopedLive(`${what}: the error says so, and does not contain the token`, () =>
      Effect.gen(function*() {
        const storage = yield* RedisTokenStorage.makePlaintext({ url: Redacted.make(yield* makeAnswering(answers)) })
        const error = yield* Effect.flip(storage.set(makeKey(), makeToken()))
        expect(error).toMatchObject({ _tag: "TokenStorageError", reason: "Unavailable", operation: "set" })
        expect(error.message).toMatch(said)
        expect(error.message).not.toMatch(/canary|hidden/)
      }))
  }

  it.scopedLive("repeats the password in its reply to an unknown AUTH: the error does not contain the password", () =>
    // The recorder would find a longer password in the error of the Redis client itself.
    Effect.gen(function*() {
      const url = yield* makeAnswering({
        auth: "-ERR unknown command `auth`, with args beginning with: `hidden7`, "
      })
      const storage = yield* open(url.replace("//", "//:hidden7@"))
      const error = yield* Effect.flip(storage.get(makeKey()))
      expect(error.message).toMatch(/unknown command `auth`/)
      expect(error.message).not.toMatch(/canary|hidden/)
    }))

  it.scopedLive("has several addresses of which none answers: the error says why the first failed", () =>
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

import { AccessToken, TokenStorage } from "@effect-mcp-auth/core"
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { describe, expect, it, layer } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Exit, Fiber, Layer, Option, Redacted, Scope } from "effect"
import { readFileSync } from "node:fs"
import { isInstalled, make as makeServer, type RedisServer } from "./support/redisServer.ts"

class Server extends Context.Tag("Server")<Server, RedisServer>() {
  static readonly layer = Layer.scoped(Server, makeServer(["--enable-debug-command", "yes"]))
}

const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

const makeKey = (): TokenStorage.TokenKey => ({
  issuer: "https://auth.example.com",
  clientId: `nightly-report ${crypto.randomUUID()}`,
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: [],
  parameters: []
})

const makeToken = (options: { readonly issuedIn?: number; readonly refreshToken?: boolean } = {}) => {
  const issuedAt = Date.now() + (options.issuedIn ?? -1000)
  return new AccessToken.AccessToken({
    value: Redacted.make(`canary-${crypto.randomUUID()}`),
    tokenType: "Bearer",
    scopes: [],
    issuer: "https://auth.example.com",
    issuedAt,
    expiresAt: issuedAt + 60_000,
    ...(options.refreshToken === true ? { refreshToken: Redacted.make(`canary-${crypto.randomUUID()}`) } : {})
  })
}

const open = (url: string, options: Partial<RedisTokenStorage.Options> = {}) =>
  RedisTokenStorage.make({ url: Redacted.make(url), encryptionKey, ...options })

const namesOf = (server: RedisServer, key: TokenStorage.TokenKey) =>
  Effect.map(TokenStorage.keyDigest(key), (digest) => ({
    server,
    record: `mcp-auth:{${digest}}:record`,
    lease: `mcp-auth:{${digest}}:lease`,
    line: `mcp-auth:{${digest}}:line`,
    channel: `mcp-auth:{${digest}}:released`
  }))

/** Looks until it is so: for what another process does in its own time. */
const until = <A>(look: () => Promise<A>, is: (value: A) => boolean) =>
  Effect.promise(look).pipe(Effect.zipLeft(Effect.sleep("5 millis")), Effect.repeat({ until: is }))

describe.skipIf(!isInstalled)("with a redis-server (skipped where none is installed)", () => {
  layer(Server.layer, { excludeTestServices: true })((it) => {
    for (const kind of ["encrypted", "plaintext"]) {
      describe(`the contract: ${kind}`, () => {
        for (const { check, name } of TokenStorageContract.cases) {
          it.scoped(name, () =>
            Effect.gen(function*() {
              const { url } = yield* Server
              const place = kind === "encrypted"
                ? open(url)
                : RedisTokenStorage.makePlaintext({ url: Redacted.make(url) })
              yield* check(yield* place, yield* place)
            }))
        }
      })
    }

    describe("what is in Redis", () => {
      it.scoped("tells neither token, nor client, nor URL, and goes when the token has expired", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { record } = yield* namesOf(server, key)
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
          const { record } = yield* namesOf(server, key)
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
          const digest = yield* TokenStorage.keyDigest(key)
          expect(yield* Effect.promise(() => server.admin.exists(`mine/{${digest}}:record`))).toBe(1)
        }))
    })

    describe("the lease", () => {
      it.scoped("wakes the next in line, who would else not look for an hour", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { line } = yield* namesOf(server, key)
          const options = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const
          const served: Array<number> = []
          const first = yield* Scope.make()
          yield* Scope.extend((yield* open(server.url, options)).lease(key), first)
          const fibers: Array<Fiber.Fiber<void, unknown>> = []
          for (let index = 0; index < 4; index++) {
            const storage = yield* open(server.url, options)
            const waiter = Effect.zipRight(storage.lease(key), Effect.sync(() => void served.push(index)))
            fibers.push(yield* Effect.fork(Effect.scoped(waiter)))
            yield* until(() => server.admin.zcard(line), (count) => count === index + 1)
          }
          yield* Scope.close(first, Exit.void)
          // Who has just subscribed looks for itself, and may be faster than who is woken.
          yield* Effect.forEach(fibers, Fiber.join)
          expect(new Set(served)).toEqual(new Set([0, 1, 2, 3]))
        }))

      it.scoped("one that is woken and leaves wakes the next", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { line } = yield* namesOf(server, key)
          const options = { leaseDuration: "1 hour", pollInterval: "1 hour" } as const
          const first = yield* Scope.make()
          yield* Scope.extend((yield* open(server.url, options)).lease(key), first)
          const waiters: Array<Fiber.RuntimeFiber<void, unknown>> = []
          for (let index = 0; index < 3; index++) {
            const storage = yield* open(server.url, options)
            waiters.push(yield* Effect.fork(Effect.scoped(storage.lease(key))))
            yield* until(() => server.admin.zcard(line), (count) => count === index + 1)
          }
          const [leaving, ...others] = waiters
          if (leaving === undefined) return expect.unreachable()
          yield* Effect.all([Scope.close(first, Exit.void), Fiber.interrupt(leaving)], { concurrency: 2 })
          yield* Effect.forEach(others, Fiber.join)
        }))

      it.scoped("is found by looking where messages do not come through", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          yield* Effect.promise(() =>
            server.admin.call("ACL", "SETUSER", "deaf", "on", ">canary-deaf", "~*", "+@all", "resetchannels")
          )
          const options = { redis: { username: "deaf", password: "canary-deaf" }, pollInterval: "20 millis" } as const
          const first = yield* Scope.make()
          yield* Scope.extend((yield* open(server.url)).lease(key), first)
          const storage = yield* open(server.url, options)
          const waiting = yield* Effect.fork(Effect.scoped(storage.lease(key)))
          const { line } = yield* namesOf(server, key)
          yield* until(() => server.admin.zcard(line), (count) => count === 1)
          yield* Scope.close(first, Exit.void)
          yield* Fiber.join(waiting)
        }))

      it.scoped("of a holder that is alive does not end, and that of a dead one does", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { lease } = yield* namesOf(server, key)
          const options = { leaseDuration: "3 seconds" } as const
          const holder = yield* Scope.make()
          yield* Scope.extend((yield* open(server.url, options)).lease(key), holder)
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
          yield* Scope.close(holder, Exit.void)
          yield* Effect.promise(() => server.admin.set(lease, "somebody dead", "PX", 200))
          yield* Effect.scoped((yield* open(server.url, { pollInterval: "1 hour" })).lease(key))
        }))

      it.scoped("a holder that has lost it stores nothing, whatever the clocks say, and takes nobody's lease away", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const key = makeKey()
          const { lease } = yield* namesOf(server, key)
          const paused = yield* open(server.url)
          const other = yield* open(server.url)
          const first = yield* Scope.make()
          yield* Scope.extend(paused.lease(key), first)
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
          yield* Scope.close(first, Exit.void)
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
        const holder = yield* Scope.make()
        yield* Scope.extend(one.lease(key), holder)
        const waiting = yield* Effect.fork(Effect.scoped(two.lease(key)))
        yield* until(connections, (count) => count === 4)
        yield* Fiber.interrupt(waiting)
        yield* Scope.close(holder, Exit.void)
        yield* Scope.close(scope, Exit.void)
        yield* until(connections, (count) => count === 1)
      }))

    it.scoped("needs no more rights than the README names", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
        const rights = /needs `(~\S+)`, `(&\S+)`, and `([^`]+)`/.exec(readme)?.slice(1).flatMap((some) =>
          some.split(/\s+/)
        )
        expect(rights?.length).toBeGreaterThan(10)
        yield* Effect.promise(() =>
          server.admin.call("ACL", "SETUSER", "least", "on", ">canary-least", "-@all", ...(rights ?? []))
        )
        const place = open(`redis://least:canary-least@127.0.0.1:${server.port}`, { pollInterval: "1 hour" })
        const [storage, other] = [yield* place, yield* place]
        for (const { check } of TokenStorageContract.cases) yield* check(storage, other)
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

  it.scopedLive("a cluster: the contract, by the URLs of some of its nodes, with a password", () =>
    Effect.gen(function*() {
      const server = yield* makeServer(
        ["--cluster-announce-ip", "127.0.0.1", "--cluster-enabled", "yes", "--requirepass", "canary-password"],
        "canary-password"
      )
      yield* Effect.promise(() => server.admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383"))
      yield* until(() => server.admin.cluster("INFO"), (info) => info.includes("cluster_state:ok"))
      const url = Redacted.make(`redis://:canary-password@127.0.0.1:${server.port}`)
      const place = open("", { url: [url, url] })
      const [storage, other] = [yield* place, yield* place]
      for (const { check } of TokenStorageContract.cases) yield* check(storage, other)
      yield* server.stop
      const error = yield* Effect.flip(storage.get(makeKey()))
      expect(error).toMatchObject({ reason: "Unavailable" })
      expect(error.message).toMatch(/ECONNREFUSED|did not answer|closed/)
    }))

  describe("a Redis in trouble", () => {
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
        const error = yield* Effect.flip(storage.set(key, makeToken()))
        expect(error).toMatchObject({ reason: "Refused", operation: "set" })
        expect(error.message).toMatch(/NOPERM/)
      }))

    it.scopedLive("is full: plaintext, too, stays out of the error", () =>
      Effect.gen(function*() {
        const server = yield* makeServer(["--maxmemory", "1", "--maxmemory-policy", "noeviction"])
        const storage = yield* RedisTokenStorage.makePlaintext({ url: Redacted.make(server.url) })
        const error = yield* Effect.flip(storage.set(makeKey(), makeToken()))
        expect(error).toMatchObject({ reason: "Unavailable", operation: "set" })
        expect(error.message).toMatch(/OOM/)
      }))

    it.scopedLive("takes no writes", () =>
      Effect.gen(function*() {
        const server = yield* makeServer(["--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "yes"])
        const storage = yield* open(server.url)
        const key = makeKey()
        expect(yield* storage.get(key)).toEqual(Option.none())
        expect((yield* Effect.flip(storage.set(key, makeToken()))).message).toMatch(/READONLY|read only/)
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
        const first = yield* Scope.make()
        const holder = yield* open(server.url)
        yield* Scope.extend(holder.lease(key), first)
        const storage = yield* open(server.url, { pollInterval: "20 millis" })
        const waiting = yield* Effect.fork(
          Effect.retry(Effect.scoped(storage.lease(key)), { while: ({ reason }) => reason === "Unavailable" })
        )
        const { line } = yield* namesOf(server, key)
        yield* until(() => server.admin.zcard(line), (count) => count === 1)
        yield* server.restart
        // It has forgotten the lease with everything else.
        yield* Fiber.join(waiting)
        yield* Scope.close(first, Exit.void)
      }))

    it.scopedLive("hangs: whoever waits can leave, and nothing that was begun is left behind", () =>
      Effect.gen(function*() {
        const server = yield* makeServer()
        const storage = yield* open(server.url)
        const key = makeKey()
        yield* storage.get(key)
        yield* server.pause
        const fibers = yield* Effect.forEach(
          [storage.get(key), storage.set(key, makeToken()), Effect.scoped(storage.lease(key))],
          (use) => Effect.fork(Effect.asVoid(use))
        )
        yield* Effect.sleep("20 millis")
        yield* Fiber.interruptAll(fibers)
        const impatient = yield* open(server.url, { commandTimeout: "50 millis" })
        expect((yield* Effect.flip(impatient.get(key))).message).toMatch(/did not answer within 50ms/)
        yield* server.resume
        const { lease, line } = yield* namesOf(server, key)
        // The end of the lease was sent behind its beginning.
        yield* until(() => server.admin.exists(lease, line), (count) => count === 0)
        yield* Effect.scoped(storage.lease(key))
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
})

describe("options", () => {
  // `layer` has put its own `scoped` in the place of everybody's.
  it.scopedLive("a URL that is none is refused, and not shown", () =>
    Effect.gen(function*() {
      for (const url of ["", "canary", "https://:canary-password@redis.example.com", "redis:"]) {
        expect(yield* Effect.flip(open(url))).toMatchObject({ _tag: "InvalidOptions", option: "url" })
      }
      expect(yield* Effect.flip(open("", { url: [] }))).toMatchObject({ option: "url" })
      expect(yield* Effect.flip(open("redis://a", { leaseDuration: 1 }))).toMatchObject({ option: "leaseDuration" })
      expect(yield* Effect.flip(open("redis://a", { encryptionKey: Redacted.make("canary") }))).toMatchObject({
        option: "encryptionKey"
      })
    }))
})

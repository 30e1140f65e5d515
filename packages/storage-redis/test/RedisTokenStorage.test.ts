import { TokenKey, TokenStorage } from "@effect-mcp-auth/core"
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { describe, expect, it, layer } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Exit, Fiber, Layer, Option, Redacted, Scope } from "effect"
import type { Redis } from "ioredis"
import { describeRedis, Server, until } from "./support/redisServer.ts"
import {
  checkContract,
  discoveryOf,
  encryptionKey,
  hold,
  makeKey,
  makeRecord,
  makeToken,
  namesOf,
  open,
  readmeRights
} from "./support/storage.ts"

const provideEnv = (env: Record<string, string>) =>
  Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))))

/** The bytes that Redis has sent to all of its clients. */
const sentBytes = async (admin: Redis): Promise<number> =>
  Number(/total_net_output_bytes:(\d+)/.exec(await admin.info("stats"))?.[1])

describeRedis("RedisTokenStorage", () => {
  layer(Server.layer(), { excludeTestServices: true })((it) => {
    it.scoped("keeps no token, client id or URL readable in Redis, and lets a record expire with its token", () =>
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

    it.scoped("reports and replaces a value that is not a record, and leaves a value of another type alone", () =>
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

    it.scoped("keeps what discovery has found for 30 days, in a record of its own that nobody can read", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const storage = yield* open(server.url)
        yield* (yield* discoveryOf(storage)).set(key, makeRecord())
        const name = `mcp-auth:{${yield* TokenKey.discoveryDigest(key)}}:record`
        expect(yield* Effect.promise(() => server.admin.get(name))).not.toMatch(/nightly|example/)
        const days = (yield* Effect.promise(() => server.admin.ttl(name))) / 86_400
        expect(days).toBeGreaterThan(29)
        expect(days).toBeLessThanOrEqual(30)
        expect(yield* storage.get(key)).toEqual(Option.none())
      }))

    for (
      const [kind, value] of [
        ["a text", "x".repeat(2 * 1024 * 1024)],
        ["a text of characters of three bytes", "\u{20ac}".repeat(400_000)],
        ["a text of characters of four bytes", `x${"\u{1f600}".repeat(300_000)}`]
      ] as const
    ) {
      for (const db of ["", "/1"]) {
        it.scoped(`in db ${db}, ${kind} longer than any record counts as damaged, is not loaded, and is replaced`, () =>
          Effect.gen(function*() {
            const server = yield* Server
            const key = makeKey()
            const storage = yield* open(`${server.url}${db}`)
            const discovery = yield* discoveryOf(storage)
            const [record, found] = [makeToken(), makeRecord()]
            for (const digest of [yield* TokenKey.digest(key), yield* TokenKey.discoveryDigest(key)]) {
              const name = `mcp-auth:{${digest}}:record`
              const select = db === "" ? 0 : 1
              yield* Effect.promise(() => server.admin.multi().select(select).set(name, value).select(0).exec())
            }
            const sent = yield* Effect.promise(() => sentBytes(server.admin))
            for (const get of [Effect.asVoid(storage.get(key)), Effect.asVoid(discovery.get(key))]) {
              expect((yield* Effect.flip(get)).reason).toBe("Damaged")
            }
            expect((yield* Effect.promise(() => sentBytes(server.admin))) - sent).toBeLessThan(2.5 * 1024 * 1024)
            yield* storage.set(key, record)
            yield* discovery.set(key, found)
            expect(yield* storage.get(key)).toEqual(Option.some(record))
            expect(yield* discovery.get(key)).toEqual(Option.some(found))
          }))
      }
    }

    it.scoped("writes its records under `prefix`", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const storage = yield* open(server.url, { prefix: "mine/" })
        yield* storage.set(key, makeToken())
        const digest = yield* TokenKey.digest(key)
        expect(yield* Effect.promise(() => server.admin.exists(`mine/{${digest}}:record`))).toBe(1)
      }))

    it.scoped("opens no connection before its first use, and leaves none open when its scope closes", () =>
      Effect.gen(function*() {
        const server = yield* Server
        const key = makeKey()
        const { connections } = server
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
        const rights = readmeRights()
        expect(rights.always.length).toBeGreaterThan(10)
        expect(rights.db).toEqual(["+select"])
        const url = yield* server.addUser("least", "-@all", ...rights.always, ...rights.db)
        const before = yield* Effect.promise(server.errors)
        for (const db of ["", "/1"]) yield* checkContract(open(`${url}${db}`, { pollInterval: "1 hour" }))
        // ioredis ignores the denial of a command that it sends on its own account, and Redis logs that denial.
        expect(yield* Effect.promise(server.errors)).toBe(before)
      }))

    it.scoped("layerConfig reads the URL and the key from Config", () =>
      Effect.gen(function*() {
        const { url } = yield* Server
        const key = makeKey()
        const config = RedisTokenStorage.layerConfig({
          url: Config.redacted("REDIS_URL"),
          encryptionKey: Config.redacted("TOKEN_KEY")
        }).pipe(provideEnv({ REDIS_URL: url, TOKEN_KEY: Redacted.value(encryptionKey) }))
        const storage = Context.get(yield* Layer.build(config), TokenStorage.TokenStorage)
        const token = makeToken()
        yield* storage.set(key, token)
        expect(yield* (yield* open(url)).get(key)).toEqual(Option.some(token))
      }))

    it.scoped("layerConfig reads several keys, separated by commas, and decrypts with an old one", () =>
      Effect.gen(function*() {
        const { url } = yield* Server
        const key = makeKey()
        const token = makeToken()
        yield* (yield* open(url)).set(key, token)
        const keys = [Buffer.alloc(32, 8).toString("base64url"), Redacted.value(encryptionKey)].join(",")
        const config = RedisTokenStorage.layerConfig({
          url: Config.redacted("REDIS_URL"),
          encryptionKey: Config.array(Config.redacted(), "TOKEN_KEYS")
        }).pipe(provideEnv({ REDIS_URL: url, TOKEN_KEYS: keys }))
        const storage = Context.get(yield* Layer.build(config), TokenStorage.TokenStorage)
        expect(yield* storage.get(key)).toEqual(Option.some(token))
      }))

    it.scoped("layer and layerPlaintext reject each other's records", () =>
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

// `layer` replaces `scoped` of the global `it` by its own.
describe("the options of RedisTokenStorage", () => {
  it.scopedLive("an invalid URL or encryption key is refused, and not shown in the error", () =>
    Effect.gen(function*() {
      const urls = ["", "canary", "https://:canary-password@redis.example.com", "redis:", "redis://:canary%zz@a"]
      for (
        const url of [
          ...urls.map((url) => Redacted.make(url)),
          [],
          ["redis://a", "canary"].map((url) => Redacted.make(url))
        ]
      ) {
        const error = yield* Effect.flip(open("", { url }))
        expect(error).toMatchObject({ _tag: "InvalidOptions", option: "url" })
        expect(error.message).toMatch(/Write redis:\/\/host:6379/)
        expect(error.message).not.toMatch(/canary/)
      }
      expect(yield* Effect.flip(open("redis://a", { encryptionKey: Redacted.make("canary") }))).toMatchObject({
        option: "encryptionKey"
      })
    }))

  it.scopedLive("a duration that is too short, too long, infinite or not a number is refused, with an example", () =>
    Effect.gen(function*() {
      const least = { leaseDuration: 100, pollInterval: 10, commandTimeout: 1 }
      for (const [option, millis] of Object.entries(least)) {
        for (const time of [0, -1, millis - 0.6, Number.NaN, Infinity, 1e300, 24 * 3_600_000 + 1]) {
          const error = yield* Effect.flip(open("redis://a", { [option]: time }))
          expect(error).toMatchObject({ _tag: "InvalidOptions", option })
          expect(error.message).toContain(`between ${millis} millis and 1 day. Write for example "2 seconds"`)
        }
        yield* open("redis://a", { [option]: millis })
        yield* open("redis://a", { [option]: "1 day" })
      }
    }))
})

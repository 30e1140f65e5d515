import { pause } from "@effect-mcp-auth/leak-recorder"
import { TestServers, TokenStorageContract } from "@effect-mcp-auth/testing"
import { Error as PlatformError, KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import { AccessToken, type OAuthError, TokenKey, TokenRecord, TokenStorage } from "../src/index.ts"
import { environment, makeProvider, tags, watch } from "./support/provider.ts"

const key: TokenKey.TokenKey = {
  issuer: "https://auth.example.com",
  clientId: "client",
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: ["b", "a"],
  parameters: [["y", "1"], ["x", "2"]]
}

const makeToken = (issuedAt: number, expiresAt: number, value = "canary") =>
  new AccessToken.AccessToken({
    value: Redacted.make(value),
    tokenType: "Bearer",
    scopes: ["a"],
    issuer: key.issuer,
    issuedAt,
    expiresAt
  })

const token = makeToken(0, 1)

describe("supersedes", () => {
  it("is what is not older, or stands in for what cannot be used", () => {
    expect(TokenStorage.supersedes(makeToken(2, 9), makeToken(1, 9), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(1, 9), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(2, 9), 5)).toBe(false)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(2, 5), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(6, 9), 5)).toBe(true)
  })
})

const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

const view = <E, R>(layer: Layer.Layer<TokenStorage.TokenStorage, E, R>) =>
  Effect.map(Layer.build(layer), Context.get(TokenStorage.TokenStorage))

/** The storages of core. Each is for one process, so none has a second view. */
const places = {
  layerMemory: view(TokenStorage.layerMemory),
  layerKeyValueStore: view(
    TokenStorage.layerKeyValueStore({ encryptionKey }).pipe(Layer.provide(KeyValueStore.layerMemory))
  ),
  layerKeyValueStorePlaintext: view(
    TokenStorage.layerKeyValueStorePlaintext.pipe(Layer.provide(KeyValueStore.layerMemory))
  ),
  "make, of one's own three operations": Effect.sync(() => {
    const tokens = new Map<string, AccessToken.AccessToken>()
    // In their own time, as those of a real place.
    const later = <A>(operation: () => A) => Effect.zipRight(Effect.yieldNow(), Effect.sync(operation))
    return TokenStorage.make({
      get: (key) => later(() => Option.fromNullable(tokens.get(TokenKey.encode(key)))),
      set: (key, token) => later(() => tokens.set(TokenKey.encode(key), token)),
      remove: (key) => later(() => tokens.delete(TokenKey.encode(key)))
    })
  })
}

for (const [name, place] of Object.entries(places)) {
  describe(`the contract: ${name}`, () => {
    for (const { check, name } of TokenStorageContract.cases) {
      it.scopedLive(name, () =>
        Effect.gen(function*() {
          yield* check(yield* place)
        }))
    }
  })
}

describe("a record that is no use", () => {
  const otherKey = Redacted.make(Buffer.alloc(32, 8).toString("base64url"))
  const storedBy = (keys: ReadonlyArray<Redacted.Redacted<string>>) =>
    view(
      keys.length === 0
        ? TokenStorage.layerKeyValueStorePlaintext
        : TokenStorage.layerKeyValueStore({ encryptionKey: keys })
    )
  const replaced: ReadonlyArray<readonly [reason: OAuthError.TokenStorageError["reason"], record: string]> = [
    ["Damaged", ""],
    ["Damaged", "{"],
    ["Damaged", "null"],
    ["Damaged", "x".repeat(2_000_000)],
    ["Damaged", JSON.stringify({ version: 1 })],
    ["UnknownVersion", JSON.stringify({ version: 2, name: "x" })]
  ]

  for (const keys of [[], [encryptionKey]]) {
    const kind = keys.length === 0 ? "plaintext" : "encrypted"
    for (const [reason, record] of replaced) {
      it.effect(`${kind}: is reported and replaced: ${reason} ${record.slice(0, 20)}`, () =>
        Effect.gen(function*() {
          const store = yield* KeyValueStore.KeyValueStore
          const storage = yield* storedBy(keys)
          yield* store.set(yield* TokenKey.digest(key), record)
          const error = yield* Effect.flip(storage.get(key))
          expect(error).toMatchObject({ _tag: "TokenStorageError", operation: "get", reason })
          // Nobody's token: it is not removed, but makes way.
          yield* storage.remove(key, token)
          expect((yield* Effect.flip(storage.get(key))).reason).toBe(reason)
          yield* storage.set(key, token)
          expect(yield* storage.get(key)).toEqual(Option.some(token))
        }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))
    }

    it.effect(`${kind}: that of another client is reported and replaced`, () =>
      Effect.gen(function*() {
        const store = yield* KeyValueStore.KeyValueStore
        const storage = yield* storedBy(keys)
        const other = { ...key, clientId: "other" }
        yield* storage.set(other, token)
        const record = Option.getOrThrow(yield* store.get(yield* TokenKey.digest(other)))
        yield* store.set(yield* TokenKey.digest(key), record)
        expect((yield* Effect.flip(storage.get(key))).reason).toBe("Foreign")
        yield* storage.set(key, token)
        expect(yield* storage.get(key)).toEqual(Option.some(token))
      }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))

    it.effect(`${kind}: one that was encrypted with an unknown key is left alone until its token has expired`, () =>
      Effect.gen(function*() {
        const theirs = yield* storedBy([otherKey])
        const ours = yield* storedBy(keys)
        const lasting = makeToken(0, 1000)
        yield* theirs.set(key, lasting)
        expect((yield* Effect.flip(ours.get(key))).reason).toBe("UnknownKey")
        expect(yield* Effect.flip(ours.set(key, token))).toMatchObject({ operation: "set", reason: "UnknownKey" })
        expect(yield* theirs.get(key)).toEqual(Option.some(lasting))
        yield* TestClock.adjust(1000)
        const next = makeToken(1000, 2000)
        yield* ours.set(key, next)
        expect(yield* ours.get(key)).toEqual(Option.some(next))
      }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))
  }

  it.effect("the old key reads while the new one writes", () =>
    Effect.gen(function*() {
      const before = yield* storedBy([encryptionKey])
      const during = yield* storedBy([otherKey, encryptionKey])
      const after = yield* storedBy([otherKey])
      yield* before.set(key, token)
      expect(yield* during.get(key)).toEqual(Option.some(token))
      const next = makeToken(0, 1, "canary-2")
      yield* during.set(key, next)
      expect(yield* after.get(key)).toEqual(Option.some(next))
    }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))

  it.effect("a store that fails is a TokenStorageError that says why, without what it was given", () =>
    Effect.gen(function*() {
      const store = KeyValueStore.make({
        get: () => Effect.succeedNone,
        getUint8Array: () => Effect.succeedNone,
        set: (_, record) => {
          const goOn = pause()
          const error = new PlatformError.SystemError({
            reason: "WriteZero",
            module: "KeyValueStore",
            method: "set",
            description: `disk full: INSERT INTO tokens VALUES ('${String(record)}')`
          })
          goOn()
          return Effect.fail(error)
        },
        remove: () => Effect.void,
        clear: Effect.void,
        size: Effect.succeed(0)
      })
      const storage = yield* view(TokenStorage.layerKeyValueStorePlaintext).pipe(
        Effect.provideService(KeyValueStore.KeyValueStore, store)
      )
      const error = yield* Effect.flip(storage.set(key, token))
      expect(error).toMatchObject({ operation: "set", reason: "Unavailable" })
      expect(error.message).toBe("TokenStorage.set: the KeyValueStore failed: WriteZero in KeyValueStore.set.")
    }).pipe(Effect.scoped))

  it.effect("a key that is none is an option that is wrong, and is not shown", () =>
    Effect.gen(function*() {
      for (const wrong of [Redacted.make("canary!"), Redacted.make("Y2FuYXJ5"), []]) {
        const error = yield* Effect.flip(TokenRecord.encrypted({ encryptionKey: wrong }))
        expect(error).toMatchObject({ _tag: "InvalidOptions", option: "encryptionKey" })
      }
    }))
})

describe("a place that takes its time", () => {
  const slow = <A>(f: () => A) => Effect.delay(Effect.sync(f), "1 second")

  const slowObjects = () => {
    let kept: AccessToken.AccessToken | undefined
    return {
      storage: TokenStorage.make({
        get: () => slow(() => Option.fromNullable(kept)),
        set: (_, token) => Effect.sync(() => kept = token),
        remove: () => Effect.sync(() => kept = undefined)
      }),
      others: (token: AccessToken.AccessToken) => Effect.sync(() => kept = token)
    }
  }

  const slowRecords = () => {
    let kept: string | undefined
    const get = () => slow(() => Option.fromNullable(kept))
    return {
      storage: TokenStorage.makeRecords({
        get,
        modify: (_, __, change) =>
          Effect.map(Effect.flatMap(get(), change), (made) => {
            if (made._tag === "Write") kept = made.record
          })
      }, TokenRecord.plaintext),
      others: (token: AccessToken.AccessToken) =>
        TokenKey.digest(key).pipe(
          Effect.flatMap((name) => TokenRecord.plaintext.seal(name, token)),
          Effect.map((record) => kept = record)
        )
    }
  }

  for (const [name, place] of [["make", slowObjects], ["makeRecords", slowRecords]] as const) {
    it.effect(`${name}: what another process stored while it was looked at is not taken for a token from the future`, () =>
      Effect.gen(function*() {
        const { others, storage } = place()
        const setting = yield* Effect.fork(storage.set(key, makeToken(0, 100_000, "earlier")))
        yield* TestClock.adjust("900 millis")
        yield* others(makeToken(800, 100_000, "later"))
        yield* TestClock.adjust("100 millis")
        yield* Fiber.join(setting)
        const reading = yield* Effect.fork(storage.get(key))
        yield* TestClock.adjust("1 second")
        const token = Option.getOrThrow(yield* Fiber.join(reading))
        expect(Redacted.value(token.value)).toBe("later")
      }))
  }
})

describe("layerMemory", () => {
  it.effect("does not grow by tokens of clients that have gone", () =>
    Effect.gen(function*() {
      const storage = yield* TokenStorage.makeMemory
      const keyOf = (client: number) => ({ ...key, clientId: `client ${client}` })
      const setMany = (from: number, token: AccessToken.AccessToken) =>
        Effect.forEach(Array.from({ length: 100 }, (_, index) => from + index), (client) =>
          storage.set(keyOf(client), token))
      const kept = (from: number) =>
        Effect.map(
          Effect.forEach(
            Array.from({ length: 100 }, (_, index) =>
              from + index),
            (client) => storage.get(keyOf(client))
          ),
          (tokens) => tokens.filter(Option.isSome).length
        )
      const refreshable = AccessToken.copy(makeToken(0, 1000), { refreshToken: Redacted.make("refresh") })
      yield* setMany(0, makeToken(0, 1000))
      yield* setMany(100, refreshable)
      yield* TestClock.adjust("1 second")
      yield* setMany(200, makeToken(1000, 5000))
      expect(yield* kept(0)).toBe(0)
      expect(yield* kept(100)).toBe(100)
      expect(yield* kept(200)).toBe(100)
      yield* TestClock.adjust("31 days")
      yield* setMany(300, makeToken(0, Number.MAX_SAFE_INTEGER))
      yield* setMany(400, makeToken(0, Number.MAX_SAFE_INTEGER))
      expect(yield* kept(100)).toBe(0)
      expect(yield* kept(200)).toBe(0)
      expect(yield* kept(300)).toBe(100)
    }))
})

describe("a provider over a storage that is encrypted with another key", () => {
  it.scoped("asks for a token of its own, says why, and leaves the other's where it is", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const otherKey = Redacted.make(Buffer.alloc(32, 8).toString("base64url"))
      const over = (key: Redacted.Redacted<string>) =>
        Effect.flatMap(
          view(TokenStorage.layerKeyValueStore({ encryptionKey: key })),
          (storage) => Effect.provideService(makeProvider(), TokenStorage.TokenStorage, storage)
        )
      const theirs = yield* Effect.scoped(Effect.flatMap(over(otherKey), ({ accessToken }) => accessToken))
      const ours = yield* over(encryptionKey)
      const seen = yield* watch(ours)
      const token = yield* ours.accessToken
      expect(AccessToken.isSame(token, theirs)).toBe(false)
      const events = yield* seen
      expect(tags(events)).toContain("TokenObtained")
      const reasons = events.flatMap((event) => event._tag === "StorageFailed" ? [event.error.reason] : [])
      expect(new Set(reasons)).toEqual(new Set(["UnknownKey"]))
      yield* network.clear
      const again = yield* Effect.flatMap(over(otherKey), ({ accessToken }) => accessToken)
      expect(AccessToken.isSame(again, theirs)).toBe(true)
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(Layer.merge(environment(), KeyValueStore.layerMemory))))
})

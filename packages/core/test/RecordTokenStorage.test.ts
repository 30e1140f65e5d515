import { KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import { type OAuthError, RecordEncryption, RecordTokenStorage, TokenKey } from "../src/index.ts"
import {
  discoveryOf,
  encryptionKey,
  keepsTokenStoredDuringSet,
  key,
  type MakeSlowPlace,
  makeToken,
  otherEncryptionKey,
  record,
  storedBy,
  token
} from "./support/storage.ts"

describe("a stored record that cannot be used", () => {
  const replaced: ReadonlyArray<readonly [reason: OAuthError.TokenStorageError["reason"], record: string]> = [
    ["Damaged", ""],
    ["Damaged", "{"],
    ["Damaged", "null"],
    ["Damaged", "x".repeat(2_000_000)],
    ["Damaged", JSON.stringify({ version: 1 })],
    ["UnknownVersion", JSON.stringify({ version: 2, name: "x" })]
  ]

  for (const keys of [[], [encryptionKey]]) {
    const kind = keys.length === 0 ? "plaintext" : "encrypted form"
    for (const [reason, record] of replaced) {
      it.effect(`in ${kind}, ${reason} (${record.slice(0, 20)}): get reports it and set replaces it`, () =>
        Effect.gen(function*() {
          const store = yield* KeyValueStore.KeyValueStore
          const storage = yield* storedBy(keys)
          yield* store.set(yield* TokenKey.digest(key), record)
          const error = yield* Effect.flip(storage.get(key))
          expect(error).toMatchObject({ _tag: "TokenStorageError", operation: "get", reason })
          // The record cannot be read, so the storage does not know its token: remove leaves the record, and set
          // replaces it.
          yield* storage.remove(key, token)
          expect((yield* Effect.flip(storage.get(key))).reason).toBe(reason)
          yield* storage.set(key, token)
          expect(yield* storage.get(key)).toEqual(Option.some(token))
        }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))
    }

    it.effect(`in ${kind}, of another client: get reports it and set replaces it`, () =>
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

    it.effect(`in ${kind}, encrypted with an unknown key: set fails and leaves it until its token has expired`, () =>
      Effect.gen(function*() {
        const theirs = yield* storedBy([otherEncryptionKey])
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
})

describe("a slow place with RecordTokenStorage.make", () => {
  const makeSlowPlace: MakeSlowPlace = (slow) => {
    let stored: string | undefined
    const get = () => slow(() => Option.fromNullable(stored))
    return {
      storage: RecordTokenStorage.make({
        get,
        modify: (_, __, change) =>
          Effect.map(Effect.flatMap(get(), change), (made) => {
            if (made._tag === "Write") stored = made.record
          })
      }, RecordEncryption.plaintext),
      others: (token) =>
        TokenKey.digest(key).pipe(
          Effect.flatMap((name) => RecordEncryption.plaintext.seal(name, token)),
          Effect.map((record) => stored = record)
        )
    }
  }

  it.effect("a token that another process stores during a set does not count as a token from the future", () =>
    keepsTokenStoredDuringSet(makeSlowPlace))
})

describe("what discovery has found, in a place for records", () => {
  const kinds = [["plaintext", []], ["encrypted form", [encryptionKey]]] as const
  for (const [kind, keys] of kinds) {
    it.effect(`in ${kind}, has a record of its own: neither the token nor the discovery replaces the other`, () =>
      Effect.gen(function*() {
        const store = yield* KeyValueStore.KeyValueStore
        const storage = yield* storedBy(keys)
        const discovery = yield* discoveryOf(storage)
        yield* storage.set(key, token)
        yield* discovery.set(key, record)
        const names = [yield* TokenKey.digest(key), yield* TokenKey.discoveryDigest(key)]
        expect(new Set(names).size).toBe(2)
        for (const name of names) {
          expect(name).toMatch(/^[\w-]{43}$/)
          expect(Option.isSome(yield* store.get(name))).toBe(true)
        }
        expect(yield* storage.get(key)).toEqual(Option.some(token))
        expect(yield* discovery.get(key)).toMatchObject(Option.some({ issuer: record.issuer }))
        yield* storage.remove(key, token)
        expect(Option.isSome(yield* discovery.get(key))).toBe(true)
      }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))

    const unusable: ReadonlyArray<readonly [reason: OAuthError.TokenStorageError["reason"], text: string]> = [
      ["Damaged", ""],
      ["Damaged", "null"],
      ["Damaged", "x".repeat(2_000_000)],
      ["Damaged", JSON.stringify({ version: 1 })],
      ["UnknownVersion", JSON.stringify({ version: 2, name: "x" })]
    ]
    for (const [reason, text] of unusable) {
      it.effect(`in ${kind}, ${reason} (${text.slice(0, 20)}): get reports it and set replaces it`, () =>
        Effect.gen(function*() {
          const store = yield* KeyValueStore.KeyValueStore
          const discovery = yield* discoveryOf(yield* storedBy(keys))
          yield* store.set(yield* TokenKey.discoveryDigest(key), text)
          const error = yield* Effect.flip(discovery.get(key))
          expect(error).toMatchObject({ operation: "get", reason })
          expect(error.message).toContain("The next discovery replaces it.")
          yield* discovery.set(key, record)
          expect(yield* discovery.get(key)).toMatchObject(Option.some({ issuer: record.issuer }))
        }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))
    }

    it.effect(`in ${kind}, of another client or encrypted with an unknown key: get reports it and set replaces it`, () =>
      Effect.gen(function*() {
        const store = yield* KeyValueStore.KeyValueStore
        const discovery = yield* discoveryOf(yield* storedBy(keys))
        const name = yield* TokenKey.discoveryDigest(key)
        const other = { ...key, clientId: "other" }
        yield* discovery.set(other, record)
        yield* store.set(name, Option.getOrThrow(yield* store.get(yield* TokenKey.discoveryDigest(other))))
        expect((yield* Effect.flip(discovery.get(key))).reason).toBe("Foreign")
        yield* (yield* discoveryOf(yield* storedBy([otherEncryptionKey]))).set(key, record)
        expect((yield* Effect.flip(discovery.get(key))).reason).toBe("UnknownKey")
        yield* discovery.set(key, record)
        expect(yield* discovery.get(key)).toMatchObject(Option.some({ issuer: record.issuer }))
      }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))
  }

  it.effect("is kept for 30 days after the server last named the issuer", () =>
    Effect.gen(function*() {
      const made: Array<RecordTokenStorage.Change> = []
      const storage = RecordTokenStorage.make({
        get: () => Effect.succeedNone,
        modify: (_, __, change) => Effect.map(change(Option.none()), (change) => void made.push(change))
      }, RecordEncryption.plaintext)
      yield* TestClock.setTime(1000)
      yield* (yield* discoveryOf(storage)).set(key, record)
      expect(made).toMatchObject([{ _tag: "Write", keepFor: 30 * 24 * 60 * 60 * 1000 - 1000 }])
    }))

  it("is not kept with a codec that is for tokens only", () => {
    const { open, seal } = RecordEncryption.plaintext
    const store = { get: () => Effect.succeedNone, modify: () => Effect.void }
    expect(RecordTokenStorage.make(store, { open, seal }).discovery).toBeUndefined()
  })
})

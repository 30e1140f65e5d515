import { KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import { type OAuthError, RecordEncryption, RecordTokenStorage, TokenKey } from "../src/index.ts"
import {
  encryptionKey,
  keepsTokenStoredDuringSet,
  key,
  type MakeSlowPlace,
  makeToken,
  otherEncryptionKey,
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

import { KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { AccessToken, RecordEncryption } from "../src/index.ts"
import { encryptionKey, key, makeToken, otherEncryptionKey, record, storedBy, token } from "./support/storage.ts"

/** A token whose owner has changed it after it was checked. */
const changed = () => Object.assign(makeToken(0, 1, "canary-2"), { expiresAt: "never ends" })

describe("a token that its owner has made invalid", () => {
  for (const name of ["encrypted", "plaintext"] as const) {
    it.effect(`fails to be stored with a TokenStorageError that shows none of its values: ${name}`, () =>
      Effect.gen(function*() {
        const codec = name === "plaintext"
          ? RecordEncryption.plaintext
          : yield* RecordEncryption.encrypted({ encryptionKey })
        const error = yield* Effect.flip(codec.seal("name", changed()))
        expect(error).toMatchObject({ _tag: "TokenStorageError", operation: "set", reason: "Damaged" })
        expect(error.message).toContain("no record can hold it")
        expect(error.message).not.toContain("never ends")
      }))
  }
})

describe("RecordEncryption.encrypted", () => {
  it.effect("of several encryption keys, the first encrypts and all decrypt", () =>
    Effect.gen(function*() {
      const before = yield* storedBy([encryptionKey])
      const during = yield* storedBy([otherEncryptionKey, encryptionKey])
      const after = yield* storedBy([otherEncryptionKey])
      yield* before.set(key, token)
      expect(yield* during.get(key)).toEqual(Option.some(token))
      const next = makeToken(0, 1, "canary-2")
      yield* during.set(key, next)
      expect(yield* after.get(key)).toEqual(Option.some(next))
    }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.scoped))

  it.effect("fails with InvalidOptions for a key that is not 32 bytes of base64, and for no key, without showing the key", () =>
    Effect.gen(function*() {
      for (const wrong of [Redacted.make("canary!"), Redacted.make("Y2FuYXJ5"), []]) {
        const error = yield* Effect.flip(RecordEncryption.encrypted({ encryptionKey: wrong }))
        expect(error).toMatchObject({ _tag: "InvalidOptions", option: "encryptionKey" })
      }
    }))

  for (
    const [name, text, message] of [
      ["empty", "  ", /it is empty\. Give 32 random bytes as base64, for example from `openssl rand -base64 32`/],
      ["hexadecimal", "0f".repeat(32), /it is hexadecimal/],
      ["not base64", "canary!", /it is not base64url/],
      ["too short", "Y2FuYXJ5", /it is 6 bytes long/]
    ] as const
  ) {
    it.effect(`says that a key is ${name}, and how to make one`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RecordEncryption.encrypted({ encryptionKey: Redacted.make(text) }))
        expect(error.message).toMatch(message)
        expect(error.message).toMatch(/openssl rand -base64 32/)
        expect(error.message).not.toContain("canary")
      }))
  }

  it.effect("accepts a key in base64 with padding and white space", () =>
    Effect.gen(function*() {
      const bytes = Buffer.alloc(32, 0xfb)
      const writing = yield* RecordEncryption.encrypted({
        encryptionKey: Redacted.make(` ${bytes.toString("base64")}\n`)
      })
      const reading = yield* RecordEncryption.encrypted({ encryptionKey: Redacted.make(bytes.toString("base64url")) })
      expect(yield* reading.open("name", yield* writing.seal("name", token))).toEqual(token)
    }))

  it.effect("never returns the same record twice, and shows neither the token nor its refresh token", () =>
    Effect.gen(function*() {
      const codec = yield* RecordEncryption.encrypted({ encryptionKey })
      const refreshable = AccessToken.copy(token, { refreshToken: Redacted.make("canary-refresh") })
      const record = yield* codec.seal("name", refreshable)
      expect(yield* codec.seal("name", refreshable)).not.toBe(record)
      expect(record).not.toContain("canary")
      expect(yield* codec.open("name", record)).toEqual(refreshable)
    }))

  for (const field of ["name", "expiresAt", "keyId", "iv", "ciphertext"]) {
    it.effect(`refuses a record whose ${field} was changed`, () =>
      Effect.gen(function*() {
        const codec = yield* RecordEncryption.encrypted({ encryptionKey: [encryptionKey, otherEncryptionKey] })
        const others = yield* RecordEncryption.encrypted({ encryptionKey: otherEncryptionKey })
        const record = JSON.parse(yield* codec.seal("name", token))
        const other = JSON.parse(yield* others.seal("other", makeToken(0, 2)))
        const changed = JSON.stringify({ ...record, [field]: other[field] })
        const error = yield* Effect.flip(codec.open(field === "name" ? "other" : "name", changed))
        expect(error.reason).toBe("Damaged")
      }))
  }
})

describe("RecordEncryption.plaintext", () => {
  it.effect("opens a record under the same name, and fails with Foreign under another", () =>
    Effect.gen(function*() {
      const record = yield* RecordEncryption.plaintext.seal("name", token)
      expect(yield* RecordEncryption.plaintext.open("name", record)).toEqual(token)
      expect(yield* Effect.flip(RecordEncryption.plaintext.open("other", record))).toMatchObject({ reason: "Foreign" })
    }))
})

describe("a record with a time that is not finite, which JSON writes as 1e999, is damaged", () => {
  const withTime = (text: string, name: string) => text.replace(new RegExp(`("${name}":)-?[0-9.e+]+`), "$11e999")

  it.effect.each(["issuedAt", "expiresAt", "refreshAt"])("%s of a token", (name) =>
    Effect.gen(function*() {
      const whole = yield* RecordEncryption.plaintext.seal("name", AccessToken.copy(token, { refreshAt: 500 }))
      const changed = withTime(whole, name)
      expect(changed).toContain("1e999")
      expect(yield* Effect.flip(RecordEncryption.plaintext.open("name", changed))).toMatchObject({ reason: "Damaged" })
    }))

  it.effect("the time of a discovery", () =>
    Effect.gen(function*() {
      const codec = yield* discoveryOf(RecordEncryption.plaintext)
      const changed = withTime(yield* codec.seal("name", record), "confirmedAt")
      expect(changed).toContain("1e999")
      expect(yield* Effect.flip(codec.open("name", changed))).toMatchObject({ reason: "Damaged" })
    }))
})

/** A record that `seal` made before discovery was stored, under the name `name` and the key of the tests. */
const EARLIER = JSON.stringify({
  version: 1,
  name: "name",
  expiresAt: 1,
  keyId: "N9q0JXfT",
  iv: "35DqZahO0y517Rpu",
  ciphertext: "J_kfJpDYcg8jnmEUdoTrqOsEyQclsSoM2jG0UvltjEB2GzqSNXzovLZbS6PBNQhfKKWVLdYksRVyNh4_jCBHKYJ04" +
    "heK0CeHHPN3fgTtMIht22vh_-IeBlk7WVgrDGbVbQvlw1fmTxohpIz0zxaWOO20eM9i5J_aUylHv5-7YKtj2cmtBQ"
})

describe("RecordEncryption: a record that an earlier version wrote", () => {
  it.effect("of a token opens", () =>
    Effect.gen(function*() {
      const codec = yield* RecordEncryption.encrypted({ encryptionKey })
      expect(yield* codec.open("name", EARLIER)).toEqual(token)
    }))
})

const discoveryOf = ({ discovery }: RecordEncryption.Codec) =>
  discovery === undefined ? Effect.dieMessage("the codec is for tokens only") : Effect.succeed(discovery)

describe("RecordEncryption: what discovery has found", () => {
  it.effect("comes back whole, and no part of it can be read in the record", () =>
    Effect.gen(function*() {
      const codec = yield* discoveryOf(yield* RecordEncryption.encrypted({ encryptionKey }))
      const text = yield* codec.seal("name", record)
      expect(yield* codec.open("name", text)).toEqual(record)
      expect(text).not.toContain("example.com")
      expect(RecordEncryption.expiresAt(text)).toBe(30 * 24 * 60 * 60 * 1000)
    }))

  for (const field of ["name", "expiresAt", "keyId", "iv", "ciphertext"]) {
    it.effect(`is refused if the ${field} of its record was changed`, () =>
      Effect.gen(function*() {
        const codec = yield* discoveryOf(
          yield* RecordEncryption.encrypted({ encryptionKey: [encryptionKey, otherEncryptionKey] })
        )
        const others = yield* discoveryOf(yield* RecordEncryption.encrypted({ encryptionKey: otherEncryptionKey }))
        const sealed = JSON.parse(yield* codec.seal("name", record))
        const other = JSON.parse(yield* others.seal("other", { ...record, confirmedAt: 1 }))
        const changed = JSON.stringify({ ...sealed, [field]: other[field] })
        const error = yield* Effect.flip(codec.open(field === "name" ? "other" : "name", changed))
        expect(error).toMatchObject({ reason: "Damaged", message: expect.stringContaining("next discovery") })
      }))
  }

  it.effect("does not open as a token, nor a token as a discovery, even under one name", () =>
    Effect.gen(function*() {
      for (const codec of [RecordEncryption.plaintext, yield* RecordEncryption.encrypted({ encryptionKey })]) {
        const discovery = yield* discoveryOf(codec)
        const found = yield* discovery.seal("name", record)
        expect((yield* Effect.flip(codec.open("name", found))).reason).toBe("Damaged")
        expect((yield* Effect.flip(discovery.open("name", yield* codec.seal("name", token)))).reason).toBe("Damaged")
        expect((yield* Effect.flip(discovery.open("other", found))).reason).toBe("Foreign")
      }
    }))

  it.effect("in a plaintext record is the issuer alone, whoever wrote documents into it", () =>
    Effect.gen(function*() {
      const codec = yield* discoveryOf(RecordEncryption.plaintext)
      const issuerAlone = { issuer: record.issuer, confirmedAt: record.confirmedAt }
      const text = yield* codec.seal("name", record)
      expect(text).not.toContain("token")
      expect(JSON.parse(text).discovery).toEqual(issuerAlone)
      const planted = JSON.stringify({ ...JSON.parse(text), discovery: record })
      expect(yield* codec.open("name", planted)).toEqual(issuerAlone)
    }))

  it.effect("in a plaintext record does not open for a storage that encrypts, nor the other way around", () =>
    Effect.gen(function*() {
      const plain = yield* discoveryOf(RecordEncryption.plaintext)
      const encrypted = yield* discoveryOf(yield* RecordEncryption.encrypted({ encryptionKey }))
      const fromPlain = yield* Effect.flip(encrypted.open("name", yield* plain.seal("name", record)))
      expect(fromPlain.reason).toBe("Damaged")
      const fromEncrypted = yield* Effect.flip(plain.open("name", yield* encrypted.seal("name", record)))
      expect(fromEncrypted.reason).toBe("UnknownKey")
    }))

  for (
    const [name, found] of [
      ["larger than a record may be", {
        ...record,
        authorizationServer: { ...record.authorizationServer, metadata: { list: ["x".repeat(20_000)] } }
      }],
      ["no record at all", { issuer: 1 }]
    ] as const
  ) {
    it.effect(`that is ${name} is refused, even if the record has the right key`, () =>
      Effect.gen(function*() {
        const codec = yield* RecordEncryption.encrypted({ encryptionKey })
        const discovery = yield* discoveryOf(codec)
        const text = yield* Effect.exit(Effect.suspend(() => discovery.seal("name", JSON.parse(JSON.stringify(found)))))
        expect(text._tag).toBe("Failure")
      }))
  }
})

describe("RecordEncryption.expiresAt", () => {
  it.effect("is the expiry of an encrypted record without its key, and 0 for any other text", () =>
    Effect.gen(function*() {
      const codec = yield* RecordEncryption.encrypted({ encryptionKey })
      expect(RecordEncryption.expiresAt(yield* codec.seal("name", makeToken(0, 1234)))).toBe(1234)
      expect(RecordEncryption.expiresAt(yield* RecordEncryption.plaintext.seal("name", makeToken(0, 1234)))).toBe(0)
      expect(RecordEncryption.expiresAt("{")).toBe(0)
    }))
})

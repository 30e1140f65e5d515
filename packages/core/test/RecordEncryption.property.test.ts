import { pause } from "@effect-mcp-auth/leak-recorder"
import { afterEach, beforeEach, describe, expect } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import * as FastCheck from "effect/FastCheck"
import { DiscoveryRecord, RecordEncryption } from "../src/index.ts"
import { discoveryRecord } from "./support/arbitraries/discoveryRecord.ts"
import { mutated } from "./support/arbitraries/mutation.ts"
import { token } from "./support/arbitraries/token.ts"
import { slow } from "./support/properties.ts"
import { effectProperty } from "./support/property.ts"

/** The key of a storage, from the byte that it repeats. */
const keyOf = (byte: number) => Redacted.make(Buffer.alloc(32, byte).toString("base64"))

const codecs = Effect.all({
  plaintext: Effect.succeed(RecordEncryption.plaintext),
  encrypted: RecordEncryption.encrypted({ encryptionKey: keyOf(1) })
})

const discoveryOf = (codec: RecordEncryption.Codec): RecordEncryption.DiscoveryCodec => {
  if (codec.discovery === undefined) throw new Error("This codec has no discovery records.")
  return codec.discovery
}

const name = FastCheck.string({ unit: "grapheme", maxLength: 43 })

const reasons = /^(?:Damaged|UnknownVersion|UnknownKey|Foreign)$/

/** The result of opening: never a defect. */
const attempt = <A>(open: Effect.Effect<A, { readonly reason: string }>) => Effect.either(open)

// The recorder would search for hundreds of secrets. The other tests of this module run with the recorder.
let resume = () => {}
beforeEach(() => {
  resume = pause()
})
afterEach(() => resume())

describe("records of tokens and discoveries", () => {
  effectProperty("are read back as they were written, in plaintext and encrypted", [name, token, discoveryRecord], ([
    name,
    token,
    record
  ]) =>
    Effect.gen(function*() {
      for (const codec of Object.values(yield* codecs)) {
        expect(yield* codec.open(name, yield* codec.seal(name, token))).toEqual(token)
      }
      const { encrypted, plaintext } = yield* codecs
      const sealed = yield* discoveryOf(encrypted).seal(name, record)
      expect(yield* discoveryOf(encrypted).open(name, sealed)).toEqual(record)
      const plain = yield* discoveryOf(plaintext).seal(name, record)
      expect(yield* discoveryOf(plaintext).open(name, plain)).toEqual(DiscoveryRecord.withoutDocuments(record))
    }), slow)

  effectProperty("are opened under no other name, and not as a record of the other kind", [
    FastCheck.uniqueArray(name, { minLength: 2, maxLength: 2 }),
    token,
    discoveryRecord
  ], ([
    [name = "", other = ""],
    token,
    record
  ]) =>
    Effect.gen(function*() {
      for (const codec of Object.values(yield* codecs)) {
        const sealed = yield* codec.seal(name, token)
        expect(yield* Effect.flip(codec.open(other, sealed))).toMatchObject({ reason: "Foreign" })
        expect(yield* Effect.flip(discoveryOf(codec).open(name, sealed))).toMatchObject({ reason: "Damaged" })
        const found = yield* discoveryOf(codec).seal(name, record)
        expect(yield* Effect.flip(discoveryOf(codec).open(other, found))).toMatchObject({ reason: "Foreign" })
        expect(yield* Effect.flip(codec.open(name, found))).toMatchObject({ reason: "Damaged" })
      }
    }), slow)

  effectProperty(
    "of one key are opened with that key alone, also after a rotation",
    [token, FastCheck.uniqueArray(FastCheck.integer({ min: 0, max: 255 }), { minLength: 2, maxLength: 4 })],
    ([token, bytes]) =>
      Effect.gen(function*() {
        const [first = 0, ...others] = bytes
        const writing = yield* RecordEncryption.encrypted({ encryptionKey: keyOf(first) })
        const record = yield* writing.seal("name", token)
        const without = yield* RecordEncryption.encrypted({ encryptionKey: others.map(keyOf) })
        expect(yield* Effect.flip(without.open("name", record))).toMatchObject({ reason: "UnknownKey" })
        const rotated = yield* RecordEncryption.encrypted({ encryptionKey: [...others, first].map(keyOf) })
        expect(yield* rotated.open("name", record)).toEqual(token)
      }),
    slow
  )

  effectProperty(
    "that are encrypted and of which one bit is changed are not opened",
    [token, FastCheck.nat(), FastCheck.integer({ min: 0, max: 6 })],
    ([token, place, bit]) =>
      Effect.gen(function*() {
        const { encrypted } = yield* codecs
        const record = yield* encrypted.seal("name", token)
        const at = place % record.length
        const changed = record.slice(0, at) + String.fromCharCode(record.charCodeAt(at) ^ (1 << bit)) +
          record.slice(at + 1)
        const opened = yield* attempt(encrypted.open("name", changed))
        expect(Either.isLeft(opened) && opened.left.reason).toMatch(reasons)
      }),
    slow
  )

  effectProperty(
    "that are damaged, or are other JSON, are a typed error, and never an exception",
    [
      token.chain((token) =>
        mutated(
          FastCheck.constantFrom(
            ...Effect.runSync(Effect.map(RecordEncryption.plaintext.seal("name", token), (record) => [record]))
          ),
          ["\"", "{", "}", "null", "1", ":", ",", "[]", "\\", "version", "token"]
        )
      ),
      FastCheck.oneof(FastCheck.json(), FastCheck.string({ unit: "binary" }))
    ],
    ([damaged, other]) =>
      Effect.gen(function*() {
        for (const codec of Object.values(yield* codecs)) {
          for (const { open } of [codec, discoveryOf(codec)]) {
            const opened = yield* attempt<unknown>(open("name", other))
            expect(Either.isLeft(opened) && opened.left.reason).toMatch(reasons)
            const result = yield* attempt<unknown>(open("name", damaged))
            if (Either.isLeft(result)) expect(result.left.reason).toMatch(reasons)
          }
        }
        expect(RecordEncryption.expiresAt(other)).toBe(0)
      }),
    slow
  )
})

/** Malformed records of tokens in a storage, in plaintext and encrypted, as anything may have changed them. */
import { Effect, Fiber, FiberSet, type Redacted } from "effect"
import { gzipSync } from "node:zlib"
import { type OAuthError, TokenStorage } from "../../src/index.ts"
import { makePlace } from "../support/recordPlace.ts"
import { encryptionKey } from "../support/storage.ts"
import { clear, network } from "../support/discovery.ts"
import { makeImpatientProvider, settle, watch } from "../support/provider.ts"
import type { Family, Row } from "./support.ts"

type Keys = ReadonlyArray<Redacted.Redacted<string>>

/** Changes the text of a record. `other` is the record of another key, sealed in the same way. */
type Change = (record: string, other: string) => string

const tokenRecord = (records: ReadonlyMap<string, string>) =>
  [...records].find(([, text]) => !text.includes("\"discovery\"")) ?? ["", ""]

/**
 * A process stores its token, somebody changes the record, and the next process reads it. The outcome names the events
 * about the storage, where the token came from, and whether the record was replaced.
 */
const meeting = (keys: Keys, change: Change) =>
  Effect.gen(function*() {
    const { records, storage } = yield* makePlace(keys)
    // The provider does not wait for `set`, and the platform's cryptography does not run on TestClock.
    const sets = yield* FiberSet.make<void, OAuthError.TokenStorageError>()
    const stored = Effect.suspend(() => FiberSet.awaitEmpty(sets))
    const only: TokenStorage.TokenStorage.Service = {
      ...storage,
      set: (key, token) => Effect.flatMap(FiberSet.run(sets, storage.set(key, token)), Fiber.join),
      discovery: undefined
    }
    const process = <A, E, R>(use: Effect.Effect<A, E, R>) =>
      Effect.scoped(Effect.provideService(use, TokenStorage.TokenStorage, only))
    yield* process(Effect.flatMap(makeImpatientProvider({ scopes: ["admin"] }), ({ accessToken }) => accessToken))
    yield* stored
    const [, other] = tokenRecord(records)
    records.clear()
    yield* process(Effect.flatMap(makeImpatientProvider(), ({ accessToken }) => accessToken))
    yield* stored
    const [name, record] = tokenRecord(records)
    const changed = change(record, other)
    records.set(name, changed)
    return yield* process(Effect.gen(function*() {
      const provider = yield* makeImpatientProvider()
      const seen = yield* watch(provider)
      yield* clear
      yield* provider.accessToken
      yield* settle
      yield* stored
      const requests = yield* Effect.flatMap(network, ({ count }) => count("token"))
      const reasons = (yield* seen).flatMap((event) =>
        event._tag === "StorageFailed" ? [`${event.error.operation} ${event.error.reason}`] : []
      )
      const from = requests === 0 ? "the stored token" : "a new token"
      const stays = records.get(name) === changed ? ", and the record stays" : ""
      return [...new Set(reasons), from + stays].join(", ")
    }))
  })

const forms: ReadonlyArray<readonly [name: string, keys: Keys]> = [
  ["plaintext", []],
  ["encrypted", [encryptionKey]]
]

const inBoth = (
  input: string,
  section: string,
  change: Change,
  plaintext: string,
  encrypted = plaintext
): ReadonlyArray<Row> =>
  forms.map(([form, keys]) => ({
    input: `${form}: ${input}`,
    section,
    outcome: keys.length === 0 ? plaintext : encrypted,
    run: meeting(keys, change)
  }))

const plaintext = (input: string, section: string, change: Change, outcome: string): Row => ({
  input: `plaintext: ${input}`,
  section,
  outcome,
  run: meeting([], change)
})

const encrypted = (input: string, section: string, change: Change, outcome: string): Row => ({
  input: `encrypted: ${input}`,
  section,
  outcome,
  run: meeting([encryptionKey], change)
})

const REPLACED = "get Damaged, a new token"

/** Changes the members of the record. */
/** Base64url with all of its padding. */
const padded = (text: string): string => text.padEnd(Math.ceil(text.length / 4) * 4, "=")

const members = (f: (record: Record<string, unknown>) => object): Change => (record) =>
  JSON.stringify(f(JSON.parse(record)))

/** Changes the members of the token in a record of plaintext. */
const inToken = (changes: object): Change =>
  members((record) => ({ ...record, token: Object.assign({}, record["token"], changes) }))

/** Flips one bit of a member that is base64url. */
const flipped = (member: string, at: number): Change =>
  members((record) => {
    const bytes = Buffer.from(String(record[member]), "base64url")
    const index = at < 0 ? bytes.length + at : at
    bytes[index] = (bytes[index] ?? 0) ^ 1
    return { ...record, [member]: bytes.toString("base64url") }
  })

export const storedRecords: Family = {
  name: "stored record",
  rows: [
    ...inBoth("an empty text", "CWE-20", () => "", REPLACED),
    ...inBoth("white space", "CWE-20", () => " \n", REPLACED),
    ...inBoth("a cut record", "RFC 8259 §2", (record) => record.slice(0, record.length / 2), REPLACED),
    ...inBoth("a record without its last character", "RFC 8259 §2", (record) => record.slice(0, -1), REPLACED),
    ...inBoth("a record twice", "RFC 8259 §2", (record) => record + record, REPLACED),
    ...inBoth("a record in an array", "RFC 8259 §2", (record) => `[${record}]`, REPLACED),
    ...inBoth("null", "RFC 8259 §2", () => "null", REPLACED),
    ...inBoth("a number", "RFC 8259 §2", () => "1e999", REPLACED),
    ...inBoth("a byte order mark before the record", "RFC 8259 §8.1", (record) => `\ufeff${record}`, REPLACED),
    ...inBoth(
      "UTF-16 that was read as UTF-8",
      "RFC 8259 §8.1",
      (record) => Buffer.from(record, "utf16le").toString("utf8"),
      REPLACED
    ),
    ...inBoth(
      "bytes of gzip that were read as text",
      "CWE-20",
      (record) => gzipSync(record).toString("latin1"),
      REPLACED
    ),
    ...inBoth("NUL bytes, as after a power failure", "CWE-20", (record) => "\0".repeat(record.length), REPLACED),
    ...inBoth("a record of 2 MiB", "CWE-770", (record) => record + " ".repeat(2 * 1024 * 1024), REPLACED),
    ...inBoth("100,000 nested brackets", "CWE-674", () => "[".repeat(100_000), REPLACED),
    ...inBoth("the record inside of `__proto__`", "CWE-1321", (record) => `{"__proto__":${record}}`, REPLACED),
    ...inBoth(
      "the record inside of `constructor`",
      "CWE-1321",
      (record) => `{"constructor":{"prototype":${record}}}`,
      REPLACED
    ),
    ...inBoth(
      "`__proto__` beside the members",
      "CWE-1321",
      (record) => record.replace(/\}$/, ",\"__proto__\":{\"token\":{}}}"),
      "the stored token, and the record stays"
    ),
    ...inBoth(
      "a second member `version`",
      "RFC 8259 §4",
      (record) => record.replace(/\}$/, ",\"version\":2}"),
      "get UnknownVersion, a new token"
    ),
    ...inBoth(
      "a second member `name`",
      "RFC 8259 §4",
      (record) => record.replace(/\}$/, ",\"name\":\"x\"}"),
      "get Foreign, a new token"
    ),
    ...inBoth(
      "a `version` of 2",
      "CWE-20",
      members((record) => ({ ...record, version: 2 })),
      "get UnknownVersion, a new token"
    ),
    ...inBoth(
      "a `version` beyond 2^53",
      "RFC 8259 §6",
      (record) => record.replace("\"version\":1", "\"version\":9007199254740993"),
      "get UnknownVersion, a new token"
    ),
    ...inBoth(
      "a `version` that is a text",
      "CWE-20",
      members((record) => ({ ...record, version: "get Foreign, a new token" })),
      REPLACED
    ),
    ...inBoth(
      "a `version` of negative zero",
      "RFC 8259 §6",
      (record) => record.replace("\"version\":1", "\"version\":-0"),
      "get UnknownVersion, a new token"
    ),
    ...inBoth("no `version`", "CWE-20", members(({ version: _, ...record }) => record), REPLACED),
    ...inBoth(
      "a `name` with a lone surrogate",
      "RFC 8259 §8.2",
      members((record) => ({ ...record, name: "\ud800" })),
      "get Foreign, a new token"
    ),
    ...inBoth("the record of another key", "CWE-345", (_, other) => other, "get Foreign, a new token"),
    ...inBoth(
      "the record of another key under this name",
      "CWE-345",
      (record, other) => JSON.stringify({ ...JSON.parse(other), name: JSON.parse(record).name }),
      "the stored token, and the record stays",
      "get Damaged, a new token"
    ),
    plaintext(
      "a token value with a line break",
      "RFC 6750 §2.1",
      inToken({ value: "canary\r\nX-Injected: 1" }),
      REPLACED
    ),
    plaintext("a token value with a NUL", "RFC 6750 §2.1", inToken({ value: "canary\0" }), REPLACED),
    plaintext("an empty token value", "RFC 6750 §2.1", inToken({ value: "" }), REPLACED),
    plaintext("a token value that is an object", "RFC 6750 §2.1", inToken({ value: {} }), REPLACED),
    plaintext("a `tokenType` of DPoP", "RFC 9449 §5", inToken({ tokenType: "DPoP" }), REPLACED),
    plaintext("scopes that are a text", "RFC 6749 §3.3", inToken({ scopes: "mcp" }), REPLACED),
    plaintext("scopes with a number", "RFC 6749 §3.3", inToken({ scopes: [1] }), REPLACED),
    plaintext(
      "a token of another issuer",
      "RFC 9700 §4.4",
      inToken({ issuer: "https://stranger.example.com" }),
      "get Foreign, a new token"
    ),
    plaintext("an issuer that is a number", "RFC 9700 §4.4", inToken({ issuer: 1 }), REPLACED),
    plaintext("an `expiresAt` that is a text", "RFC 6749 §5.1", inToken({ expiresAt: "NaN" }), REPLACED),
    plaintext(
      "an `expiresAt` of null, as JSON writes NaN",
      "RFC 8259 §6",
      inToken({ expiresAt: Number.NaN }),
      REPLACED
    ),
    plaintext(
      "an `expiresAt` of 1e999, which is Infinity",
      "RFC 8259 §6",
      (record) => record.replace(/"expiresAt":\d+/, "\"expiresAt\":1e999"),
      "get Damaged, a new token"
    ),
    plaintext(
      "an `expiresAt` in a million years",
      "RFC 6749 §5.1",
      inToken({ expiresAt: 3.2e16 }),
      "the stored token, and the record stays"
    ),
    plaintext("an `expiresAt` of minus one", "RFC 6749 §5.1", inToken({ expiresAt: -1 }), "a new token"),
    plaintext(
      "an `expiresAt` before `issuedAt`",
      "RFC 6749 §5.1",
      inToken({ issuedAt: 0, expiresAt: -0 }),
      "a new token"
    ),
    plaintext(
      "an `issuedAt` in the future",
      "RFC 6749 §5.1",
      inToken({ issuedAt: 1e12, expiresAt: 1e12 + 1000 }),
      "a new token"
    ),
    plaintext(
      "an `issuedAt` of -1e999, which is minus Infinity",
      "RFC 8259 §6",
      (record) => record.replace(/"issuedAt":\d+/, "\"issuedAt\":-1e999"),
      "get Damaged, a new token"
    ),
    plaintext(
      "a `refreshAt` of 1e999",
      "RFC 8259 §6",
      (record) => record.replace(/"issuedAt"/, "\"refreshAt\":1e999,\"issuedAt\""),
      "get Damaged, a new token"
    ),
    plaintext(
      "a `refreshAt` of -1e999",
      "RFC 8259 §6",
      (record) => record.replace(/"issuedAt"/, "\"refreshAt\":-1e999,\"issuedAt\""),
      "get Damaged, a new token"
    ),
    plaintext(
      "a `refreshToken` with a line break",
      "RFC 6749 appendix A.17",
      inToken({ refreshToken: "canary\n" }),
      REPLACED
    ),
    plaintext(
      "an encrypted record of this name",
      "CWE-20",
      (record) =>
        JSON.stringify({ version: 1, name: JSON.parse(record).name, expiresAt: 0, keyId: "x", iv: "", ciphertext: "" }),
      "get UnknownKey, a new token"
    ),
    encrypted("one bit of the ciphertext", "NIST SP 800-38D §7.2", flipped("ciphertext", 0), REPLACED),
    encrypted("one bit of the authentication tag", "NIST SP 800-38D §7.2", flipped("ciphertext", -1), REPLACED),
    encrypted("one bit of the nonce", "NIST SP 800-38D §7.2", flipped("iv", 0), REPLACED),
    encrypted(
      "a ciphertext that is cut",
      "NIST SP 800-38D §7.2",
      members((record) => ({ ...record, ciphertext: String(record["ciphertext"]).slice(0, 20) })),
      REPLACED
    ),
    encrypted(
      "an empty ciphertext",
      "NIST SP 800-38D §7.2",
      members((record) => ({ ...record, ciphertext: "" })),
      REPLACED
    ),
    encrypted("an empty nonce", "NIST SP 800-38D §8", members((record) => ({ ...record, iv: "" })), REPLACED),
    encrypted(
      "a nonce of 1 KiB",
      "NIST SP 800-38D §8",
      members((record) => ({ ...record, iv: "A".repeat(1368) })),
      REPLACED
    ),
    encrypted(
      "a ciphertext that is no base64url",
      "RFC 4648 §5",
      members((record) => ({ ...record, ciphertext: "%%%" })),
      REPLACED
    ),
    encrypted(
      "a ciphertext with padding",
      "RFC 4648 §5",
      members((record) => ({ ...record, ciphertext: padded(String(record["ciphertext"])) })),
      "the stored token, and the record stays"
    ),
    encrypted(
      "the ciphertext of another key",
      "CWE-345",
      (record, other) => JSON.stringify({ ...JSON.parse(record), ciphertext: JSON.parse(other).ciphertext }),
      REPLACED
    ),
    encrypted(
      "the ciphertext and the nonce of another key",
      "CWE-345",
      (record, other) =>
        JSON.stringify({ ...JSON.parse(record), ciphertext: JSON.parse(other).ciphertext, iv: JSON.parse(other).iv }),
      REPLACED
    ),
    encrypted(
      "a later `expiresAt`",
      "NIST SP 800-38D §7.2",
      members((record) => ({ ...record, expiresAt: 1e15 })),
      REPLACED
    ),
    encrypted(
      "an `expiresAt` of 1e999",
      "NIST SP 800-38D §7.2",
      (record) => record.replace(/"expiresAt":\d+/, "\"expiresAt\":1e999"),
      REPLACED
    ),
    encrypted(
      "an unknown `keyId`, and a token that has not expired",
      "NIST SP 800-57 §5.3",
      members((record) => ({ ...record, keyId: "unknown" })),
      "get UnknownKey, set UnknownKey, a new token, and the record stays"
    ),
    encrypted(
      "an unknown `keyId` and an expiry in a million years",
      "NIST SP 800-57 §5.3",
      members((record) => ({ ...record, keyId: "unknown", expiresAt: 3.2e16 })),
      "get UnknownKey, a new token"
    ),
    encrypted(
      "a `keyId` named `__proto__`",
      "CWE-1321",
      members((record) => ({ ...record, keyId: "__proto__" })),
      "get UnknownKey, set UnknownKey, a new token, and the record stays"
    ),
    encrypted(
      "a record of plaintext with this name",
      "CWE-757",
      (record) =>
        JSON.stringify({
          version: 1,
          name: JSON.parse(record).name,
          token: {
            value: "canary-stranger",
            tokenType: "Bearer",
            scopes: ["mcp"],
            issuer: "https://auth.example.com",
            issuedAt: 0,
            expiresAt: 3_600_000
          }
        }),
      REPLACED
    )
  ]
}

/** Attacks on records that are encrypted: by a writer, who has no key, and by a reader. */
import { TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { RecordEncryption, TokenKey } from "../../src/index.ts"
import { environment, valueOf } from "../support/provider.ts"
import { encryptionKey, otherEncryptionKey } from "../support/storage.ts"
import { clear, credentialed, network } from "../support/discovery.ts"
import { inProcess } from "./place.ts"
import { makePlace } from "../support/recordPlace.ts"

const tokenRequests = Effect.flatMap(network, ({ count }) => count("token"))

/** The victim's token is stored, somebody changes the records, and the victim's next process asks for a token. */
const attacked = (change: (records: Map<string, string>, others: ReadonlyMap<string, string>) => void) =>
  Effect.gen(function*() {
    const { records, storage } = yield* makePlace([encryptionKey])
    yield* inProcess(storage, { scopes: ["admin"] }, ({ provider }) => provider.accessToken)
    const others = new Map(records)
    records.clear()
    const first = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
    change(records, others)
    yield* clear
    return yield* inProcess(storage, {}, ({ provider, reasons }) =>
      Effect.gen(function*() {
        const token = yield* provider.accessToken
        return { isFirst: valueOf(token) === valueOf(first), reasons: yield* reasons, requests: yield* tokenRequests }
      }))
  })

type Row = readonly [
  attack: string,
  section: string,
  change: (records: Map<string, string>, others: ReadonlyMap<string, string>) => void
]

const rewrite = (change: (record: Record<string, unknown>, other: Record<string, unknown>) => object) =>
(
  records: Map<string, string>,
  others: ReadonlyMap<string, string>
) => {
  const foreign = [...others.values()]
  let index = 0
  for (const [name, text] of records) {
    records.set(name, JSON.stringify(change(JSON.parse(text), JSON.parse(foreign[index++] ?? "{}"))))
  }
}

const refused: ReadonlyArray<Row> = [
  ["puts the record of another key in its place", "CWE-345", rewrite((_, other) => other)],
  ["renames the record of another key", "CWE-345", rewrite(({ name }, other) => ({ ...other, name }))],
  [
    "takes the ciphertext and the nonce from another key",
    "CWE-345",
    rewrite((record, { ciphertext, iv }) => ({ ...record, ciphertext, iv }))
  ],
  ["sets a later expiry", "NIST SP 800-38D §7.2", rewrite((record) => ({ ...record, expiresAt: 9e12 }))],
  ["changes the version", "CWE-757", rewrite((record) => ({ ...record, version: 2 }))],
  [
    "puts a record of plaintext in its place",
    "CWE-757",
    rewrite(({ name }) => ({
      version: 1,
      name,
      token: {
        value: "canary-planted",
        tokenType: "Bearer",
        scopes: ["mcp"],
        issuer: "https://auth.example.com",
        issuedAt: 0,
        expiresAt: 3_600_000
      }
    }))
  ],
  ["names another key", "CWE-345", rewrite((record) => ({ ...record, keyId: "other" }))]
]

describe("a writer to an encrypted storage, who has no key", () => {
  for (const [attack, section, change] of refused) {
    it.scoped(`and who ${attack} has no token of theirs used (${section})`, () =>
      Effect.gen(function*() {
        const { isFirst, reasons, requests } = yield* attacked(change)
        expect(isFirst).toBe(false)
        expect(requests).toBe(1)
        expect(reasons.length).toBeGreaterThan(0)
        expect(yield* credentialed).toEqual(["https://auth.example.com/token"])
      }).pipe(Effect.provide(environment())))
  }

  it.scoped("can remove records: the next process requests another token, and no more (CWE-404)", () =>
    Effect.gen(function*() {
      const { isFirst, reasons, requests } = yield* attacked((records) => records.clear())
      expect({ isFirst, reasons, requests }).toEqual({ isFirst: false, reasons: [], requests: 1 })
    }).pipe(Effect.provide(environment())))

  it.scoped("can put back an earlier record of the same name: its token is used while it is valid (CWE-294)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([encryptionKey])
      const first = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      const earlier = new Map(records)
      const second = yield* inProcess(
        storage,
        {},
        ({ provider }) =>
          Effect.zipRight(TestClock.adjust("55 minutes"), Effect.flatMap(provider.accessToken, provider.renew))
      )
      expect(valueOf(second)).not.toBe(valueOf(first))
      for (const [name, text] of earlier) records.set(name, text)
      const third = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      expect(valueOf(third)).toBe(valueOf(first))
    }).pipe(Effect.provide(environment())))

  it.scoped("cannot have an earlier record used after its token has expired (CWE-613)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([encryptionKey])
      const first = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      const earlier = new Map(records)
      yield* TestClock.adjust("61 minutes")
      for (const [name, text] of earlier) records.set(name, text)
      const next = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      expect(valueOf(next)).not.toBe(valueOf(first))
    }).pipe(Effect.provide(environment())))

  it.scoped("can stop the storing of tokens by a record with an unknown key, and stops no call (CWE-400)", () =>
    Effect.gen(function*() {
      const { requests } = yield* attacked(rewrite((record) => ({ ...record, keyId: "other", expiresAt: 3_600_000 })))
      expect(requests).toBe(1)
    }).pipe(Effect.provide(environment())))
})

describe("a reader of an encrypted storage", () => {
  it.scoped("finds no token, secret, client, server or scope in names and contents (CWE-312)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([encryptionKey])
      const token = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      const { clientId } = yield* TestServers.TestServers
      const all = JSON.stringify([...records])
      for (const secret of [valueOf(token), clientId, "example.com", "mcp"]) expect(all).not.toContain(secret)
    }).pipe(Effect.provide(environment())))

  it.scoped("can confirm a guess of everything that a token's key has, because names are digests without a key (CWE-916)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([encryptionKey])
      const keys = new Set<TokenKey.TokenKey>()
      const watched = {
        ...storage,
        get: (key: TokenKey.TokenKey) => Effect.suspend(() => storage.get((keys.add(key), key)))
      }
      yield* inProcess(watched, {}, ({ provider }) => provider.accessToken)
      const [key] = keys
      if (key === undefined) return expect.fail("The storage was not asked.")
      const names = JSON.stringify([...records.keys()])
      expect(names).toContain(yield* TokenKey.digest({ ...key, scopes: [...key.scopes] }))
      expect(names).not.toContain(yield* TokenKey.digest({ ...key, clientId: `${key.clientId}2` }))
    }).pipe(Effect.provide(environment())))

  it.scoped("finds two records of one token different, so that equal tokens do not show (CWE-329)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([encryptionKey])
      const token = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      const codec = yield* RecordEncryption.encrypted({ encryptionKey })
      const sealed = yield* Effect.replicateEffect(codec.seal("name", token), 100)
      const nonces = sealed.map((text) => JSON.parse(text).iv)
      expect(new Set(nonces).size).toBe(100)
      expect(records.size).toBeGreaterThan(0)
    }).pipe(Effect.provide(environment())))

  it.scoped("reads nothing with another key (NIST SP 800-57 §5.3)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([encryptionKey])
      yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      const codec = yield* RecordEncryption.encrypted({ encryptionKey: otherEncryptionKey })
      for (const [name, text] of records) {
        expect((yield* Effect.flip(codec.open(name, text))).reason).toBe("UnknownKey")
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("reads nothing with another key under the id of the right one (NIST SP 800-38D §7.2)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([encryptionKey])
      const token = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      const codec = yield* RecordEncryption.encrypted({ encryptionKey: otherEncryptionKey })
      const { keyId } = JSON.parse(yield* codec.seal("name", token))
      for (const [name, text] of records) {
        const claimed = JSON.stringify({ ...JSON.parse(text), keyId })
        expect((yield* Effect.flip(codec.open(name, claimed))).reason).toBe("Damaged")
      }
    }).pipe(Effect.provide(environment())))
})

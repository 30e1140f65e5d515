import { TokenKey, TokenStorage } from "@effect-mcp-auth/core"
import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Layer, Option, Redacted } from "effect"
import {
  discoveryOf,
  encryptionKey,
  key,
  live,
  makeRecord,
  open,
  openPlaintext,
  stored,
  token
} from "./support/storage.ts"

describe("FileTokenStorage with options out of range", () => {
  for (
    const [option, options] of [
      ["directory", { directory: "" }],
      ["leaseDuration", { directory: "/tmp/x", leaseDuration: 0 }],
      ["leaseDuration", { directory: "/tmp/x", leaseDuration: "99 millis" }],
      ["leaseDuration", { directory: "/tmp/x", leaseDuration: Number.POSITIVE_INFINITY }],
      ["leaseDuration", { directory: "/tmp/x", leaseDuration: Number.NaN }]
    ] as ReadonlyArray<[string, FileTokenStorage.FileStorageOptions]>
  ) {
    live(
      `fails with InvalidOptions for ${option}: ${JSON.stringify(options)}`,
      Effect.gen(function*() {
        const layers = [
          FileTokenStorage.layer({ ...options, encryptionKey }),
          FileTokenStorage.layerPlaintext(options)
        ]
        for (const layer of layers) {
          expect(yield* Effect.flip(Layer.build(layer))).toMatchObject({ _tag: "InvalidOptions", option })
        }
      })
    )
  }

  live(
    "fails with InvalidOptions for an encryption key of the wrong length",
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        FileTokenStorage.make({ directory: "/tmp/x", encryptionKey: Redacted.make("Y2FuYXJ5") })
      )
      expect(error).toMatchObject({ _tag: "InvalidOptions", option: "encryptionKey" })
    })
  )
})

describe("FileTokenStorage.make", () => {
  live(
    "reads and writes nothing before the first token is needed",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = `${yield* fs.makeTempDirectoryScoped()}/tokens`
      const touched: Array<string> = []
      const watched = new Proxy(fs, {
        get: (target, name, receiver) => {
          touched.push(String(name))
          return Reflect.get(target, name, receiver)
        }
      })
      const storage = yield* FileTokenStorage.make({ directory, encryptionKey }).pipe(
        Effect.provideService(FileSystem.FileSystem, watched)
      )
      const before = [...touched]
      yield* storage.get(key)
      expect(before).toEqual([])
      expect(touched).not.toEqual([])
    })
  )
})

describe("FileTokenStorage.layerConfig", () => {
  it.scopedLive("opens the directory and the key that the environment names", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = `${yield* fs.makeTempDirectoryScoped()}/tokens`
      const layer = FileTokenStorage.layerConfig({
        directory: Config.string("TOKEN_DIRECTORY"),
        encryptionKey: Config.redacted("TOKEN_ENCRYPTION_KEY"),
        leaseDuration: Config.duration("LEASE_DURATION")
      })
      const environment = (leaseDuration: string) =>
        ConfigProvider.fromMap(
          new Map([
            ["TOKEN_DIRECTORY", directory],
            ["TOKEN_ENCRYPTION_KEY", Redacted.value(encryptionKey)],
            ["LEASE_DURATION", leaseDuration]
          ])
        )
      const storage = yield* Effect.map(Layer.build(layer), Context.get(TokenStorage.TokenStorage)).pipe(
        Effect.withConfigProvider(environment("2 seconds"))
      )
      yield* storage.set(key, token)
      const other = yield* FileTokenStorage.make({ directory, encryptionKey })
      expect(yield* other.get(key)).toEqual(Option.some(token))
      const error = yield* Effect.flip(Layer.build(layer)).pipe(Effect.withConfigProvider(environment("2 days")))
      expect(error).toMatchObject({ _tag: "InvalidOptions", option: "leaseDuration" })
    }).pipe(Effect.provide(NodeContext.layer)))
})

describe("FileTokenStorage.layerPlaintext", () => {
  live(
    "refuses an encrypted record, and the error names the storage that decrypts it",
    Effect.gen(function*() {
      const { directory } = yield* stored
      const error = yield* Effect.flip(Effect.flatMap(openPlaintext(directory), (storage) => storage.get(key)))
      expect(error).toMatchObject({ operation: "get", reason: "UnknownKey" })
      expect(error.message).toMatch(/Plaintext/)
    })
  )
})

describe("FileTokenStorage: what discovery has found", () => {
  /** The folder of the record, in a directory that holds a token as well. */
  const found = Effect.gen(function*() {
    const { directory, fs, storage } = yield* stored
    const discovery = yield* discoveryOf(storage)
    const record = makeRecord()
    yield* discovery.set(key, record)
    return { directory, fs, discovery, record, folder: `${directory}/${yield* TokenKey.discoveryDigest(key)}`, storage }
  })

  live(
    "is in a folder of its own that only its owner can enter, for 30 days, and nobody can read it without the key",
    Effect.gen(function*() {
      const { directory, folder, fs, record } = yield* found
      expect(yield* fs.readDirectory(folder)).toEqual(["record.1"])
      const [inside, outside] = [yield* fs.stat(`${folder}/record.1`), yield* fs.stat(folder)]
      expect([inside.mode & 0o777, outside.mode & 0o777]).toEqual([0o600, 0o700])
      const until = Option.getOrThrow(inside.mtime).getTime()
      expect(Math.abs(until - record.confirmedAt - 30 * 24 * 60 * 60 * 1000)).toBeLessThan(2000)
      expect(yield* fs.readFileString(`${folder}/record.1`)).not.toMatch(/example|token/)
      const other = yield* discoveryOf(yield* open({ directory }))
      expect(yield* other.get(key)).toEqual(Option.some(record))
    })
  )

  live(
    "is the issuer alone in a plaintext file, whoever writes documents into the file",
    Effect.gen(function*() {
      const { directory, discovery, folder, fs, record } = yield* found
      const plain = yield* discoveryOf(yield* openPlaintext(directory))
      const { confirmedAt, issuer } = record
      yield* plain.set(key, record)
      const text = yield* fs.readFileString(`${folder}/record.2`)
      expect(text).not.toContain("auth.example.com/token")
      const planted = JSON.stringify({ ...JSON.parse(text), discovery: record })
      yield* fs.writeFileString(`${folder}/record.3`, planted, { mode: 0o600 })
      expect(yield* plain.get(key)).toEqual(Option.some({ issuer, confirmedAt }))
      expect((yield* Effect.flip(discovery.get(key))).reason).toBe("Damaged")
    })
  )

  for (
    const [name, spoil, reason] of [
      ["other users can read", (fs, file) => fs.chmod(file, 0o644), "Insecure"],
      ["is longer than any record", (fs, file) => fs.writeFileString(file, "x".repeat(2 ** 20 + 1)), "Damaged"],
      ["ends in the middle", (fs, file) => fs.truncate(file, 40), "Damaged"]
    ] as ReadonlyArray<
      [string, (fs: FileSystem.FileSystem, file: string) => Effect.Effect<void, unknown>, "Insecure" | "Damaged"]
    >
  ) {
    live(
      `is refused from a file that ${name}, and the next set replaces the file`,
      Effect.gen(function*() {
        const { discovery, folder, fs, record } = yield* found
        yield* spoil(fs, `${folder}/record.1`)
        expect(yield* Effect.flip(discovery.get(key))).toMatchObject({ operation: "get", reason })
        yield* discovery.set(key, record)
        expect(yield* discovery.get(key)).toEqual(Option.some(record))
        expect(yield* fs.readDirectory(folder)).toEqual(["record.2"])
      })
    )
  }

  live(
    "is removed by later writes once its 30 days are over, as an expired token is",
    Effect.gen(function*() {
      const { directory, discovery, fs } = yield* found
      const old = { ...key, clientId: "gone" }
      yield* discovery.set(old, makeRecord(Date.now() - 40 * 24 * 60 * 60 * 1000))
      const folder = `${directory}/${yield* TokenKey.discoveryDigest(old)}`
      const twoMinutesAgo = new Date(Date.now() - 120_000)
      for (const file of [`${folder}/record.1`, folder]) yield* fs.utimes(file, twoMinutesAgo, twoMinutesAgo)
      yield* discovery.set(key, makeRecord())
      expect(yield* fs.exists(folder)).toBe(false)
    })
  )
})

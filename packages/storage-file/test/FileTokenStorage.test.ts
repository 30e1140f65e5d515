import { TokenStorage } from "@effect-mcp-auth/core"
import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Layer, Option, Redacted } from "effect"
import { encryptionKey, key, live, openPlaintext, stored, token } from "./support/storage.ts"

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

/**
 * Tokens in encrypted files that the processes of one machine share: one process renews a token, and the others read
 * it.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@effect-mcp-auth/core/authoring/ConfigOptions"
import type { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as RecordTokenStorage from "@effect-mcp-auth/core/RecordTokenStorage"
import * as RecordEncryption from "@effect-mcp-auth/core/RecordEncryption"
import { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import * as DurationOption from "@effect-mcp-auth/core/authoring/DurationOption"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Records from "./internal/records.ts"

/**
 * The options of a file storage without encryption.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileStorageOptions {
  /**
   * The directory of the tokens. The storage makes it if it does not exist, for its owner only (mode 0700). Give the
   * storage a directory of its own.
   *
   * The storage refuses a directory that other users can enter, and a directory on a file system without permissions or
   * without hard links. A relative path is resolved when the storage is made.
   */
  readonly directory: string
  /**
   * How long a lease lasts after its holder has died, from 100 milliseconds to a day. Make it shorter than
   * `leaseTimeout` of the refresh policy: otherwise, after a crash, each waiting process makes a token request of its
   * own. Give the same duration to all processes that share the directory.
   *
   * @default 10 seconds
   */
  readonly leaseDuration?: Duration.DurationInput | undefined
}

/**
 * The options of a file storage.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends FileStorageOptions, RecordEncryption.EncryptionOptions {}

const makeStore = (given: FileStorageOptions) =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    const directory = yield* TextOption.check(
      "directory",
      options.directory,
      "Give a directory for these tokens alone."
    )
    const leaseDuration = yield* DurationOption.check("leaseDuration", options.leaseDuration ?? "10 seconds", {
      minimum: "100 millis",
      maximum: "1 day"
    })
    return yield* Records.make({ directory, leaseDuration })
  })

/**
 * A storage in encrypted files that only their owner can read (mode 0600).
 *
 * The storage reads and writes nothing before the first token is needed. A directory that cannot be used is a
 * `TokenStorageError` of each operation, and the provider carries on without the storage. If the directory cannot be
 * written to, the storage still reads tokens from it. Each write removes a few of the tokens that have expired.
 *
 * Fails with `InvalidOptions` if the directory is empty, an encryption key is not 32 bytes long, or `leaseDuration` is
 * out of range.
 *
 * @example
 * ```ts
 * import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
 * import { Effect, Redacted } from "effect"
 *
 * export const program = Effect.gen(function*() {
 *   const storage = yield* FileTokenStorage.make({
 *     directory: "/var/lib/nightly-report/tokens",
 *     encryptionKey: Redacted.make("...") // openssl rand -base64 32
 *   })
 *   return storage
 * }) // needs FileSystem and Path: provide NodeContext.layer of @effect/platform-node
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<TokenStorage.Service, InvalidOptions, FileSystem | Path> =>
  Effect.suspend(() => {
    const own = OwnOptions.read(options)
    return Effect.zipWith(makeStore(own), RecordEncryption.encrypted(own), RecordTokenStorage.make)
  })

/**
 * `make` without encryption: everybody who can read the files, or a copy of them, can use the tokens.
 *
 * @example
 * ```ts
 * import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
 *
 * export const storage = FileTokenStorage.makePlaintext({ directory: "/var/lib/nightly-report/tokens" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePlaintext = (
  options: FileStorageOptions
): Effect.Effect<TokenStorage.Service, InvalidOptions, FileSystem | Path> =>
  Effect.map(makeStore(options), (store) => RecordTokenStorage.make(store, RecordEncryption.plaintext))

/**
 * `make` as a Layer.
 *
 * @example
 * ```ts
 * import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
 * import { Redacted } from "effect"
 *
 * export const Storage = FileTokenStorage.layer({
 *   directory: "/var/lib/nightly-report/tokens",
 *   encryptionKey: Redacted.make("...") // openssl rand -base64 32
 * }) // needs FileSystem and Path: provide NodeContext.layer of @effect/platform-node
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenStorage, InvalidOptions, FileSystem | Path> =>
  Layer.effect(TokenStorage, make(options))

/**
 * `makePlaintext` as a Layer: everybody who can read the files, or a copy of them, can use the tokens.
 *
 * @example
 * ```ts
 * import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
 *
 * export const Storage = FileTokenStorage.layerPlaintext({ directory: "/var/lib/nightly-report/tokens" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPlaintext = (
  options: FileStorageOptions
): Layer.Layer<TokenStorage, InvalidOptions, FileSystem | Path> => Layer.effect(TokenStorage, makePlaintext(options))

/**
 * `make` as a Layer, from `Config`.
 *
 * @example
 * ```ts
 * import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
 * import { Config } from "effect"
 *
 * export const Storage = FileTokenStorage.layerConfig({
 *   directory: Config.string("TOKEN_DIRECTORY"),
 *   encryptionKey: Config.redacted("TOKEN_ENCRYPTION_KEY") // openssl rand -base64 32
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<TokenStorage, InvalidOptions | ConfigError, FileSystem | Path> =>
  Layer.effect(TokenStorage, Effect.flatMap(ConfigOptions.read<Options>(options), make))

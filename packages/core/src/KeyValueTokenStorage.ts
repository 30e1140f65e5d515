/**
 * Tokens in a `KeyValueStore` of Effect, for one process: neither the lease nor the order of writes reaches other
 * processes. Processes of one machine share `FileTokenStorage` instead.
 *
 * A `KeyValueStore` cannot list its keys, so the tokens of clients that no longer run stay in it. Give the store a
 * prefix (`KeyValueStore.prefix`) if it holds other things as well.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "./authoring/ConfigOptions.ts"
import { KeyValueStore } from "@effect/platform/KeyValueStore"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KeyValueRecords from "./internal/storage/keyValueRecords.ts"
import * as ProcessLease from "./internal/storage/processLease.ts"
import type { InvalidOptions } from "./OAuthError.ts"
import * as RecordTokenStorage from "./RecordTokenStorage.ts"
import * as RecordEncryption from "./RecordEncryption.ts"
import { TokenStorage } from "./TokenStorage.ts"

/** Records in a store that no other process writes to: one fiber at a time is enough. */
const makeStore: Effect.Effect<RecordTokenStorage.Store, never, KeyValueStore> = Effect.map(
  KeyValueStore,
  (store) => {
    const turn = ProcessLease.make()
    const records = KeyValueRecords.make(store)
    return {
      get: (name) => records.get("get", name),
      modify: (name, operation, change) =>
        Effect.gen(function*() {
          yield* turn(name)
          const made = yield* change(yield* records.get(operation, name))
          if (made._tag === "Write") yield* records.set(operation, name, made.record)
          if (made._tag === "Remove") yield* records.remove(operation, name)
        }).pipe(Effect.scoped)
    }
  }
)

/**
 * A storage of encrypted tokens in the `KeyValueStore`.
 *
 * Fails with `InvalidOptions` if an encryption key is not 32 bytes long.
 *
 * @example
 * ```ts
 * import { KeyValueTokenStorage } from "@effect-mcp-auth/core"
 * import { Redacted } from "effect"
 *
 * export const storage = KeyValueTokenStorage.make({
 *   encryptionKey: Redacted.make("...") // openssl rand -base64 32
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: RecordEncryption.EncryptionOptions
): Effect.Effect<TokenStorage.Service, InvalidOptions, KeyValueStore> =>
  Effect.zipWith(makeStore, RecordEncryption.encrypted(options), RecordTokenStorage.make)

/**
 * `make` without encryption: everybody who can read the store can use the tokens.
 *
 * @example
 * ```ts
 * import { KeyValueTokenStorage } from "@effect-mcp-auth/core"
 * import { KeyValueStore } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * export const storage = Effect.provide(KeyValueTokenStorage.makePlaintext, KeyValueStore.layerMemory)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePlaintext: Effect.Effect<TokenStorage.Service, never, KeyValueStore> = Effect.map(
  makeStore,
  (store) => RecordTokenStorage.make(store, RecordEncryption.plaintext)
)

/**
 * `make` as a Layer.
 *
 * @example
 * ```ts
 * import { KeyValueTokenStorage } from "@effect-mcp-auth/core"
 * import { KeyValueStore } from "@effect/platform"
 * import { Layer, Redacted } from "effect"
 *
 * export const Storage = KeyValueTokenStorage.layer({
 *   encryptionKey: Redacted.make("...") // openssl rand -base64 32
 * }).pipe(Layer.provide(KeyValueStore.layerMemory)) // or the store of your platform
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: RecordEncryption.EncryptionOptions
): Layer.Layer<TokenStorage, InvalidOptions, KeyValueStore> => Layer.effect(TokenStorage, make(options))

/**
 * `makePlaintext` as a Layer: everybody who can read the store can use the tokens.
 *
 * @example
 * ```ts
 * import { KeyValueTokenStorage } from "@effect-mcp-auth/core"
 *
 * export const Storage = KeyValueTokenStorage.layerPlaintext // needs the KeyValueStore of your platform
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPlaintext: Layer.Layer<TokenStorage, never, KeyValueStore> = Layer.effect(TokenStorage, makePlaintext)

/**
 * `make` as a Layer, from `Config`.
 *
 * @example
 * ```ts
 * import { KeyValueTokenStorage } from "@effect-mcp-auth/core"
 * import { Config } from "effect"
 *
 * export const Storage = KeyValueTokenStorage.layerConfig({
 *   encryptionKey: Config.redacted("TOKEN_ENCRYPTION_KEY") // openssl rand -base64 32
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<RecordEncryption.EncryptionOptions>
): Layer.Layer<TokenStorage, InvalidOptions | ConfigError, KeyValueStore> =>
  Layer.effect(TokenStorage, Effect.flatMap(ConfigOptions.read<RecordEncryption.EncryptionOptions>(options), make))

/** A storage whose records an attacker reads and writes, and the processes of the victim that share it. */
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { KeyValueStore } from "@effect/platform"
import { Effect, Layer, Option, type Redacted } from "effect"
import { type OAuthProvider, TokenStorage } from "../../src/index.ts"
import { makeImpatientProvider, settle, watch } from "../support/provider.ts"
import { storedBy } from "../support/storage.ts"

/** The records by name, and the storage that keeps them. */
export const makePlace = (keys: ReadonlyArray<Redacted.Redacted<string>>) =>
  Effect.gen(function*() {
    const records = new Map<string, string>()
    const layer = Layer.succeed(
      KeyValueStore.KeyValueStore,
      KeyValueStore.makeStringOnly({
        get: (name) => Effect.sync(() => Option.fromNullable(records.get(name))),
        set: (name, value) => Effect.sync(() => void records.set(name, value)),
        remove: (name) => Effect.sync(() => void records.delete(name)),
        clear: Effect.sync(() => records.clear()),
        size: Effect.sync(() => records.size)
      })
    )
    return { records, storage: yield* Effect.provide(Effect.scoped(storedBy(keys)), layer) }
  })

export interface Process {
  readonly provider: OAuthProvider.OAuthProvider.Service
  /** The reasons for which the storage was not used so far. */
  readonly reasons: Effect.Effect<ReadonlyArray<string>>
}

/** A process of the victim: its provider is new, and ends with the effect. */
export const inProcess = <A, E, R>(
  storage: TokenStorage.TokenStorage.Service,
  options: Partial<ClientSecret.Options>,
  use: (process: Process) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const provider = yield* makeImpatientProvider(options)
    const seen = yield* watch(provider)
    const reasons = Effect.map(seen, (events) =>
      events.flatMap((event) => event._tag === "StorageFailed" ? [event.error.reason] : []))
    const result = yield* use({ provider, reasons })
    yield* settle
    return result
  }).pipe(Effect.provideService(TokenStorage.TokenStorage, storage), Effect.scoped)

/** The processes of the victim, which share a storage whose records an attacker reads and writes. */
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Effect } from "effect"
import { type OAuthProvider, TokenStorage } from "../../src/index.ts"
import { makeImpatientProvider, settle, watch } from "../support/provider.ts"

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

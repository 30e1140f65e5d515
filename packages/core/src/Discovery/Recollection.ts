import * as Effect from "effect/Effect"
import type { AuthorizationServer } from "../AuthorizationServer.ts"
import type { CachedDocument } from "../CachedDocument.ts"
import type { Challenge } from "../Challenge.ts"
import * as DiscoveryRecord from "../DiscoveryRecord.ts"
import type { Memory, Options } from "./Contract.ts"
import { currentTime } from "./deadline.ts"
import type { Document } from "./ResourceSearch.ts"
import * as StoredDocuments from "./StoredDocuments.ts"

/**
 * What an earlier process has found, as far as it still holds.
 *
 * @internal
 */
export interface Recalled {
  readonly issuer: string
  /** The server's metadata, if it is fresh. */
  readonly resource: {
    readonly document: Document
    readonly challenge: Challenge | undefined
  } | undefined
  /** The authorization server, if its metadata is fresh. */
  readonly authorizationServer: CachedDocument<AuthorizationServer> | undefined
}

/**
 * What one discovery remembers beyond its process: recalled before its first use, and kept after each success.
 *
 * @internal
 */
export class Recollection {
  readonly #options: Options
  #isPending: boolean

  constructor(options: Options) {
    this.#options = options
    this.#isPending = options.memory !== undefined
  }

  /** Gives what an earlier process has found to `use`, before the first discovery of this process and only then. */
  before<A, E>(use: (recalled: Recalled) => void, discovery: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const { memory } = this.#options
      if (memory === undefined || !this.#isPending) return discovery
      return Effect.flatMap(Effect.zip(memory.load, currentTime), ([record, now]) => {
        if (this.#isPending && record !== undefined && DiscoveryRecord.isCurrent(record, now)) {
          use(this.#recall(record, now))
        }
        this.#isPending = false
        return discovery
      })
    })
  }

  #recall(record: DiscoveryRecord.DiscoveryRecord, now: number): Recalled {
    const { issuer, server } = this.#options
    return {
      issuer: record.issuer,
      resource: StoredDocuments.resourceOf(record, this.#options, now),
      authorizationServer: StoredDocuments.authorizationServerOf(
        record,
        this.#options,
        issuer === "discover" ? server.url : undefined,
        now
      )
    }
  }

  /** Keeps what was found. */
  keep(found: {
    readonly issuer: string
    readonly resource: Document | undefined
    readonly challenge: Challenge | undefined
    readonly authorizationServer: CachedDocument<AuthorizationServer> | undefined
  }): void {
    const { memory } = this.#options
    const record = memory && StoredDocuments.toRecord(found, this.#options)
    if (record !== undefined) memory?.keep(record)
  }

  /** A document may no longer be right. */
  doubt(document: Parameters<Memory["doubt"]>[0]): Effect.Effect<void> {
    return Effect.sync(() => this.#options.memory?.doubt(document))
  }
}

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
 * The discovery of an earlier process, as far as it is still valid.
 *
 * @internal
 */
export interface Stored {
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
 * The discovery record of one provider, which outlives the process: read before the first discovery, and written after
 * each success.
 *
 * @internal
 */
export class StoredDiscovery {
  readonly #options: Options
  readonly #memory: Memory | undefined
  #isPending: boolean

  constructor(options: Options) {
    this.#options = options
    this.#memory = options.memory
    this.#isPending = options.memory !== undefined
  }

  /** Runs the discovery. Before the first discovery of this process, passes the stored one to `use`. */
  before<A, E>(use: (stored: Stored) => void, discovery: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const memory = this.#memory
      if (memory === undefined || !this.#isPending) return discovery
      return Effect.flatMap(Effect.zip(memory.load, currentTime), ([record, now]) => {
        if (this.#isPending && record !== undefined && DiscoveryRecord.isCurrent(record, now)) {
          use(this.#read(record, now))
        }
        this.#isPending = false
        return discovery
      })
    })
  }

  #read(record: DiscoveryRecord.DiscoveryRecord, now: number): Stored {
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

  /** Passes the result of a discovery to the storage. */
  keep(found: {
    readonly issuer: string
    readonly resource: Document | undefined
    readonly challenge: Challenge | undefined
    readonly authorizationServer: CachedDocument<AuthorizationServer> | undefined
  }): void {
    const record = this.#memory && StoredDocuments.toRecord(found, this.#options)
    if (record !== undefined) this.#memory?.keep(record)
  }

  /** Reports that a stored document may no longer be right. */
  doubt(document: Parameters<Memory["doubt"]>[0]): Effect.Effect<void> {
    return Effect.sync(() => this.#memory?.doubt(document))
  }
}

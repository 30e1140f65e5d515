import * as Effect from "effect/Effect"
import type { Challenge } from "../Challenge.ts"
import * as DiscoveryRecord from "../DiscoveryRecord.ts"
import { AuthorizationServerMemory } from "./AuthorizationServerMemory.ts"
import type { Memory, Options } from "./Contract.ts"
import { currentTime, type Deadline, deadlineOf } from "./deadline.ts"
import type { Document } from "./ResourceSearch.ts"
import * as StoredDocuments from "./StoredDocuments.ts"

/**
 * The findings of an earlier process about the server, as far as they still hold.
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
}

/**
 * The memory of one discovery: the authorization server, and the discovery record of the storage. The record is read
 * before the first use and written after each success.
 *
 * @internal
 */
export class StoredDiscovery {
  readonly authorizationServer: AuthorizationServerMemory
  readonly #options: Options
  /** Reads the record, before it was read. */
  #load: Memory["load"] | undefined

  constructor(options: Options) {
    this.authorizationServer = new AuthorizationServerMemory(options)
    this.#options = options
    this.#load = options.memory?.load
  }

  /**
   * A discovery with its deadline. Before the first discovery of this process, and only then, `onStored` gets what an earlier
   * process has found.
   */
  discover<A, E>(
    onStored: (stored: Stored) => void,
    discovery: (deadline: Deadline) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const inTime = Effect.flatMap(deadlineOf(this.#options), discovery)
      if (this.#load === undefined) return inTime
      return Effect.flatMap(Effect.zip(this.#load, currentTime), ([record, now]) => {
        if (this.#load !== undefined && record !== undefined && DiscoveryRecord.isCurrent(record, now)) {
          onStored(this.#restored(record, now))
        }
        this.#load = undefined
        return inTime
      })
    })
  }

  #restored(record: DiscoveryRecord.DiscoveryRecord, now: number): Stored {
    const { issuer, server } = this.#options
    const namedBy = issuer === "discover" ? server.url : undefined
    this.authorizationServer.restore(StoredDocuments.authorizationServerOf(record, this.#options, namedBy, now))
    return { issuer: record.issuer, resource: StoredDocuments.resourceOf(record, this.#options, now) }
  }

  /** Keeps what was found. */
  keep(issuer: string, resource: Document | undefined, challenge?: Challenge): void {
    const { memory } = this.#options
    if (memory === undefined) return
    const found = { issuer, resource, challenge, authorizationServer: this.authorizationServer.document }
    const record = StoredDocuments.toRecord(found, this.#options)
    if (record !== undefined) memory.keep(record)
  }

  /** Reports that a stored document may no longer be right. */
  doubt(document: Parameters<Memory["doubt"]>[0]): Effect.Effect<void> {
    return Effect.sync(() => this.#options.memory?.doubt(document))
  }

  /** The next discovery reads the authorization server's metadata again. */
  get forgetAuthorizationServer(): Effect.Effect<void> {
    return Effect.zipRight(this.doubt("authorizationServer"), this.authorizationServer.doubt)
  }
}

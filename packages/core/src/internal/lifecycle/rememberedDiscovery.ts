import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Memory } from "../../Discovery.ts"
import { type DiscoveryRecord, isCurrent } from "../../DiscoveryRecord.ts"
import { isSameIssuer } from "../text/issuer.ts"
import type { StorageGuard } from "./storageGuard.ts"

type Document = Parameters<Memory["doubt"]>[0]

/**
 * The discovery record of one provider in the storage. The record is read before the first discovery, and written after
 * a token was obtained: an issuer that has never issued a token must not bind later processes.
 *
 * @internal
 */
export class RememberedDiscovery implements Memory {
  readonly #storage: Pick<StorageGuard, "getDiscovery" | "setDiscovery">
  #isLoaded = false
  /** The record in the storage, as far as this provider knows. */
  #stored: DiscoveryRecord | undefined
  /** The record for the storage. */
  #found: DiscoveryRecord | undefined
  readonly #doubted = new Set<Document>()

  readonly #isFirstChoice: boolean

  /** @param isFirstChoice whether no other issuer may take the place of one that a process has stored */
  constructor(storage: Pick<StorageGuard, "getDiscovery" | "setDiscovery">, isFirstChoice: boolean) {
    this.#storage = storage
    this.#isFirstChoice = isFirstChoice
  }

  readonly load: Memory["load"] = Effect.suspend(() =>
    this.#isLoaded
      ? Effect.succeed(this.#stored)
      : Effect.map(this.#storage.getDiscovery(), (record) => {
        this.#isLoaded = true
        return this.#stored = Option.getOrUndefined(record)
      })
  )

  readonly keep: Memory["keep"] = (record) => {
    this.#found = record
  }

  readonly doubt: Memory["doubt"] = (document) => {
    if (this.#stored?.[document] !== undefined) this.#doubted.add(document)
  }

  /** Whether the stored record has a document in doubt. */
  isInDoubt(): boolean {
    return this.#doubted.size > 0
  }

  /** Writes the record if it has changed. */
  readonly save: Effect.Effect<void> = Effect.suspend(() => {
    this.#doubted.clear()
    return this.#found === undefined ? Effect.void : this.#write(this.#found)
  })

  /** Removes the documents in doubt from the stored record. */
  readonly forget: Effect.Effect<void> = Effect.suspend(() => {
    const doubted = [...this.#doubted]
    this.#doubted.clear()
    return this.#stored === undefined
      ? Effect.void
      : this.#write(doubted.reduce((record, document) => ({ ...record, [document]: undefined }), this.#stored))
  })

  #write(record: DiscoveryRecord): Effect.Effect<void> {
    if (this.#stored !== undefined && isSame(record, this.#stored)) return Effect.void
    return Effect.flatMap(
      this.#isTaken(record),
      (isTaken) =>
        isTaken ? Effect.void : Effect.map(this.#storage.setDiscovery(record), (isStored) => {
          if (isStored) this.#stored = record
        })
    )
  }

  /**
   * Whether another process has chosen another issuer since this one looked. The first choice holds, so that a server
   * that names another issuer to one process does not bind the others to it.
   */
  #isTaken(record: DiscoveryRecord): Effect.Effect<boolean> {
    if (!this.#isFirstChoice || (this.#stored !== undefined && isSameIssuer(this.#stored.issuer, record.issuer))) {
      return Effect.succeed(false)
    }
    return Effect.zipWith(
      this.#storage.getDiscovery(),
      Clock.currentTimeMillis,
      (current, now) => Option.exists(current, (one) => isCurrent(one, now) && !isSameIssuer(one.issuer, record.issuer))
    )
  }
}

/** The issuer is valid for another 30 days when its time is written again, so one write a day is enough. */
const WRITE_AGAIN = Duration.toMillis("1 day")

/** Whether the records are the same for the storage. A document that was read again is another object. */
const isSame = (a: DiscoveryRecord, b: DiscoveryRecord): boolean =>
  a.issuer === b.issuer && a.confirmedAt - b.confirmedAt < WRITE_AGAIN && a.protectedResource === b.protectedResource &&
  a.authorizationServer === b.authorizationServer

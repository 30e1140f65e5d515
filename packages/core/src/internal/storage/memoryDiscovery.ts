import { type DiscoveryRecord, isCurrent } from "../../DiscoveryRecord.ts"

/** The largest number of records in memory. */
const CAPACITY = 10_000

/**
 * Discovery records in the memory of this process, by name. At the largest number of records, a new one replaces the
 * one that was set first. Times are milliseconds since the epoch.
 *
 * @internal
 */
export class MemoryDiscovery {
  readonly #records = new Map<string, DiscoveryRecord>()
  readonly #capacity: number

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity
  }

  get(name: string): DiscoveryRecord | undefined {
    return this.#records.get(name)
  }

  set(name: string, record: DiscoveryRecord, now: number): void {
    this.#records.delete(name)
    if (isCurrent(record, now)) this.#records.set(name, record)
    const [first] = this.#records.keys()
    if (this.#records.size > this.#capacity && first !== undefined) this.#records.delete(first)
  }
}

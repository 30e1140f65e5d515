import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as OwnedFibers from "../../authoring/OwnedFibers.ts"
import { SharedWork } from "../waiting/sharedWork.ts"
import { IdleEntries } from "./idleEntries.ts"

/** @internal */
export interface Options<in K, out A, out E, out R> {
  /** Makes the value of a key, in the context of `make`. The scope is the value's own. */
  readonly lookup: (key: K) => Effect.Effect<A, E, R>
  /** How long an idle value stays open, in milliseconds. */
  readonly idleTimeToLive: number
  /** Above this number of values, idle ones are closed at once. */
  readonly capacity: number
  /** The outcome of `get` once the pool is closed. */
  readonly onClosed: Effect.Effect<never>
}

/** One value of a pool and its users. An entry is being made first, then in use or idle, and closed at last. */
interface Entry<K, A, E> {
  readonly key: K
  /**
   * The value, once there is one, or the error of the lookup. `undefined` if the lookup was given up, because the
   * platform has cancelled it with the request that began it (see `SharedWork`).
   */
  value: Effect.Effect<Exit.Exit<A, E> | undefined>
  /** The scope of the value. `undefined` before the lookup has begun, and after the entry was closed. */
  scope: Scope.CloseableScope | undefined
  users: number
  isMaking: boolean
  /** Whether the pool finds the entry under its key. */
  isCurrent: boolean
}

/**
 * Values by key. Each value is made on first use, shared by its users, and closed when it has been idle.
 *
 * Effect's `RcMap` (as of 3.22) does not serve here: it remembers failed lookups, looks up in the context of the first
 * caller, has a fiber for each idle entry, refuses new keys at its capacity although others are idle, and lets an
 * invalidated entry that becomes idle remove the entry that took its place.
 *
 * @internal
 */
export class KeyedPool<K, A, E, R> {
  readonly #options: Options<K, A, E, R>
  readonly #clock: Clock.Clock
  readonly #fibers: OwnedFibers.OwnedFibers<R>
  readonly #entries: MutableHashMap.MutableHashMap<K, Entry<K, A, E>>
  readonly #idle: IdleEntries<Entry<K, A, E>>

  constructor(
    options: Options<K, A, E, R>,
    clock: Clock.Clock,
    fibers: OwnedFibers.OwnedFibers<R>,
    entries: MutableHashMap.MutableHashMap<K, Entry<K, A, E>>
  ) {
    this.#options = options
    this.#clock = clock
    this.#fibers = fibers
    this.#entries = entries
    this.#idle = new IdleEntries({
      clock,
      timeToLive: options.idleTimeToLive,
      fork: (sweep) => fibers.fork(sweep),
      onExpired: (entry) => this.#close(entry)
    })
  }

  /** The value of a key, in use until the scope closes. */
  readonly get = (key: K): Effect.Effect<A, E, Scope.Scope> =>
    Effect.flatMap(
      Effect.acquireRelease(this.#acquire(key), (entry) =>
        Effect.sync(() => {
          entry.users--
          this.#settle(entry)
        })),
      (entry) =>
        Effect.flatMap(Effect.scope, (scope) =>
          this.#fibers.orWhenClosed(
            Effect.flatMap(entry.value, (exit) => exit ?? Scope.extend(this.get(key), scope)),
            this.#options.onClosed
          ))
    )

  /** The next user of the key gets a new value. The present value is closed once no caller uses it. */
  readonly invalidate = (key: K): Effect.Effect<void> =>
    Effect.sync(() => {
      const entry = this.#find(key)
      if (entry === undefined) return
      this.#remove(entry)
      this.#settle(entry)
    })

  /** The keys that have a value, in use or idle. */
  readonly keys: Effect.Effect<ReadonlyArray<K>> = Effect.sync(() => Array.from(MutableHashMap.keys(this.#entries)))

  #find(key: K): Entry<K, A, E> | undefined {
    return Option.getOrUndefined(MutableHashMap.get(this.#entries, key))
  }

  #acquire(key: K): Effect.Effect<Entry<K, A, E>> {
    return Effect.suspend(() => {
      if (this.#fibers.isClosed()) return this.#options.onClosed
      const entry = this.#find(key)
      if (entry === undefined) return Effect.succeed(this.#start(key))
      entry.users++
      this.#idle.delete(entry)
      return Effect.succeed(entry)
    })
  }

  /** The value belongs to the pool, so the lookup neither inherits from its first user nor ends with it. */
  #start(key: K): Entry<K, A, E> {
    const entry: Entry<K, A, E> = {
      key,
      value: usedByItsOwnLookup,
      scope: undefined,
      users: 1,
      isMaking: true,
      isCurrent: true
    }
    MutableHashMap.set(this.#entries, key, entry)
    const making = new SharedWork<A, E, R>(
      { clock: this.#clock, fork: (work) => this.#fibers.fork(work) },
      () =>
        Effect.flatMap(Scope.fork(this.#fibers.scope, ExecutionStrategy.sequential), (scope) => {
          entry.scope = scope
          return Scope.extend(Effect.suspend(() => this.#options.lookup(key)), scope)
        })
    )
    entry.value = making.outcome
    making.whenOver(() => {
      entry.isMaking = false
      if (making.hasSucceeded) this.#settle(entry)
      else this.#close(entry)
    })
    this.#makeRoom()
    return entry
  }

  /** An entry without users becomes idle, or is closed if it cannot be used again. */
  #settle(entry: Entry<K, A, E>): void {
    if (this.#fibers.isClosed() || entry.users > 0 || entry.isMaking) return
    if (!entry.isCurrent || this.#options.idleTimeToLive <= 0) return this.#close(entry)
    this.#idle.add(entry)
    this.#makeRoom()
    this.#idle.sweep()
  }

  #remove(entry: Entry<K, A, E>): void {
    if (entry.isCurrent) MutableHashMap.remove(this.#entries, entry.key)
    entry.isCurrent = false
    this.#idle.delete(entry)
  }

  #close(entry: Entry<K, A, E>): void {
    if (this.#fibers.isClosed()) return
    this.#remove(entry)
    const { scope } = entry
    entry.scope = undefined
    if (scope !== undefined) this.#fibers.fork(Effect.uninterruptible(Scope.close(scope, Exit.void)))
  }

  #makeRoom(): void {
    for (const entry of this.#idle) {
      if (MutableHashMap.size(this.#entries) <= this.#options.capacity) return
      this.#close(entry)
    }
  }
}

/**
 * A pool for as long as the scope lasts. When the scope ends all values are closed, those in use too.
 *
 * @internal
 */
export const make = <K, A, E, R>(
  options: Options<K, A, E, R>
): Effect.Effect<KeyedPool<K, A, E, R>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const entries = MutableHashMap.empty<K, Entry<K, A, E>>()
    const fibers = yield* OwnedFibers.make<R>(() => MutableHashMap.clear(entries))
    return new KeyedPool(options, clock, fibers, entries)
  })

const usedByItsOwnLookup = Effect.suspend(() =>
  Effect.die(
    new Error("The `lookup` of a key asks for the same key. Let it make the value without asking for it.")
  )
)

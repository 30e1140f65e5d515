import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as OwnedFibers from "../../authoring/OwnedFibers.ts"
import { type CachedDocument, isFresh } from "../../CachedDocument.ts"
import { SharedWork } from "../waiting/sharedWork.ts"

/**
 * A document that was just read.
 *
 * @internal
 */
export interface Read<out A> {
  readonly value: A
  /** How long the document is fresh by its response, in milliseconds; `undefined` if the response does not say. */
  readonly lifetime: number | undefined
}

/** @internal */
export interface Options<in A> {
  /** How long a document is fresh, in milliseconds, given what its response says. */
  readonly freshFor: (lifetime: number | undefined) => number
  /** Whether a document is cached for readers that ask after it was read. */
  readonly isCached: (value: A) => boolean
  /** The largest number of documents that are cached. */
  readonly capacity: number
  /** The largest size of all cached documents and their names together, in bytes. */
  readonly maxSize: number
  /** The size of a document, in bytes. */
  readonly sizeOf: (value: A) => number
}

/** A cached document, and its size together with its name, in bytes. */
interface Entry<A> {
  readonly document: CachedDocument<A>
  readonly size: number
}

/** A reader that doubts its document accepts one that was read within this time, in milliseconds. */
const JUST_NOW = 60_000

/**
 * Documents that several readers share.
 *
 * @internal
 */
export class SharedDocuments<A, E> {
  readonly #options: Options<A>
  readonly #clock: Clock.Clock
  readonly #fibers: OwnedFibers.OwnedFibers
  readonly #cached: Map<string, Entry<A>>
  /** The size of all cached documents and their names together, in bytes. */
  #size = 0
  readonly #inFlight = new Map<string, SharedWork<CachedDocument<A>, E>>()

  constructor(
    options: Options<A>,
    clock: Clock.Clock,
    fibers: OwnedFibers.OwnedFibers,
    cached: Map<string, Entry<A>>
  ) {
    this.#options = options
    this.#clock = clock
    this.#fibers = fibers
    this.#cached = cached
  }

  /**
   * The document that is cached under the name, or the one that `read` reads. One reading per name is in flight at a
   * time; a reader that stops waiting does not stop the reading. A failure is not cached.
   *
   * @param known the document that the reader has and wants to replace. A cached document replaces it only if it is
   *   another one, and if the reader's own is stale or the cached one was read just now. So one reader replaces it for
   *   all.
   */
  get(
    name: string,
    read: Effect.Effect<Read<A>, E>,
    known?: CachedDocument<A>
  ): Effect.Effect<CachedDocument<A>, E> {
    return Effect.suspend(() => {
      const candidate = this.#cached.get(name)?.document
      return candidate !== undefined && replaces(candidate, known, this.#clock.unsafeCurrentTimeMillis())
        ? Effect.succeed(candidate)
        // If the owner closes first, the reader reads for itself.
        : this.#fibers.orWhenClosed(this.#join(name, read), this.#read(name, read))
    })
  }

  /**
   * Waits for the reading in flight, or starts one. The reading has the settings of its first reader (a proxy, a
   * tracer), and continues if that reader stops waiting. Readers give a reading up if the platform has cancelled it
   * with the request that began it (see `SharedWork`), and one of them starts another.
   */
  #join(name: string, read: Effect.Effect<Read<A>, E>): Effect.Effect<CachedDocument<A>, E> {
    return Effect.flatMap(Effect.runtime<never>(), (runtime) => {
      if (this.#fibers.isClosed()) return this.#read(name, read)
      const inFlight = this.#inFlight.get(name) ?? this.#start(name, read, runtime)
      return Effect.flatMap(inFlight.outcome, (exit) => exit ?? this.get(name, read))
    })
  }

  #start(name: string, read: Effect.Effect<Read<A>, E>, runtime: Runtime.Runtime<never>) {
    const inFlight = new SharedWork<CachedDocument<A>, E>(
      { clock: this.#clock, fork: (work) => this.#fibers.fork(work, runtime) },
      (self) => this.#read(name, read, () => self.isGivenUp)
    )
    this.#inFlight.set(name, inFlight)
    inFlight.whenOver(() => {
      if (this.#inFlight.get(name) === inFlight) this.#inFlight.delete(name)
    })
    return inFlight
  }

  /** `isLate`: whether the readers have given the reading up. A late document must not replace a newer one. */
  #read(name: string, read: Effect.Effect<Read<A>, E>, isLate = () => false): Effect.Effect<CachedDocument<A>, E> {
    return Effect.map(read, ({ lifetime, value }) => {
      const readAt = this.#clock.unsafeCurrentTimeMillis()
      const document = { value, readAt, freshUntil: readAt + this.#options.freshFor(lifetime) }
      if (!this.#fibers.isClosed() && !isLate()) this.#put(name, document)
      return document
    })
  }

  /**
   * No more documents, and no more bytes, than the options say are cached. Stale documents make room first, then those
   * that were read first.
   */
  #put(name: string, document: CachedDocument<A>): void {
    const { isCached, maxSize, sizeOf } = this.#options
    this.#remove(name)
    if (!isCached(document.value)) return
    const size = name.length + sizeOf(document.value)
    if (size > maxSize) return
    this.#cached.set(name, { document, size })
    this.#size += size
    if (this.#fits()) return
    for (const [other, { document: { freshUntil } }] of this.#cached) {
      if (freshUntil <= document.readAt) this.#remove(other)
    }
    for (const oldest of this.#cached.keys()) {
      if (this.#fits()) return
      this.#remove(oldest)
    }
  }

  #fits(): boolean {
    return this.#cached.size <= this.#options.capacity && this.#size <= this.#options.maxSize
  }

  #remove(name: string): void {
    this.#size -= this.#cached.get(name)?.size ?? 0
    this.#cached.delete(name)
  }
}

/** Whether a cached document serves a reader that knows none, or replaces the one that it knows. */
const replaces = <A>(candidate: CachedDocument<A>, known: CachedDocument<A> | undefined, now: number): boolean =>
  isFresh(candidate, now) && (known === undefined || (candidate.value !== known.value &&
    (!isFresh(known, now) || now - candidate.readAt < JUST_NOW)))

/**
 * Shared documents for as long as the scope lasts; the fibers that read belong to it. Once the scope is closed, every
 * reader reads for itself.
 *
 * @internal
 */
export const make = <A, E>(options: Options<A>): Effect.Effect<SharedDocuments<A, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const cached = new Map<string, Entry<A>>()
    const fibers = yield* OwnedFibers.make(() => cached.clear())
    return new SharedDocuments<A, E>(options, clock, fibers, cached)
  })

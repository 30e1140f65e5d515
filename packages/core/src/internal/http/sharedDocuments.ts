import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as OwnedFibers from "../../authoring/OwnedFibers.ts"
import { type CachedDocument, isFresh } from "../../CachedDocument.ts"

/**
 * A document that was just read.
 *
 * @internal
 */
export interface Read<out A> {
  readonly value: A
  /** For how many milliseconds the response says that the document is fresh, if it says so. */
  readonly lifetime: number | undefined
}

/** @internal */
export interface Options<in A> {
  /** How long a document is fresh, in milliseconds, given what its response says. */
  readonly freshFor: (lifetime: number | undefined) => number
  /** Whether a document is kept for readers that ask after it was read. */
  readonly isKept: (value: A) => boolean
  /** The largest number of documents that are kept. */
  readonly capacity: number
}

/**
 * Documents that several readers share.
 *
 * @internal
 */
export interface SharedDocuments<A, E> {
  /**
   * The document that is kept under the name, or the one that `read` reads. One reading per name is in flight at a
   * time; a reader that stops waiting does not stop it. A failure is not kept.
   *
   * @param known the document that the reader has and wants to replace. A kept document replaces it only if it is
   *   another one, and if the reader's own is stale or the kept one was read just now. So one reader replaces it for all.
   */
  readonly get: (
    name: string,
    read: Effect.Effect<Read<A>, E>,
    known?: CachedDocument<A>
  ) => Effect.Effect<CachedDocument<A>, E>
}

/** In milliseconds. A reader that doubts its document accepts one that was read within this time. */
const JUST_NOW = 60_000

/** The documents that are kept: no more than the capacity. */
class KeptDocuments<A> {
  readonly #options: Options<A>
  readonly #documents = new Map<string, CachedDocument<A>>()

  constructor(options: Options<A>) {
    this.#options = options
  }

  get(name: string): CachedDocument<A> | undefined {
    return this.#documents.get(name)
  }

  /** Stale documents make room first, then those that were read first. */
  put(name: string, document: CachedDocument<A>): void {
    const { capacity, isKept } = this.#options
    this.#documents.delete(name)
    if (!isKept(document.value)) return
    this.#documents.set(name, document)
    if (this.#documents.size <= capacity) return
    for (const [other, { freshUntil }] of this.#documents) {
      if (freshUntil <= document.readAt) this.#documents.delete(other)
    }
    for (const oldest of this.#documents.keys()) {
      if (this.#documents.size <= capacity) return
      this.#documents.delete(oldest)
    }
  }

  clear(): void {
    this.#documents.clear()
  }
}

class Shared<A, E> implements SharedDocuments<A, E> {
  readonly #options: Options<A>
  readonly #clock: Clock.Clock
  readonly #kept: KeptDocuments<A>
  readonly #fibers: OwnedFibers.OwnedFibers
  readonly #inFlight = new Map<string, Effect.Effect<CachedDocument<A>, E>>()

  constructor(options: Options<A>, clock: Clock.Clock, kept: KeptDocuments<A>, fibers: OwnedFibers.OwnedFibers) {
    this.#options = options
    this.#clock = clock
    this.#kept = kept
    this.#fibers = fibers
  }

  readonly get: SharedDocuments<A, E>["get"] = (name, read, known) =>
    Effect.suspend(() => {
      const candidate = this.#kept.get(name)
      return candidate !== undefined && replaces(candidate, known, this.#clock.unsafeCurrentTimeMillis())
        ? Effect.succeed(candidate)
        // If the owner closes first, the reader reads for itself.
        : this.#fibers.orWhenClosed(this.#join(name, read), this.#read(name, read))
    })

  /**
   * Waits for the reading in flight, or starts one. The reading has the settings of its first reader (a proxy, a
   * tracer), and does not end with it.
   */
  #join(name: string, read: Effect.Effect<Read<A>, E>): Effect.Effect<CachedDocument<A>, E> {
    return Effect.flatMap(Effect.runtime<never>(), (runtime) => {
      if (this.#fibers.isClosed()) return this.#read(name, read)
      const inFlight = this.#inFlight.get(name)
      if (inFlight !== undefined) return inFlight
      const fiber = this.#fibers.fork(this.#read(name, read), runtime)
      const outcome = Effect.flatten(Fiber.await(fiber))
      this.#inFlight.set(name, outcome)
      fiber.addObserver(() => this.#inFlight.delete(name))
      return outcome
    })
  }

  #read(name: string, read: Effect.Effect<Read<A>, E>): Effect.Effect<CachedDocument<A>, E> {
    return Effect.map(read, ({ lifetime, value }) => {
      const readAt = this.#clock.unsafeCurrentTimeMillis()
      const document = { value, readAt, freshUntil: readAt + this.#options.freshFor(lifetime) }
      if (!this.#fibers.isClosed()) this.#kept.put(name, document)
      return document
    })
  }
}

/** Whether a kept document serves a reader that knows none, or replaces the one that it knows. */
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
    const kept = new KeptDocuments<A>(options)
    const fibers = yield* OwnedFibers.make(() => kept.clear())
    return new Shared<A, E>(options, clock, kept, fibers)
  })

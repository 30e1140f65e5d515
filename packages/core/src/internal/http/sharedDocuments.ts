import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"

/**
 * What was read, and for how many milliseconds its source says that it is fresh, if it says so.
 *
 * @internal
 */
export interface Read<A> {
  readonly value: A
  readonly lifetime: number | undefined
}

/**
 * What was read, when, and until when it need not be read again, in epoch milliseconds.
 *
 * @internal
 */
export interface Document<A> {
  readonly value: A
  readonly readAt: number
  readonly freshUntil: number
}

/** @internal */
export const isFresh = ({ freshUntil, readAt }: Document<unknown>, now: number): boolean =>
  // A clock that went back would keep it fresh for longer than anybody said.
  readAt <= now && now < freshUntil

/**
 * Documents that several readers share.
 *
 * @internal
 */
export interface SharedDocuments<A, E> {
  /**
   * What is kept under the name, or what `read` gives. One reading per name is under way at a time, whoever asks, and to
   * stop waiting for it does not stop it. A failure is not kept.
   *
   * - `known`: what the reader has and wants to have replaced. What is kept is the answer only if it is another, and the
   *   reader's own is stale or what is kept was read just now: that one reader replaces it for all.
   */
  readonly get: (
    name: string,
    read: Effect.Effect<Read<A>, E>,
    known?: Document<A>
  ) => Effect.Effect<Document<A>, E>
}

/** In milliseconds: who finds fault with a document is content with what was read since. */
const JUST_NOW = 60_000

/**
 * - `freshFor`: how long a document is fresh, given what its source says. In milliseconds.
 * - `isKept`: whether a document is kept for those who ask when it has been read.
 * - `capacity`: how many are kept at most.
 *
 * The fibers that read are the scope's. Once it is closed, everybody reads for themselves.
 *
 * @internal
 */
export const make = <A, E>(options: {
  readonly freshFor: (lifetime: number | undefined) => number
  readonly isKept: (value: A) => boolean
  readonly capacity: number
}): Effect.Effect<SharedDocuments<A, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        closed = true
        kept.clear()
        return Scope.close(scope, exit)
      })
    )
    const kept = new Map<string, Document<A>>()
    const flights = new Map<string, Effect.Effect<Document<A>, E>>()
    let closed = false

    /** Those that are stale, and those that have been there for longest, make room. */
    const keep = (name: string, document: Document<A>): void => {
      kept.delete(name)
      if (closed || !options.isKept(document.value)) return
      kept.set(name, document)
      if (kept.size <= options.capacity) return
      for (const [other, { freshUntil }] of kept) if (freshUntil <= document.readAt) kept.delete(other)
      for (const oldest of kept.keys()) {
        if (kept.size <= options.capacity) return
        kept.delete(oldest)
      }
    }

    const readAnew = (name: string, read: Effect.Effect<Read<A>, E>): Effect.Effect<Document<A>, E> =>
      Effect.map(read, ({ lifetime, value }) => {
        const readAt = clock.unsafeCurrentTimeMillis()
        const document = { value, readAt, freshUntil: readAt + options.freshFor(lifetime) }
        keep(name, document)
        return document
      })

    /** What the first reader has set for its requests (a proxy, a tracer) is the flight's too; the reader's end is not. */
    const join = (name: string, read: Effect.Effect<Read<A>, E>): Effect.Effect<Document<A>, E> =>
      Effect.flatMap(Effect.runtime<never>(), (runtime) => {
        if (closed) return readAnew(name, read)
        const underWay = flights.get(name)
        if (underWay !== undefined) return underWay
        const fiber = Runtime.runFork(runtime)(Effect.interruptible(readAnew(name, read)), { scope })
        const outcome = Effect.flatten(Fiber.await(fiber))
        flights.set(name, outcome)
        fiber.addObserver(() => flights.delete(name))
        return outcome
      })

    const isAnswer = (candidate: Document<A>, now: number, known: Document<A> | undefined): boolean =>
      isFresh(candidate, now) && (known === undefined || (candidate.value !== known.value &&
        (!isFresh(known, now) || now - candidate.readAt < JUST_NOW)))

    return {
      get: (name, read, known) =>
        Effect.suspend(() => {
          const candidate = kept.get(name)
          return candidate !== undefined && isAnswer(candidate, clock.unsafeCurrentTimeMillis(), known)
            ? Effect.succeed(candidate)
            : Effect.catchAllCause(
              join(name, read),
              // The flight ended with its scope, and this reader did not.
              (cause) => closed && Cause.isInterruptedOnly(cause) ? readAnew(name, read) : Effect.failCause(cause)
            )
        })
    }
  })

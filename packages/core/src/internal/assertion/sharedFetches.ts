import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type { AssertionRequest } from "../../Assertion.ts"
import { AssertionError } from "../../OAuthError.ts"
import { SharedWork } from "../waiting/sharedWork.ts"

/**
 * Gets an assertion for a request.
 *
 * @param key requests with the same key can be answered by the same assertion
 *
 * @internal
 */
export type Fetch<A> = (key: string, request: AssertionRequest) => Effect.Effect<A, AssertionError>

/**
 * As `Fetch`, but `undefined` if the callers gave the fetch up, because the platform has cancelled it with the request
 * that began it.
 */
type Awaited<A> = (key: string, request: AssertionRequest) => Effect.Effect<A | undefined, AssertionError>

type Fork = <A, E>(work: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>

/** The fibers to which fetches belong, and the errors of waiting callers when a fetch is interrupted. */
interface Owner {
  readonly fibers: { readonly isClosed: () => boolean; readonly fork: Fork }
  readonly onClosed: () => AssertionError
  readonly onInterrupted: () => AssertionError
}

type Running<A> = SharedWork<A, AssertionError>

/** The time limit of a fetch that several callers wait for. */
const FETCH_LIMIT = Duration.minutes(1)

/** Made when needed: bundlers keep a text that is put together when the module is loaded. */
const tookTooLong = Effect.sync(() =>
  Exit.fail(
    new AssertionError({
      reason: "Unavailable",
      description: `The source of the assertion did not answer within ${Duration.format(FETCH_LIMIT)}. ` +
        "Give its requests a time limit."
    })
  )
)

/** The shared fetches in flight, by key. The first caller of a key starts the fetch, and the others join it. */
const makeRunning = <A>() => {
  const running = new Map<string, Running<A>>()
  const remove = (key: string, fetch: Running<A>): void => {
    if (running.get(key) === fetch) running.delete(key)
  }
  return {
    remove,
    join: (key: string, start: () => Running<A>): Running<A> => {
      const current = running.get(key)
      if (current !== undefined && !current.giveUpIfStale()) return current
      const fetch = start()
      running.set(key, fetch)
      fetch.whenOver(() => remove(key, fetch))
      return fetch
    }
  }
}

/** A fiber that can be interrupted even if the first caller of its fetch cannot be. */
const forkIn = (runtime: Runtime.Runtime<never>): Fork => (work) => Runtime.runFork(runtime)(Effect.interruptible(work))

const startIn = <A>(clock: Clock.Clock, fork: Fork, fetch: Effect.Effect<A, AssertionError>): Running<A> =>
  new SharedWork<A, AssertionError>({ clock, fork }, () => fetch, {
    millis: Duration.toMillis(FETCH_LIMIT),
    onTooLong: tookTooLong
  })

/**
 * Fetches that belong to the owner's scope and continue without their callers.
 *
 * @internal
 */
export const runForOwner = <A>(fetch: Fetch<A>, { fibers, onClosed, onInterrupted }: Owner) => {
  const running = makeRunning<A>()
  const wait = (start: (clock: Clock.Clock) => Running<A>): Effect.Effect<A | undefined, AssertionError> =>
    Effect.flatMap(Effect.clock, (clock) =>
      fibers.isClosed()
        ? onClosed()
        : Effect.flatMap(start(clock).outcome, (exit): Effect.Effect<A | undefined, AssertionError> => {
          if (exit === undefined) return Effect.succeed(undefined)
          if (!Exit.isInterrupted(exit)) return exit
          return fibers.isClosed() ? onClosed() : onInterrupted()
        }))
  const alone: Awaited<A> = (key, request) => wait((clock) => startIn(clock, fibers.fork, fetch(key, request)))
  const shared: Awaited<A> = (key, request) =>
    wait((clock) => running.join(key, () => startIn(clock, fibers.fork, fetch(key, request))))
  return { alone, shared }
}

/**
 * Fetches that end when no caller waits for them any more. A fetch for one caller is part of that caller's own fiber.
 *
 * @internal
 */
export const runForCallers = <A>(fetch: Fetch<A>) => {
  const running = makeRunning<A>()
  const waiting = new WeakMap<Running<A>, number>()
  const count = (joined: Running<A>, change: number): number => {
    const callers = (waiting.get(joined) ?? 0) + change
    waiting.set(joined, callers)
    return callers
  }
  const leave = (key: string, joined: Running<A>) =>
    Effect.sync(() => {
      if (count(joined, -1) > 0) return
      running.remove(key, joined)
      joined.giveUp()
    })
  const shared: Awaited<A> = (key, request) =>
    Effect.flatMap(Effect.runtime<never>(), (runtime) =>
      Effect.acquireUseRelease(
        Effect.map(Effect.clock, (clock) => {
          const joined = running.join(key, () => startIn(clock, forkIn(runtime), fetch(key, request)))
          count(joined, 1)
          return joined
        }),
        (joined) => Effect.flatMap(joined.outcome, (exit) => exit ?? Effect.succeed(undefined)),
        (joined) => leave(key, joined)
      ))
  const alone: Awaited<A> = fetch
  return { alone, shared }
}

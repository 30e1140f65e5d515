/**
 * A cache of assertions, for authors of providers. Requests for the same assertion share one fetch, and an assertion
 * that an authorization server may accept only once is presented only once (RFC 7523 §3).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { type AssertionRequest, type AssertionSource, isRefused } from "../Assertion.ts"
import * as Fetches from "../internal/assertion/sharedFetches.ts"
import { Permits } from "../internal/waiting/permits.ts"
import type { AssertionError } from "../OAuthError.ts"
import type { OwnedFibers } from "./OwnedFibers.ts"

/**
 * An assertion, and the facts about it that the cache needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface CachedAssertion {
  readonly value: Redacted.Redacted<string>
  /** Whether the assertion may be presented only once. */
  readonly once: boolean
  /** When the life of the assertion began, in milliseconds since the epoch. */
  readonly obtainedAt: number
  /** When the assertion expires, in milliseconds since the epoch. `undefined` if unknown: then it is not cached. */
  readonly expiresAt: number | undefined
}

/**
 * The scope to which fetches belong, and the errors of waiting callers when a fetch is interrupted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owner {
  readonly fibers: OwnedFibers
  /** The error after the scope has ended. */
  readonly onClosed: () => AssertionError
  /** The error if a fetch interrupts itself. */
  readonly onInterrupted: () => AssertionError
}

/**
 * The options of `make`: how assertions are fetched, distinguished and checked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<A extends CachedAssertion> {
  /** Requests with the same key can be answered by the same assertion. */
  readonly keyOf: (request: AssertionRequest) => string
  /** Gets a new assertion for the request. */
  readonly fetch: (request: AssertionRequest) => Effect.Effect<A, AssertionError>
  /**
   * Whether this assertion may be sent for this request now. The cache calls it before it returns an assertion.
   *
   * @param now in milliseconds since the epoch
   */
  readonly check: (assertion: A, request: AssertionRequest, now: number) => Either.Either<unknown, AssertionError>
  /**
   * Whether a cached assertion near its end may be used after `fetch` has failed with this error.
   *
   * @default after any error
   */
  readonly canUseOldAfter?: ((error: AssertionError) => boolean) | undefined
  /**
   * The owner of the fetches. With an owner, a fetch continues when its callers are interrupted, and its assertion is
   * cached.
   *
   * @default none: a fetch ends when its last caller is interrupted
   */
  readonly owner?: Owner | undefined
}

/** How many assertions are cached at most; the oldest is dropped first. */
const MAX_ENTRIES = 1000

/** How many fetches run at a time when each caller needs an assertion of its own. */
const MAX_PARALLEL = 16

/** How long before its end an assertion is replaced, in milliseconds; a fifth of its life if that is less. */
const MARGIN = 60_000

/**
 * Whether an assertion is far enough from its end to be used without asking for a new one: a minute, or a fifth of its
 * life if that is less. After the clock was set back, no assertion from the future is fresh.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isFresh = ({ obtainedAt, expiresAt = obtainedAt }: CachedAssertion, now: number): boolean =>
  obtainedAt <= now && now < expiresAt - Math.min(MARGIN, (expiresAt - obtainedAt) / 5)

/**
 * A source whose assertions are cached until shortly before they expire. Near the end of an assertion the source
 * fetches a new one; if that fails, the old one is used as long as it is valid. An assertion that an authorization
 * server has refused is dropped.
 *
 * A returned assertion counts as presented: when a connection breaks, the authorization server may have received it. An
 * assertion with `once` is therefore returned to one caller only. After a fetch has supplied such an assertion, callers
 * no longer share fetches: up to 16 run at a time, one for each caller, until one of them fails or supplies an
 * assertion for many.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Assertion, AssertionProvider, type OAuthError } from "@effect-mcp-auth/core"
 * import * as AssertionCache from "@effect-mcp-auth/core/authoring/AssertionCache"
 * import { Clock, Effect, Redacted } from "effect"
 *
 * declare const requestFromBroker: (audience: string) => Effect.Effect<string, OAuthError.AssertionError>
 *
 * const Assertions = AssertionProvider.layer(AssertionCache.make({
 *   keyOf: ({ audience }) => audience,
 *   fetch: (request) =>
 *     Effect.gen(function*() {
 *       const value = Redacted.make(yield* requestFromBroker(request.audience))
 *       const now = yield* Clock.currentTimeMillis
 *       const { expiresAt, hasId } = yield* Assertion.check(value, request, { now })
 *       return { value, once: hasId, obtainedAt: now, expiresAt }
 *     }),
 *   check: ({ value }, request, now) => Assertion.check(value, request, { now })
 * }))
 * ```
 */
export const make = <A extends CachedAssertion>(options: Options<A>): AssertionSource => {
  const { canUseOldAfter = () => true, check, keyOf } = options
  const entries = new Entries<A>()
  const fetch = makeFetch(options, entries)

  const fetchOrUseOld = (key: string, request: AssertionRequest, old: A | undefined) =>
    Effect.catchIf(fetch(key, request), canUseOldAfter, (error) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) =>
          old !== undefined && Either.isRight(check(old, request, now)) && entries.take(key, old)
            ? Effect.succeed(old)
            : error
      ))

  return (request) =>
    Effect.gen(function*() {
      const key = keyOf(request)
      const now = yield* Clock.currentTimeMillis
      entries.drop((assertion) => isRefused(assertion.value, request))
      const entry = entries.get(key)
      const known = entry !== undefined && Either.isRight(check(entry, request, now)) ? entry : undefined
      if (known !== undefined && isFresh(known, now) && entries.take(key, known)) return known.value
      const assertion = yield* fetchOrUseOld(key, request, known)
      yield* check(assertion, request, yield* Clock.currentTimeMillis)
      return assertion.value
    })
}

/** The assertions that may still be returned, by key. */
class Entries<A extends CachedAssertion> {
  readonly #entries = new Map<string, A>()
  readonly #presented = new WeakSet<A>()

  get(key: string): A | undefined {
    return this.#entries.get(key)
  }

  add(key: string, assertion: A, now: number): void {
    this.drop(({ expiresAt = 0 }) => expiresAt <= now)
    if (!isFresh(assertion, now)) return
    // A fetch that was given up may end after its replacement.
    if ((this.#entries.get(key)?.obtainedAt ?? 0) > assertion.obtainedAt) return
    this.#entries.delete(key)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < MAX_ENTRIES) break
      this.#entries.delete(oldest)
    }
    this.#entries.set(key, assertion)
  }

  /** Whether the caller may have the assertion. One step, so that no other caller can take the same one. */
  take(key: string, assertion: A): boolean {
    if (!assertion.once) return true
    if (this.#presented.has(assertion)) return false
    this.#presented.add(assertion)
    if (this.#entries.get(key) === assertion) this.#entries.delete(key)
    return true
  }

  drop(isDropped: (assertion: A) => boolean): void {
    for (const [key, assertion] of this.#entries) if (isDropped(assertion)) this.#entries.delete(key)
  }
}

/** Fetches an assertion that the caller may present, together with other callers if the assertion is for many. */
const makeFetch = <A extends CachedAssertion>(options: Options<A>, entries: Entries<A>): Fetches.Fetch<A> => {
  const parallel = new Permits(MAX_PARALLEL)
  /** Whether the last fetch supplied an assertion that may be presented only once. */
  let singleUse = false

  const fetch: Fetches.Fetch<A> = (key, request) =>
    Effect.suspend(() => options.fetch(request)).pipe(
      // A copy, because a presented assertion is recognised by identity, and a platform may return the same one again.
      Effect.map((assertion) => ({ ...assertion })),
      Effect.tap((assertion) => Effect.map(Clock.currentTimeMillis, (now) => entries.add(key, assertion, now))),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          // Without an owner, an interrupted fetch has lost its callers, which says nothing about the next assertion.
          if (options.owner === undefined && Exit.isInterrupted(exit)) return
          singleUse = Exit.isSuccess(exit) && exit.value.once
        })
      )
    )
  const { alone, shared } = options.owner === undefined
    ? Fetches.runForCallers(fetch)
    : Fetches.runForOwner(fetch, options.owner)

  /**
   * A fetch for one caller. None if another fetch has failed meanwhile: then one shared fetch answers all waiting
   * callers.
   */
  const aloneInTurn = (key: string, request: AssertionRequest) =>
    parallel.run(
      Effect.suspend(() => singleUse ? Effect.asSome(alone(key, request)) : Effect.succeedNone)
    )

  const own: Fetches.Fetch<A> = (key, request) =>
    Effect.suspend(() => singleUse ? aloneInTurn(key, request) : Effect.asSome(shared(key, request))).pipe(
      Effect.flatMap((fetched) => {
        const assertion = Option.getOrUndefined(fetched)
        return assertion !== undefined && entries.take(key, assertion)
          ? Effect.succeed(assertion)
          : cachedOrOwn(key, request)
      })
    )

  /** Another caller has used the assertion, or the fetch was given up and another fetch may have ended since. */
  const cachedOrOwn: Fetches.Fetch<A> = (key, request) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const cached = entries.get(key)
      return cached !== undefined && isFresh(cached, now) && entries.take(key, cached)
        ? Effect.succeed(cached)
        : own(key, request)
    })
  return own
}

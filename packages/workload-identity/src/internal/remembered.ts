import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import type { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import type { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Assertion from "./assertion.ts"

/** However many audiences one identity is asked for. */
const MAX_ENTRIES = 1000

/** How many fetches there are at once of what is good for one request each. */
const MAX_PARALLEL = 16

interface Flight {
  readonly fiber: Fiber.RuntimeFiber<Assertion.Assertion, AssertionError>
  waiting: number
}

/**
 * A provider whose assertions are remembered until shortly before they expire. What is fetched is what `keyOf` tells
 * apart, and is read here; requests for the same at the same time share one fetch, which goes on as long as somebody
 * waits for it.
 *
 * What is given out counts as presented: when a connection breaks, the server may have got it, and may take each `jti`
 * once. So an assertion with a `jti` is given out once, and each of many requests gets its own, unless the platform gives
 * the same one again: there is no other then. Once a platform is known to give such, fetches are not shared: there are up
 * to 16 at a time.
 *
 * @internal
 */
export const make = (options: {
  readonly expected: Assertion.Expected
  readonly keyOf: (request: AssertionRequest) => string
  readonly fetch: (request: AssertionRequest) => Effect.Effect<string, AssertionError>
}): AssertionProvider.Service => {
  const entries = new Map<string, Assertion.Assertion>()
  const flights = new Map<string, Flight>()
  const presented = new WeakSet<Assertion.Assertion>()
  const parallel = Effect.unsafeMakeSemaphore(MAX_PARALLEL)
  /** Whether the platform gave one with a `jti` when it last answered, and has answered since. */
  let singleUse = false

  /** Whether the caller may have it. In one step, so that no other may. */
  const take = (key: string, assertion: Assertion.Assertion): boolean => {
    if (!assertion.hasId) return true
    if (presented.has(assertion)) return false
    presented.add(assertion)
    if (entries.get(key) === assertion) entries.delete(key)
    return true
  }

  const forget = (refused: AssertionRequest["refused"]): void => {
    for (const [key, assertion] of entries) if (Assertion.isAmong(assertion, refused)) entries.delete(key)
  }

  const check = (assertion: Assertion.Assertion, request: AssertionRequest) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Assertion.check(assertion, request, now, options.expected)
    )

  const remember = (key: string, assertion: Assertion.Assertion) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      entries.delete(key)
      for (const [other, { expiresAt }] of entries) {
        const isOver = expiresAt === undefined || expiresAt <= now
        if (isOver || entries.size >= MAX_ENTRIES) entries.delete(other)
      }
      if (Assertion.isFresh(assertion, now)) entries.set(key, assertion)
    })

  const fetch = (request: AssertionRequest): Effect.Effect<Assertion.Assertion, AssertionError> =>
    Effect.suspend(() => options.fetch(request)).pipe(
      Effect.flatMap((text) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => Assertion.read(text, now, options.expected))
      ),
      Effect.flatMap((assertion) => check(assertion, request)),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (!Exit.isInterrupted(exit)) singleUse = Exit.isSuccess(exit) && exit.value.hasId
        })
      )
    )

  const fetchForMany = (key: string, request: AssertionRequest) =>
    Effect.tap(fetch(request), (assertion) => remember(key, assertion))

  /** In one step, so that of two callers one starts the flight and the other finds it. */
  const board = (runtime: Runtime.Runtime<never>, key: string, request: AssertionRequest): Flight => {
    const current = flights.get(key)
    if (current !== undefined) return current
    const flight: Flight = {
      fiber: Runtime.runFork(runtime)(Effect.interruptible(fetchForMany(key, request))),
      waiting: 0
    }
    flights.set(key, flight)
    flight.fiber.addObserver(() => {
      if (flights.get(key) === flight) flights.delete(key)
    })
    return flight
  }

  const leave = (key: string, flight: Flight) =>
    Effect.suspend(() => {
      if (--flight.waiting > 0) return Effect.void
      if (flights.get(key) === flight) flights.delete(key)
      return Fiber.interruptFork(flight.fiber)
    })

  const shared = (key: string, request: AssertionRequest): Effect.Effect<Assertion.Assertion, AssertionError> =>
    Effect.flatMap(Effect.runtime<never>(), (runtime) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          const flight = board(runtime, key, request)
          flight.waiting++
          return flight
        }),
        ({ fiber }) => Effect.flatten(Fiber.await(fiber)),
        (flight) => leave(key, flight)
      ))

  /** None if another fetch has failed meanwhile: then one answers for all that wait. */
  const fetchAlone = (key: string, request: AssertionRequest) =>
    parallel.withPermits(1)(
      Effect.suspend(() =>
        singleUse
          ? Effect.asSome(
            Effect.tap(fetch(request), (assertion) => assertion.hasId ? Effect.void : remember(key, assertion))
          )
          : Effect.succeedNone
      )
    )

  const fetchOne = (key: string, request: AssertionRequest): Effect.Effect<Assertion.Assertion, AssertionError> =>
    Effect.suspend(() => singleUse ? fetchAlone(key, request) : Effect.asSome(shared(key, request))).pipe(
      Effect.flatMap((fetched) =>
        // Another request's: this one needs its own.
        Option.isSome(fetched) && take(key, fetched.value) ? Effect.succeed(fetched.value) : fetchOne(key, request)
      )
    )

  return (request): Effect.Effect<Redacted.Redacted<string>, AssertionError> =>
    Effect.gen(function*() {
      const key = options.keyOf(request)
      const now = yield* Clock.currentTimeMillis
      forget(request.refused)
      const entry = entries.get(key)
      const known = entry !== undefined && Either.isRight(Assertion.check(entry, request, now, options.expected))
        ? entry
        : undefined
      if (known !== undefined && Assertion.isFresh(known, now) && take(key, known)) return known.value
      const assertion = yield* fetchOne(key, request).pipe(
        // Near its end, and there is no other: it is good until then.
        Effect.catchAll((error) =>
          known === undefined ? Effect.fail(error) : Effect.filterOrFail(
            check(known, request),
            () => take(key, known),
            () => error
          )
        )
      )
      return (yield* check(assertion, request)).value
    })
}

/**
 * The same, for a platform that makes tokens for any audience: one is remembered for each.
 *
 * - `name`: what the token is called in errors, with its article.
 * - `audience`: in place of the one that the authorization server is asked with.
 *
 * @internal
 */
export const makePerAudience = (options: {
  readonly name: string
  readonly audience: string | undefined
  readonly fetch: (audience: string) => Effect.Effect<string, AssertionError>
}): AssertionProvider.Service => {
  const audienceOf = (request: AssertionRequest) => options.audience ?? request.audience
  return make({
    expected: {
      name: options.name,
      remedy: "Set `audience` to what the authorization server expects.",
      audience: (request) => [audienceOf(request)]
    },
    keyOf: audienceOf,
    fetch: (request) => options.fetch(audienceOf(request))
  })
}

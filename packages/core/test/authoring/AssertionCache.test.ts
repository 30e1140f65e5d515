import { describe, expect, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Either, Exit, Fiber, Redacted, Scope, TestClock } from "effect"
import type { AssertionRequest } from "../../src/Assertion.ts"
import * as AssertionCache from "../../src/authoring/AssertionCache.ts"
import * as OwnedFibers from "../../src/authoring/OwnedFibers.ts"
import { makeWorkerClock } from "../support/workerClock.ts"
import { many, outcomes, settle } from "../support/provider.ts"
import { AssertionError } from "../../src/OAuthError.ts"

const request: AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com/mcp",
  scopes: ["mcp"],
  refused: []
}

const HOUR = 3_600_000

/** An assertion that lives for an hour. */
const assertion = (text: string, once = false) =>
  Effect.map(Clock.currentTimeMillis, (now): AssertionCache.CachedAssertion => ({
    value: Redacted.make(text),
    once,
    obtainedAt: now,
    expiresAt: now + HOUR
  }))

const expired = new AssertionError({ reason: "Expired", description: "expired" })
const unavailable = new AssertionError({ reason: "Unavailable", description: "down" })
const refused = new AssertionError({ reason: "Refused", description: "no" })

const check = ({ expiresAt }: AssertionCache.CachedAssertion, _: AssertionRequest, now: number) =>
  expiresAt !== undefined && expiresAt <= now ? Either.left(expired) : Either.right(undefined)

type Fetch = AssertionCache.Options<AssertionCache.CachedAssertion>["fetch"]

const cache = (fetch: Fetch, more: Partial<AssertionCache.Options<AssertionCache.CachedAssertion>> = {}) =>
  AssertionCache.make({ keyOf: ({ audience }) => audience, fetch, check, ...more })

/** Counts the fetches. Each fetch supplies another assertion. */
const counting = (once = false) => {
  let fetches = 0
  const provider = cache(() => Effect.suspend(() => assertion(`canary-${++fetches}`, once)))
  const ask = (index: number) => provider({ ...request, audience: `https://${index}.example` })
  return { ask, provider, fetches: () => fetches }
}

const texts = (assertions: ReadonlyArray<Redacted.Redacted<string>>) => new Set(assertions.map(Redacted.value))

describe("a cached assertion", () => {
  it.effect("is dropped, the oldest first, when there are more than 1000", () =>
    Effect.gen(function*() {
      const { ask, fetches } = counting()
      for (let index = 0; index <= 1000; index++) yield* ask(index)
      yield* ask(1000)
      yield* ask(1)
      expect(fetches()).toBe(1001)
      yield* ask(0)
      expect(fetches()).toBe(1002)
    }))

  it.effect("is dropped when it has expired", () =>
    Effect.gen(function*() {
      const { ask, fetches } = counting()
      yield* ask(0)
      yield* TestClock.adjust("1 hour")
      yield* ask(1)
      yield* ask(0)
      expect(fetches()).toBe(3)
    }))

  it.effect("that has expired makes room before an older one that has not", () =>
    Effect.gen(function*() {
      let fetches = 0
      const provider = cache(({ audience }) =>
        Effect.map(assertion(`canary-${++fetches}`), (one) =>
          audience === "long" ? { ...one, expiresAt: one.obtainedAt + 2 * HOUR } : one)
      )
      yield* provider({ ...request, audience: "long" })
      for (let index = 1; index < 1000; index++) {
        yield* provider({ ...request, audience: `short ${index}` })
      }
      yield* TestClock.adjust("1 hour")
      yield* provider({ ...request, audience: "another" })
      expect(fetches).toBe(1001)
      yield* provider({ ...request, audience: "long" })
      expect(fetches).toBe(1001)
    }))

  /** A cache that fetches these assertions in turn, and whose check rejects the one of this text if asked to. */
  const rejecting = (rejected: string, ...supplied: ReadonlyArray<AssertionCache.CachedAssertion>) => {
    const left = [...supplied]
    let fetches = 0
    const provider = cache(
      () =>
        Effect.suspend(() => {
          fetches++
          const next = left.shift()
          return next === undefined ? refused : Effect.succeed(next)
        }),
      {
        keyOf: () => "the same",
        check: ({ value }, { scopes }) =>
          scopes.length === 0 && Redacted.value(value) === rejected ? Either.left(expired) : Either.right(undefined)
      }
    )
    const ask = (scopes = request.scopes) => Effect.map(provider({ ...request, scopes }), Redacted.value)
    return { ask, fetches: () => fetches }
  }

  it.effect("is not returned to a request for which the check rejects it", () =>
    Effect.gen(function*() {
      const { ask } = rejecting("canary-1", yield* assertion("canary-1"), yield* assertion("canary-2"))
      expect([yield* ask(), yield* ask([]), yield* ask()]).toEqual(["canary-1", "canary-2", "canary-2"])
    }))

  it.effect.each([false, true])(
    "is not replaced by one whose life began earlier (which may be presented once: %s)",
    (once) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 minute")
        const newer = yield* assertion("canary-newer")
        const older = { ...(yield* assertion("canary-older", once)), obtainedAt: newer.obtainedAt - 1 }
        const { ask, fetches } = rejecting("canary-newer", newer, older)
        expect([yield* ask(), yield* ask([]), yield* ask()]).toEqual(["canary-newer", "canary-older", "canary-newer"])
        expect(fetches()).toBe(2)
      })
  )

  it.effect("stays in a full cache when another one is replaced", () =>
    Effect.gen(function*() {
      let fetches = 0
      const provider = cache(({ audience }) =>
        Effect.suspend(() =>
          Effect.map(assertion(`canary-${++fetches}`), (one) =>
            audience === "oldest" ? { ...one, expiresAt: one.obtainedAt + 2 * HOUR } : one)
        )
      )
      const ask = (audience: string) =>
        provider({ ...request, audience })
      yield* ask("oldest")
      for (let index = 1; index < 1000; index++) yield* ask(`short ${index}`)
      yield* TestClock.adjust("59 minutes")
      yield* ask("short 1")
      expect(fetches).toBe(1001)
      yield* ask("oldest")
      expect(fetches).toBe(1001)
    }))

  it.effect("is dropped when the authorization server has refused it, for every audience", () =>
    Effect.gen(function*() {
      const { ask, fetches, provider } = counting()
      const first = yield* ask(0)
      yield* ask(1)
      yield* provider({ ...request, refused: [Redacted.make(Redacted.value(first))] })
      expect(fetches()).toBe(3)
      yield* ask(1)
      expect(fetches()).toBe(3)
      yield* ask(0)
      expect(fetches()).toBe(4)
    }))

  it.effect("is not returned after the clock was set back before its life began", () =>
    Effect.gen(function*() {
      const { ask, fetches } = counting()
      yield* TestClock.adjust("1 hour")
      yield* ask(0)
      yield* TestClock.setTime(0)
      yield* ask(0)
      expect(fetches()).toBe(2)
    }))

  it.effect("near its end, is returned if fetching a new one fails, and not after its end", () =>
    Effect.gen(function*() {
      let fails = false
      const provider = cache(() => fails ? unavailable : assertion("canary-old"))
      yield* provider(request)
      fails = true
      yield* TestClock.adjust("59 minutes")
      expect(Redacted.value(yield* provider(request))).toBe("canary-old")
      yield* TestClock.adjust("1 minute")
      expect(yield* Effect.flip(provider(request))).toBe(unavailable)
    }))

  it.effect("near its end, is not returned after an error that `canUseOldAfter` excludes", () =>
    Effect.gen(function*() {
      let error: AssertionError | undefined
      const provider = cache(() => error ?? assertion("canary-old"), {
        canUseOldAfter: ({ transient }) => transient
      })
      yield* provider(request)
      yield* TestClock.adjust("59 minutes")
      error = refused
      expect(yield* Effect.flip(provider(request))).toBe(refused)
      error = unavailable
      expect(Redacted.value(yield* provider(request))).toBe("canary-old")
    }))

  it.effect("without an expiry is not cached", () =>
    Effect.gen(function*() {
      let fetches = 0
      const provider = cache(() =>
        Effect.map(assertion(`canary-${++fetches}`), (one) => ({ ...one, expiresAt: undefined }))
      )
      yield* provider(request)
      yield* provider(request)
      expect(fetches).toBe(2)
    }))

  it.effect("without an expiry is not returned after fetching another one has failed", () =>
    Effect.gen(function*() {
      let fails = false
      const provider = cache(() =>
        fails ? unavailable : Effect.map(assertion("canary-1"), (one) => ({ ...one, expiresAt: undefined }))
      )
      yield* provider(request)
      fails = true
      expect(yield* Effect.flip(provider(request))).toBe(unavailable)
    }))
})

describe("an assertion that may be presented once", () => {
  it.effect("is returned to one of the callers that share its fetch", () =>
    Effect.gen(function*() {
      let fetches = 0
      const gate = yield* Deferred.make<void>()
      const provider = cache(() => {
        fetches++
        return Effect.zipRight(Deferred.await(gate), assertion(`canary-${fetches}`, true))
      })
      const callers = yield* Effect.forEach([1, 2], () => Effect.fork(provider(request)))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      const given = yield* Fiber.joinAll(callers)
      expect(texts(given).size).toBe(2)
      expect(fetches).toBe(2)
    }))

  it.effect("takes no room in the cache after it was presented", () =>
    Effect.gen(function*() {
      let fetches = 0
      const provider = cache(({ audience }) =>
        Effect.suspend(() => assertion(`canary-${++fetches}`, audience.startsWith("once")))
      )
      yield* provider({ ...request, audience: "for many" })
      for (let index = 0; index < 1000; index++) yield* provider({ ...request, audience: `once ${index}` })
      yield* provider({ ...request, audience: "for many" })
      expect(fetches).toBe(1001)
    }))

  it.effect.each([{ name: "without an owner", owned: false }, { name: "with an owner", owned: true }])(
    "decides $name whether callers share the fetch after one that was interrupted",
    ({ owned }) =>
      Effect.gen(function*() {
        const fibers = yield* OwnedFibers.make()
        const owner = { fibers, onClosed: () => unavailable, onInterrupted: () => unavailable }
        let running = 0
        const fetch = ({ scopes }: AssertionRequest) => {
          if (scopes.includes("interrupt")) return Effect.interrupt
          return scopes.length === 0 ?
            Effect.sync(() => void running++).pipe(Effect.zipRight(Effect.never))
            : assertion("canary-once", true)
        }
        const provider = cache(fetch, owned ? { owner } : {})
        yield* provider(request)
        yield* Effect.exit(provider({ ...request, scopes: ["interrupt"] }))
        yield* many(2, provider({ ...request, scopes: [] }))
        yield* settle
        // An owner's fetch was interrupted by itself. Without an owner its callers may have been interrupted.
        expect(running).toBe(owned ? 1 : 2)
      }).pipe(Effect.scoped)
  )

  it.effect("is returned again if the platform supplies the same one again", () =>
    Effect.gen(function*() {
      let fetches = 0
      const only = yield* assertion("canary-only", true)
      const provider = cache(() => {
        fetches++
        return Effect.succeed(only)
      })
      const given = [yield* provider(request), yield* provider(request)]
      expect(texts(given)).toEqual(new Set(["canary-only"]))
      expect(fetches).toBe(2)
    }))

  it.effect("is fetched for many callers, 16 at a time, and one failure answers the rest", () =>
    Effect.gen(function*() {
      let fetches = 0
      let running = 0
      let most = 0
      let fails = false
      const provider = cache(() =>
        Effect.suspend(() => {
          fetches++
          return fails ? refused : assertion(`canary-${fetches}`, true)
        }).pipe(
          Effect.delay("100 millis"),
          Effect.ensuring(Effect.sync(() => running--)),
          (fetch) => Effect.zipRight(Effect.sync(() => most = Math.max(most, ++running)), fetch)
        )
      )
      const callers = yield* Effect.replicateEffect(Effect.fork(provider(request)), 200)
      yield* TestClock.adjust("1500 millis")
      const given = yield* Fiber.joinAll(callers)
      expect(texts(given).size).toBe(200)
      expect(fetches).toBe(200)
      fails = true
      const refusals = yield* Effect.replicateEffect(Effect.fork(Effect.flip(provider(request))), 200)
      yield* TestClock.adjust("1500 millis")
      yield* Fiber.joinAll(refusals)
      expect(fetches).toBeLessThanOrEqual(200 + 17)
      expect(most).toBe(16)
    }))

  it.effect.each([{ name: "without an owner", owned: false }, { name: "with an owner", owned: true }])(
    "is fetched again $name after the platform has ended 16 callers without a word",
    ({ owned }) =>
      Effect.gen(function*() {
        const { clock, platform } = yield* makeWorkerClock
        const fibers = yield* OwnedFibers.make()
        const owner = { fibers, onClosed: () => unavailable, onInterrupted: () => unavailable }
        const fetch = (request: AssertionRequest) =>
          request.scopes.length === 0 ? Effect.never : assertion("canary-once", true)
        const provider = cache(fetch, owned ? { owner } : {})
        yield* provider(request)
        const dead = yield* many(16, Effect.withClock(provider({ ...request, scopes: [] }), clock))
        yield* settle
        platform.isOver = true
        const caller = yield* Effect.fork(provider(request))
        yield* TestClock.adjust("3 seconds")
        expect(yield* outcomes([caller])).toMatchObject([Exit.succeed({})])
        yield* Effect.forEach(dead, Fiber.interrupt)
      }).pipe(Effect.scoped)
  )
})

describe("a fetch", () => {
  it.effect("that dies fails its callers with the defect, and the next call fetches again", () =>
    Effect.gen(function*() {
      let broken = true
      const provider = cache(() => {
        if (broken) throw new Error("a bug")
        return assertion("canary-opaque")
      })
      const defect = yield* Effect.catchAllDefect(provider(request), (error) => Effect.succeed(String(error)))
      expect(defect).toBe("Error: a bug")
      broken = false
      yield* provider(request)
    }))

  it.effect("without an owner, continues while one of its callers waits, and ends with the last", () =>
    Effect.gen(function*() {
      let fetches = 0
      let interrupted = 0
      const provider = cache(() =>
        Effect.suspend(() => {
          fetches++
          return Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
        })
      )
      const first = yield* Effect.fork(provider(request))
      const second = yield* Effect.fork(provider(request))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* Effect.yieldNow()
      expect([fetches, interrupted]).toEqual([1, 0])
      yield* Fiber.interrupt(second)
      yield* Effect.yieldNow()
      expect([fetches, interrupted]).toEqual([1, 1])
    }))

  const owned = (fetch: Fetch) =>
    Effect.map(OwnedFibers.make(), (fibers) =>
      cache(fetch, {
        owner: {
          fibers,
          onClosed: () => new AssertionError({ reason: "Unavailable", description: "closed" }),
          onInterrupted: () => new AssertionError({ reason: "Unavailable", description: "interrupted" })
        }
      }))

  it.scoped("with an owner, continues without its callers, and its assertion is cached", () =>
    Effect.gen(function*() {
      let fetches = 0
      const gate = yield* Deferred.make<void>()
      const provider = yield* owned(() => {
        fetches++
        return Effect.zipRight(Deferred.await(gate), assertion("canary-1", true))
      })
      const caller = yield* Effect.fork(provider(request))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(caller)
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.yieldNow()
      expect(Redacted.value(yield* provider(request))).toBe("canary-1")
      expect(fetches).toBe(1)
    }))

  it.effect("with an owner, fails with the error of `onClosed` when the owner's scope ends, and so do later calls", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const provider = yield* Scope.extend(owned(() => Effect.never), scope)
      const caller = yield* Effect.fork(Effect.flip(provider(request)))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(caller)).message).toBe("closed")
      expect((yield* Effect.flip(provider(request))).message).toBe("closed")
    }))

  it.scoped("with an owner, fails with the error of `onInterrupted` when it interrupts itself", () =>
    Effect.gen(function*() {
      const provider = yield* owned(() => Effect.interrupt)
      expect((yield* Effect.flip(provider(request))).message).toBe("interrupted")
    }))
})

describe("a fetch that several callers wait for", () => {
  const owner = Effect.map(OwnedFibers.make(), (fibers) => ({
    fibers,
    onClosed: () => new AssertionError({ reason: "Unavailable", description: "closed" }),
    onInterrupted: () => new AssertionError({ reason: "Unavailable", description: "interrupted" })
  }))

  it.scoped.each([
    { name: "with an owner", make: Effect.map(owner, (owner) => ({ owner })) },
    { name: "without an owner", make: Effect.succeed({}) }
  ])(
    "is given up and repeated once if it ended together with the request that began it ($name)",
    ({ make }) =>
      Effect.gen(function*() {
        const { clock, platform } = yield* makeWorkerClock
        let fetches = 0
        const provider = cache(
          () => Effect.suspend(() => ++fetches === 1 ? Effect.never : assertion("canary-1")),
          yield* Effect.withClock(make, clock)
        )
        yield* Effect.fork(Effect.withClock(provider(request), clock))
        yield* settle
        platform.isOver = true
        const callers = yield* many(3, provider(request))
        yield* TestClock.adjust("3 seconds")
        for (const exit of yield* outcomes(callers)) {
          expect(Exit.isSuccess(exit) && Redacted.value(exit.value)).toBe("canary-1")
        }
        expect(fetches).toBe(2)
      })
  )

  it.scoped.each([
    { name: "can be interrupted", hang: Effect.never },
    { name: "cannot be interrupted", hang: Effect.uninterruptible(Effect.never) }
  ])(
    "fails after a minute if it hangs and $name, and the next caller starts another",
    ({ hang }) =>
      Effect.gen(function*() {
        let fetches = 0
        const provider = cache(() => Effect.suspend(() => ++fetches === 1 ? hang : assertion("canary-1")))
        const callers = yield* many(3, Effect.flip(provider(request)))
        yield* TestClock.adjust("1 minute")
        for (const exit of yield* outcomes(callers)) {
          expect(exit).toMatchObject({ value: { _tag: "AssertionError", reason: "Unavailable" } })
        }
        expect(Redacted.value(yield* provider(request))).toBe("canary-1")
        expect(fetches).toBe(2)
      })
  )
})

describe("isFresh", () => {
  it.each([
    [3600, 3539],
    [300, 239],
    [60, 47],
    [1, 0]
  ])("an assertion that lives %d s is fresh for at least %d s", (life, used) => {
    for (const obtainedAt of [0, Date.UTC(2026, 0)]) {
      const expiresAt = obtainedAt + life * 1000
      const one = { value: Redacted.make("canary"), once: false, obtainedAt, expiresAt }
      expect(AssertionCache.isFresh(one, obtainedAt + used * 1000)).toBe(true)
      expect(AssertionCache.isFresh(one, obtainedAt + (used + 1) * 1000)).toBe(false)
    }
  })
})

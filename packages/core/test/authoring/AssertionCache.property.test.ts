import { describe, expect } from "@effect/vitest"
import { Cause, Clock, Effect, Either, Exit, Fiber, Redacted } from "effect"
import * as FastCheck from "effect/FastCheck"
import * as AssertionCache from "../../src/authoring/AssertionCache.ts"
import { OAuthError } from "../../src/index.ts"
import * as Interleaving from "../support/interleaving.ts"
import { slow } from "../support/properties.ts"
import { effectProperty } from "../support/property.ts"

interface Caller {
  /** When the caller comes, in milliseconds, and which of the keys its request has. */
  readonly at: number
  readonly key: string
  /** When the caller is interrupted, counted from its arrival. `undefined`: never. */
  readonly interruptedAfter: number | undefined
}

/** One fetch of the source. Fetches take them in turn. */
interface Fetch {
  readonly takes: number
  readonly fails: boolean
  readonly once: boolean
  readonly life: number
}

const millis = FastCheck.integer({ min: 0, max: 3000 })

const caller = FastCheck.record<Caller>({
  at: FastCheck.integer({ min: 0, max: 20_000 }),
  key: FastCheck.constantFrom("a", "b"),
  interruptedAfter: FastCheck.option(millis, { nil: undefined, freq: 3 })
})

const fetch = FastCheck.record<Fetch>({
  takes: FastCheck.integer({ min: 0, max: 2000 }),
  fails: FastCheck.boolean(),
  once: FastCheck.boolean(),
  life: FastCheck.integer({ min: 3000, max: 60_000 })
})

const requestFor = (key: string) => ({
  audience: key,
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com",
  scopes: [],
  refused: []
})

describe("AssertionCache", () => {
  effectProperty(
    "whatever callers and fetches do: each caller has a valid assertion of its key, and one for one use has one caller",
    [
      FastCheck.array(caller, { minLength: 1, maxLength: 16 }),
      FastCheck.array(fetch, { minLength: 1, maxLength: 6 }),
      FastCheck.nat()
    ],
    ([callers, fetches, seed]) => Effect.promise(() => run(callers, fetches, seed)),
    slow
  )
})

const unavailable = new OAuthError.AssertionError({ reason: "Unavailable", description: "made up" })
const expired = new OAuthError.AssertionError({ reason: "Expired", description: "made up" })

interface Issued {
  readonly key: string
  readonly once: boolean
  readonly expiresAt: number
}

const run = async (callers: ReadonlyArray<Caller>, fetches: ReadonlyArray<Fetch>, seed: number): Promise<void> => {
  const world = await Interleaving.make(seed)
  let count = 0
  let failed = 0
  const issued = new Map<string, Issued>()
  const source = AssertionCache.make({
    keyOf: ({ audience }) => audience,
    fetch: ({ audience }) =>
      Effect.gen(function*() {
        const number = count++
        const { fails = false, life = 0, once = false, takes = 0 } = fetches[number % fetches.length] ?? {}
        yield* Effect.sleep(takes)
        if (fails) {
          failed++
          return yield* unavailable
        }
        const now = yield* Clock.currentTimeMillis
        const value = `canary-assertion-${number}`
        issued.set(value, { key: audience, once, expiresAt: now + life })
        return { value: Redacted.make(value), once, obtainedAt: now, expiresAt: now + life }
      }),
    check: ({ expiresAt }, _, now) => expiresAt !== undefined && now < expiresAt ? Either.void : Either.left(expired)
  })
  type Returned = readonly [Redacted.Redacted, number]
  const exits = new Map<number, Exit.Exit<Returned, OAuthError.AssertionError>>()
  callers.forEach((caller, index) =>
    world.fork(Effect.gen(function*() {
      yield* Effect.sleep(caller.at)
      const call = Effect.zip(source(requestFor(caller.key)), Clock.currentTimeMillis)
      const fiber = yield* Effect.forkDaemon(call)
      // The fiber may be interrupted before it begins.
      fiber.addObserver((exit) => exits.set(index, exit))
      if (caller.interruptedAfter === undefined) return
      yield* Effect.sleep(caller.interruptedAfter)
      yield* Fiber.interrupt(fiber)
    }))
  )
  await world.wait(180_000)
  expect(exits.size).toBe(callers.length)
  const presented = new Set<string>()
  for (const [index, exit] of exits) {
    const { interruptedAfter, key } = callers[index] ?? {}
    if (Exit.isFailure(exit)) {
      const isExpected = Exit.isInterrupted(exit)
        ? interruptedAfter !== undefined
        : !Cause.isDie(exit.cause) && failed > 0
      expect(isExpected).toBe(true)
      continue
    }
    const [assertion, at] = exit.value
    const value = Redacted.value(assertion)
    const facts = issued.get(value)
    expect(facts?.key).toBe(key)
    expect(at).toBeLessThan(facts?.expiresAt ?? 0)
    if (facts?.once === true) expect(presented.has(value)).toBe(false)
    presented.add(value)
  }
}

import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Scope, TestClock } from "effect"
import {
  AccessToken,
  OAuthError,
  type OAuthEvent,
  RefreshPolicy,
  type TokenKey,
  TokenStorage
} from "../../../src/index.ts"
import { StorageGuard } from "../../../src/internal/lifecycle/storageGuard.ts"
import { makeToken, tagsOf } from "./fixtures.ts"

type Operation = OAuthError.TokenStorageError["operation"]
type Storage = TokenStorage.TokenStorage.Service

const key: TokenKey.TokenKey = {
  issuer: "https://auth.example.com",
  clientId: "client",
  authenticationMethod: "none",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: [],
  parameters: []
}

const error = (operation: Operation, reason?: OAuthError.TokenStorageError["reason"]) =>
  new OAuthError.TokenStorageError({ operation, description: "made up.", ...(reason === undefined ? {} : { reason }) })

/** A guard of a storage in memory of which some operations are others, and the events that it publishes. */
const make = (changes: Partial<Storage> = {}, options?: Partial<RefreshPolicy.Options>, of = key) =>
  Effect.gen(function*() {
    const memory = yield* TokenStorage.makeMemory
    const events: Array<OAuthEvent.OAuthEvent> = []
    const guard = new StorageGuard({
      storage: { ...memory, ...changes },
      key: of,
      policy: RefreshPolicy.make(options),
      clock: yield* Effect.clock,
      publish: (event) => Effect.sync(() => events.push(event))
    })
    const failures = () => events.flatMap((event) => event._tag === "StorageFailed" ? [event.error] : [])
    return { guard, memory, events, failures }
  })

/** How long the effect takes, in milliseconds, and its value. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const from = clock.unsafeCurrentTimeMillis()
    const fiber = yield* Effect.fork(Effect.map(effect, (value) => [clock.unsafeCurrentTimeMillis() - from, value]))
    for (let seconds = 0; seconds < 120 && fiber.unsafePoll() === null; seconds++) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

/** Counts how often an operation is used. */
const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  let uses = 0
  return { uses: () => uses, effect: Effect.suspend(() => (uses++, effect)) }
}

const nothing = Effect.succeedNone

describe("StorageGuard: an operation", () => {
  it.effect("of a storage that works has its effect and publishes nothing", () =>
    Effect.gen(function*() {
      const { events, guard } = yield* make()
      const token = makeToken()
      expect(yield* guard.get()).toEqual(Option.none())
      yield* guard.set(token)
      expect(yield* guard.get()).toEqual(Option.some(token))
      yield* guard.remove(token)
      expect(yield* guard.get()).toEqual(Option.none())
      expect(events).toEqual([])
    }))

  it.effect("that fails returns nothing and publishes its error", () =>
    Effect.gen(function*() {
      const { failures, guard } = yield* make({ get: () => error("get", "Refused"), set: () => error("set") })
      expect(yield* guard.get()).toEqual(Option.none())
      yield* guard.set(makeToken())
      expect(failures().map(({ operation, reason }) => [operation, reason])).toEqual([
        ["get", "Refused"],
        ["set", "Unavailable"]
      ])
    }))

  it.effect("that hangs ends after `storageTimeout`, is interrupted, and the error names the option", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const { failures, guard } = yield* make(
        { get: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++)) },
        { storageTimeout: "3 seconds" }
      )
      expect(yield* timed(guard.get())).toEqual([3000, Option.none()])
      expect(interrupted).toBe(1)
      expect(failures()[0]?.message).toContain("`refreshPolicy.storageTimeout`")
    }))

  it.effect("that cannot be interrupted delays no caller beyond `storageTimeout`", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const { guard } = yield* make({ set: () => Effect.uninterruptible(Deferred.await(ended)) })
      expect(yield* timed(guard.set(makeToken()))).toEqual([5000, undefined])
      yield* Deferred.succeed(ended, undefined)
    }))

  it.effect("that returns something else than a token fails as damaged", () =>
    Effect.gen(function*() {
      const { failures, guard } = yield* make({
        get: () => Effect.succeed(Option.some(JSON.parse("{\"value\":\"<redacted>\"}")))
      })
      expect(yield* guard.get()).toEqual(Option.none())
      expect(failures()).toMatchObject([{ operation: "get", reason: "Damaged" }])
    }))

  it.effect.each(
    [
      ["https://other.example.com", ["Foreign"]],
      ["https://auth.example.com/tenant", ["Foreign"]],
      ["https://auth.example.com/", []]
    ] as const
  )(
    "that returns a token of the issuer %s, where https://auth.example.com is pinned, fails with %j",
    ([issuer, reasons]) =>
      Effect.gen(function*() {
        const token = AccessToken.copy(makeToken(), { issuer })
        const { failures, guard } = yield* make({ get: () => Effect.succeedSome(token) })
        expect(Option.isSome(yield* guard.get())).toBe(reasons.length === 0)
        expect(failures().map(({ reason }) => reason)).toEqual(reasons)
      })
  )

  it.effect("that returns a token of any issuer succeeds where the server names the issuer", () =>
    Effect.gen(function*() {
      const { failures, guard, memory } = yield* make({}, undefined, { ...key, issuer: "discover" })
      yield* memory.set({ ...key, issuer: "discover" }, makeToken())
      expect(Option.isSome(yield* guard.get())).toBe(true)
      expect(failures()).toEqual([])
    }))
})

describe("StorageGuard: what discovery has found", () => {
  const record = { issuer: key.issuer, confirmedAt: 0 }
  const discovery = (changes: Partial<TokenStorage.TokenStorage.DiscoveryOperations>) => ({
    discovery: { get: () => nothing, set: () => Effect.void, ...changes }
  })

  it.effect("is stored and read, for all scopes, subjects and parameters of one client and server", () =>
    Effect.gen(function*() {
      const keys: Array<TokenKey.TokenKey> = []
      const { memory } = yield* make()
      const { events, guard } = yield* make(
        {
          discovery: memory.discovery && {
            get: (key) => Effect.suspend(() => (keys.push(key), memory.discovery?.get(key) ?? nothing)),
            set: (key, record) => Effect.suspend(() => memory.discovery?.set(key, record) ?? Effect.void)
          }
        },
        undefined,
        { ...key, subject: "alice", scopes: ["a"], parameters: [["audience", "x"]] }
      )
      expect(yield* guard.getDiscovery()).toEqual(Option.none())
      expect(yield* guard.setDiscovery(record)).toBe(true)
      expect(yield* guard.getDiscovery()).toEqual(Option.some(record))
      expect(keys).toEqual([key, key])
      expect(events).toEqual([])
    }))

  it.effect("is not there, and cannot be stored, in a storage of tokens alone, which publishes nothing", () =>
    Effect.gen(function*() {
      const { events, guard } = yield* make({ discovery: undefined })
      expect(yield* guard.setDiscovery(record)).toBe(false)
      expect(yield* guard.getDiscovery()).toEqual(Option.none())
      expect(events).toEqual([])
    }))

  const faults: ReadonlyArray<
    readonly [name: string, fault: Effect.Effect<never, OAuthError.TokenStorageError>, millis: number, message: string]
  > = [
    ["fails", Effect.suspend(() => error("get", "Refused")), 0, "made up"],
    ["hangs", Effect.never, 5000, "`refreshPolicy.storageTimeout`"],
    ["dies", Effect.dieMessage("out of order"), 0, "a bug in the storage"]
  ]
  for (const [name, fault, millis, message] of faults) {
    it.effect(`in a storage that ${name} is none, and a StorageFailed event has the reason`, () =>
      Effect.gen(function*() {
        const { failures, guard } = yield* make(discovery({ get: () => fault, set: () => fault }))
        expect(yield* timed(guard.getDiscovery())).toEqual([millis, Option.none()])
        yield* TestClock.adjust("1 minute")
        expect(yield* timed(guard.setDiscovery(record))).toEqual([millis, false])
        expect(failures().map(({ message }) => message)).toEqual([
          expect.stringContaining(message),
          expect.stringContaining(message)
        ])
      }))
  }

  it.effect("in a storage that hangs is not asked for during the pause", () =>
    Effect.gen(function*() {
      const get = counted(Effect.never)
      const { guard } = yield* make({ get: () => Effect.never, ...discovery({ get: () => get.effect }) })
      yield* timed(guard.get())
      expect(yield* timed(guard.getDiscovery())).toEqual([0, Option.none()])
      expect(get.uses()).toBe(0)
    }))

  for (
    const [name, value] of [
      ["a text", "{}"],
      ["a record without an issuer", "{\"confirmedAt\":0}"],
      ["a record that is too large", JSON.stringify({ ...record, issuer: "x".repeat(100_000) })]
    ] as const
  ) {
    it.effect(`that is ${name} counts as damaged`, () =>
      Effect.gen(function*() {
        const stored = name === "a text" ? value : JSON.parse(value)
        const { failures, guard } = yield* make(discovery({ get: () => Effect.succeed(Option.some(stored)) }))
        expect(yield* guard.getDiscovery()).toEqual(Option.none())
        expect(failures()).toMatchObject([{ operation: "get", reason: "Damaged" }])
      }))
  }
})

describe("StorageGuard: the pause of a storage that hangs", () => {
  it.effect("an operation that fails immediately begins no pause", () =>
    Effect.gen(function*() {
      const get = counted(error("get"))
      const { guard } = yield* make({ get: () => get.effect })
      yield* Effect.repeatN(guard.get(), 4)
      expect(get.uses()).toBe(5)
    }))

  it.effect("no other operation is used during the pause, and each pause is twice as long, up to `backoff.max`", () =>
    Effect.gen(function*() {
      const get = counted(Effect.never)
      const set = counted(Effect.void)
      const { guard } = yield* make({ get: () => get.effect, set: () => set.effect }, {
        storageTimeout: "2 seconds",
        backoff: { base: 1, max: "7 seconds" }
      })
      const pauses: Array<number> = []
      for (let round = 0; round < 4; round++) {
        yield* timed(guard.get())
        let pause = 0
        for (const before = get.uses(); get.uses() === before; pause++) {
          const reading = yield* Effect.fork(guard.get())
          yield* TestClock.adjust(0)
          if (get.uses() > before) {
            yield* Fiber.interrupt(reading)
            break
          }
          yield* guard.set(makeToken())
          yield* TestClock.adjust("1 second")
        }
        pauses.push(pause)
      }
      expect(pauses).toEqual([2, 4, 7, 7])
      expect(set.uses()).toBe(0)
    }))

  it.effect("an operation that fails by itself after a second counts as one that hangs", () =>
    Effect.gen(function*() {
      for (const [delay, uses] of [["999 millis", 2], ["1 second", 1]] as const) {
        const get = counted(Effect.delay(error("get"), delay))
        const { guard } = yield* make({ get: () => get.effect })
        yield* timed(guard.get())
        yield* timed(guard.get())
        expect(get.uses()).toBe(uses)
      }
    }))

  it.effect("an operation that hangs beyond a `storageTimeout` of less than a second begins a pause too", () =>
    Effect.gen(function*() {
      const get = counted(Effect.never)
      const { guard } = yield* make({ get: () => get.effect }, { storageTimeout: "200 millis" })
      const reading = yield* Effect.fork(guard.get())
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(reading)
      yield* guard.get()
      expect(get.uses()).toBe(1)
    }))

  it.effect("an operation that works again starts the length of pauses anew", () =>
    Effect.gen(function*() {
      let hangs = true
      const get = counted(Effect.suspend(() => hangs ? Effect.never : nothing))
      const { guard } = yield* make({ get: () => get.effect })
      for (const pause of ["5 seconds", "10 seconds"] as const) {
        yield* timed(guard.get())
        yield* TestClock.adjust(pause)
      }
      hangs = false
      yield* guard.get()
      hangs = true
      yield* timed(guard.get())
      yield* TestClock.adjust("5 seconds")
      yield* timed(guard.get())
      expect(get.uses()).toBe(5)
    }))

  it.effect("a clock that was set back to before the pause ends the pause", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      const get = counted(Effect.never)
      const { guard } = yield* make({ get: () => get.effect })
      yield* timed(guard.get())
      yield* TestClock.setTime(0)
      yield* timed(guard.get())
      expect(get.uses()).toBe(2)
    }))
})

describe("StorageGuard: recovery", () => {
  it.effect("is published once, when the failed operation works again", () =>
    Effect.gen(function*() {
      let works = false
      const { events, guard } = yield* make({ get: () => works ? nothing : error("get") })
      yield* guard.get()
      yield* guard.get()
      works = true
      yield* guard.get()
      yield* guard.get()
      expect(tagsOf(events)).toEqual(["StorageFailed", "StorageFailed", "StorageRecovered"])
    }))

  it.effect("of reading is that of the whole storage, if reading had failed", () =>
    Effect.gen(function*() {
      let works = false
      const { events, guard } = yield* make({
        get: () => works ? nothing : error("get"),
        set: () => error("set"),
        lease: () => error("lease")
      })
      yield* guard.get()
      yield* guard.set(makeToken())
      yield* Effect.scoped(guard.lease(nothing))
      works = true
      yield* guard.get()
      expect(tagsOf(events).at(-1)).toBe("StorageRecovered")
    }))

  it.effect("of writing is not proven by reading, if only writing had failed", () =>
    Effect.gen(function*() {
      let works = false
      const { events, guard } = yield* make({ set: () => works ? Effect.void : error("set") })
      yield* guard.set(makeToken())
      yield* guard.get()
      expect(tagsOf(events)).toEqual(["StorageFailed"])
      works = true
      yield* guard.set(makeToken())
      expect(tagsOf(events)).toEqual(["StorageFailed", "StorageRecovered"])
    }))

  it.effect("of removing is proven by writing", () =>
    Effect.gen(function*() {
      const { events, guard } = yield* make({ remove: () => error("remove") })
      yield* guard.remove(makeToken())
      yield* guard.set(makeToken())
      expect(tagsOf(events)).toEqual(["StorageFailed", "StorageRecovered"])
    }))

  it.effect("is not published after a lost lease, because another process was faster and nothing had failed", () =>
    Effect.gen(function*() {
      let works = false
      const { events, guard } = yield* make({ set: () => works ? Effect.void : error("set", "LeaseLost") })
      yield* guard.set(makeToken())
      works = true
      yield* guard.set(makeToken())
      expect(tagsOf(events)).toEqual(["StorageFailed"])
    }))
})

describe("StorageGuard: the lease", () => {
  /** A storage whose lease is held by another process until the result is run. */
  const held = (memory: Storage) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.extend(memory.lease(key), scope)
      return Scope.close(scope, Exit.void)
    })

  it.effect("is held until the scope ends", () =>
    Effect.gen(function*() {
      const { guard, memory } = yield* make()
      const scope = yield* Scope.make()
      expect(yield* Scope.extend(guard.lease(nothing), scope)).toEqual(Option.none())
      const other = yield* Effect.fork(Effect.scoped(memory.lease(key)))
      yield* TestClock.adjust("1 hour")
      expect(other.unsafePoll()).toBe(null)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(other)
    }))

  it.effect("of another is waited for, with a look each second, and the wait ends with what a look finds", () =>
    Effect.gen(function*() {
      const { guard, memory } = yield* make()
      yield* held(memory)
      const token = makeToken()
      const looks: Array<number> = []
      const clock = yield* Effect.clock
      const look = Effect.sync((): Option.Option<AccessToken.AccessToken> => {
        looks.push(clock.unsafeCurrentTimeMillis())
        return looks.length < 3 ? Option.none() : Option.some(token)
      })
      expect(yield* timed(Effect.scoped(guard.lease(look)))).toEqual([3000, Option.some(token)])
      expect(looks).toEqual([1000, 2000, 3000])
    }))

  it.effect("of another is taken as soon as it is given back", () =>
    Effect.gen(function*() {
      const { events, guard, memory } = yield* make()
      const release = yield* held(memory)
      const waiting = yield* Effect.fork(Effect.scoped(guard.lease(nothing)))
      yield* TestClock.adjust("1500 millis")
      expect(waiting.unsafePoll()).toBe(null)
      yield* release
      yield* TestClock.adjust(0)
      expect(yield* Fiber.join(waiting)).toEqual(Option.none())
      expect(events).toEqual([])
    }))

  it.effect("of another is waited for during `leaseTimeout` at most, and the error names the option", () =>
    Effect.gen(function*() {
      const { failures, guard, memory } = yield* make({}, { leaseTimeout: "3500 millis" })
      yield* held(memory)
      expect(yield* timed(Effect.scoped(guard.lease(nothing)))).toEqual([3500, Option.none()])
      expect(failures()[0]?.message).toContain("`refreshPolicy.leaseTimeout`")
    }))

  it.effect("that is long in coming does not pause the other operations", () =>
    Effect.gen(function*() {
      const get = counted(nothing)
      const lease = counted(Effect.never)
      const { guard } = yield* make({ get: () => get.effect, lease: () => lease.effect })
      yield* timed(Effect.scoped(guard.lease(nothing)))
      yield* Effect.scoped(guard.lease(nothing))
      yield* guard.get()
      expect([get.uses(), lease.uses()]).toEqual([1, 1])
    }))

  it.effect("is waited for without looks while reading fails", () =>
    Effect.gen(function*() {
      const { guard, memory } = yield* make({ get: () => error("get") }, { leaseTimeout: "4 seconds" })
      yield* held(memory)
      yield* guard.get()
      const look = counted(nothing)
      yield* timed(Effect.scoped(guard.lease(look.effect)))
      expect(look.uses()).toBe(0)
    }))

  it.effect("is no longer waited for when a look has found a token, when its time limit is over, or after an interruption", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const { guard } = yield* make({
        lease: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      })
      yield* timed(Effect.scoped(guard.lease(Effect.succeedSome(makeToken()))))
      expect(interrupted).toBe(1)
      const waiting = yield* Effect.fork(Effect.scoped(guard.lease(nothing)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust(0)
      expect(interrupted).toBe(2)
      yield* timed(Effect.scoped(guard.lease(nothing)))
      expect(interrupted).toBe(3)
    }))

  it.effect("whose wait is interrupted is not taken later", () =>
    Effect.gen(function*() {
      const { guard, memory } = yield* make()
      const release = yield* held(memory)
      const waiting = yield* Effect.fork(Effect.scoped(guard.lease(nothing)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(waiting)
      yield* release
      yield* Effect.scoped(memory.lease(key))
    }))

  it.effect("whose release hangs ends the scope after `storageTimeout`, with a `StorageFailed` event", () =>
    Effect.gen(function*() {
      const { failures, guard } = yield* make({
        lease: () => Effect.acquireRelease(Effect.void, () => Effect.never)
      })
      expect(yield* timed(Effect.scoped(guard.lease(nothing)))).toEqual([5000, Option.none()])
      expect(failures().map(({ operation }) => operation)).toEqual(["lease"])
    }))

  it.effect("whose release works does not end a failure, because the lease may never have been granted", () =>
    Effect.gen(function*() {
      const { events, guard } = yield* make({
        lease: () => Effect.zipRight(Effect.addFinalizer(() => Effect.void), error("lease"))
      })
      yield* Effect.scoped(guard.lease(nothing))
      expect(tagsOf(events)).toEqual(["StorageFailed"])
    }))
})

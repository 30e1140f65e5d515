import { pause } from "@effect-mcp-auth/leak-recorder"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Option, Scope, TestClock } from "effect"
import { AccessToken, OAuthError, TokenKey, TokenStorage } from "../../../src/index.ts"
import { environment, makeProvider, settle, tags, valueOf, watch } from "../../support/provider.ts"

/** A storage whose writes wait until the test allows them. */
const slowToWrite = Effect.gen(function*() {
  const memory = yield* TokenStorage.makeMemory
  const written = yield* Deferred.make<void>()
  const slow: TokenStorage.TokenStorage.Service = {
    ...memory,
    set: (key, token) => Effect.zipRight(Deferred.await(written), memory.set(key, token))
  }
  return { slow, written }
})

describe("TokenLifecycle with a storage", () => {
  it.scoped("a stored token is used without any request", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* Effect.scoped(Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken))
      yield* network.clear
      const provider = yield* makeProvider()
      const seen = yield* watch(provider)
      yield* provider.accessToken
      expect(yield* network.requests).toEqual([])
      expect(tags(yield* seen)).toEqual(["TokenLoaded"])
    }).pipe(Effect.provide(environment())))

  it.scoped("a stored token that has expired or comes from the future is not used", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* TestClock.setTime(3_600_000)
      yield* Effect.scoped(Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken))
      yield* TestClock.setTime(0)
      yield* Effect.scoped(Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken))
      yield* TestClock.setTime(3_600_000)
      yield* Effect.scoped(Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken))
      expect(yield* network.count("token")).toBe(3)
    }).pipe(Effect.provide(environment())))

  it.scoped("a provider that waits for the lease finds the stored token within a second, also if the lease is not given back", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const memory = yield* TokenStorage.makeMemory
      const ended = yield* Deferred.make<void>()
      const open = (storage: TokenStorage.TokenStorage.Service) =>
        makeProvider().pipe(Effect.provideService(TokenStorage.TokenStorage, storage))
      const holder = yield* open({
        ...memory,
        set: (key, token) => Effect.zipRight(memory.set(key, token), Deferred.await(ended))
      })
      let left = 0
      const waiter = yield* open({
        ...memory,
        lease: (key) => Effect.onInterrupt(memory.lease(key), () => Effect.sync(() => left++))
      })
      const seen = yield* watch(waiter)
      yield* network.script("token", Answer.delayed("3500 millis", Answer.proceed))
      const first = yield* Effect.fork(holder.accessToken)
      yield* settle
      const second = yield* Effect.fork(waiter.accessToken)
      yield* TestClock.adjust("3500 millis")
      const token = yield* Fiber.join(first)
      expect(second.unsafePoll()).toBe(null)
      yield* TestClock.adjust("500 millis")
      expect(AccessToken.isSame(yield* Fiber.join(second), token)).toBe(true)
      expect(yield* network.count("token")).toBe(1)
      expect(tags(yield* seen)).toEqual(["TokenLoaded"])
      expect(left).toBe(1)
      yield* Deferred.succeed(ended, undefined)
    }).pipe(Effect.provide(environment())))

  it.scoped("a provider whose storage hangs or dies carries on without it", () =>
    Effect.gen(function*() {
      const hangs = () => Effect.never
      const dies = () => Effect.die("a bug")
      for (const get of [hangs, dies]) {
        const provider = yield* makeProvider().pipe(
          Effect.provideService(
            TokenStorage.TokenStorage,
            TokenStorage.make({ get, set: get, remove: get, lease: get })
          )
        )
        const seen = yield* watch(provider)
        const call = yield* Effect.fork(provider.accessToken)
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(call)
        const failed = (yield* seen).flatMap((event) => event._tag === "StorageFailed" ? [event.error.operation] : [])
        // A storage that hung is paused, so that not every step waits for it.
        expect(failed).toEqual(get === hangs ? ["get"] : ["get", "lease", "get", "set"])
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that returns something else than tokens fails as damaged, and the provider carries on without it", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const texts = new Map<string, string>()
      // The stored text says "<redacted>" in place of the token.
      const naive = TokenStorage.make({
        get: (key) => Effect.sync(() => Option.map(Option.fromNullable(texts.get(TokenKey.encode(key))), JSON.parse)),
        set: (key, token) => Effect.sync(() => texts.set(TokenKey.encode(key), JSON.stringify(token))),
        remove: (key) => Effect.sync(() => texts.delete(TokenKey.encode(key)))
      })
      const open = makeProvider().pipe(Effect.provideService(TokenStorage.TokenStorage, naive))
      yield* Effect.scoped(Effect.flatMap(open, ({ accessToken }) => accessToken))
      expect(texts.size).toBe(1)
      const provider = yield* open
      const seen = yield* watch(provider)
      expect(valueOf(yield* provider.accessToken)).not.toContain("redacted")
      expect(yield* network.count("token")).toBe(2)
      const [event] = yield* seen
      expect(event).toMatchObject({ _tag: "StorageFailed", error: { operation: "get", reason: "Damaged" } })
    }).pipe(Effect.provide(environment())))

  it.scoped("a rejected token is removed from the storage and not used again", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const storage = yield* TokenStorage.TokenStorage
      const removed: Array<TokenKey.TokenKey> = []
      const provider = yield* makeProvider().pipe(
        Effect.provideService(TokenStorage.TokenStorage, {
          ...storage,
          remove: (key, token) => Effect.zipRight(Effect.sync(() => removed.push(key)), storage.remove(key, token))
        })
      )
      const rejected = yield* provider.accessToken
      yield* network.script("token", Answer.status(503))
      const renewing = yield* Effect.fork(provider.renew(rejected))
      yield* settle
      expect(removed.length).toBe(1)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(renewing)
      expect(AccessToken.isSame(yield* provider.accessToken, rejected)).toBe(false)
    }).pipe(Effect.provide(environment())))

  it.scoped("a call with a fresh token does not read the storage", () =>
    Effect.gen(function*() {
      let gets = 0
      const memory = yield* TokenStorage.makeMemory
      const counting: TokenStorage.TokenStorage.Service = {
        ...memory,
        get: (key) =>
          Effect.suspend(() => {
            gets++
            return memory.get(key)
          })
      }
      const provider = yield* makeProvider().pipe(Effect.provideService(TokenStorage.TokenStorage, counting))
      yield* provider.accessToken
      const cold = gets
      for (let call = 0; call < 100; call++) yield* provider.accessToken
      expect(gets).toBe(cold)
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that is down: the provider asks the authorization server and publishes each failure", () =>
    Effect.gen(function*() {
      const down = (operation: "get" | "set" | "remove" | "lease") => () =>
        Effect.fail(new OAuthError.TokenStorageError({ operation, description: "out of order" }))
      const provider = yield* makeProvider().pipe(
        Effect.provideService(
          TokenStorage.TokenStorage,
          TokenStorage.make({ get: down("get"), set: down("set"), remove: down("remove"), lease: down("lease") })
        )
      )
      const seen = yield* watch(provider)
      yield* provider.accessToken
      const events = yield* seen
      expect(events.flatMap((event) => event._tag === "StorageFailed" ? [event.error.operation] : [])).toEqual([
        "get",
        "lease",
        "get",
        "set"
      ])
      expect(tags(events)).toContain("TokenObtained")
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage whose lease alone fails is not reported as recovered, and a lease that hangs is paused longer each time", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      let lease: TokenStorage.TokenStorage.Service["lease"] = () =>
        Effect.fail(new OAuthError.TokenStorageError({ operation: "lease", description: "out of order" }))
      let asked = 0
      // This test rejects tokens faster than a server would.
      const provider = yield* makeProvider({ refreshPolicy: { rejectionMemory: Duration.zero } }).pipe(
        Effect.provideService(TokenStorage.TokenStorage, {
          ...memory,
          lease: (key) =>
            Effect.suspend(() => {
              asked++
              return lease(key)
            })
        })
      )
      const seen = yield* watch(provider)
      const next = Effect.flatMap(provider.accessToken, provider.renew)
      yield* Effect.repeatN(Effect.zipRight(next, TestClock.adjust("10 seconds")), 2)
      const recovered = Effect.map(seen, (events) => tags(events).filter((tag) => tag === "StorageRecovered").length)
      expect(yield* recovered).toBe(0)
      expect(asked).toBe(4)

      lease = () => Effect.never
      /** The number of seconds for which the lease is not used again. */
      const pauseAfter = Effect.gen(function*() {
        const before = asked
        for (let seconds = 0;; seconds++) {
          const renewing = yield* Effect.fork(next)
          yield* settle
          if (asked > before) {
            yield* TestClock.adjust("30 seconds")
            yield* Fiber.join(renewing)
            return seconds
          }
          yield* Fiber.join(renewing)
          yield* TestClock.adjust("1 second")
        }
      })
      yield* pauseAfter
      const [first, second] = [yield* pauseAfter, yield* pauseAfter]
      expect(first).toBe(5)
      expect(second).toBe(10)
      expect(yield* recovered).toBe(0)
      lease = memory.lease
      yield* TestClock.adjust("1 minute")
      yield* next
      expect(yield* recovered).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that was down is reported as recovered by a provider that only reads from it afterwards", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      let away = true
      const down = (operation: "get" | "set" | "remove" | "lease") =>
        new OAuthError.TokenStorageError({ operation, description: "out of order" })
      const reader = yield* makeProvider().pipe(
        Effect.provideService(TokenStorage.TokenStorage, {
          get: (key) => Effect.suspend(() => away ? down("get") : memory.get(key)),
          set: (key, token) => Effect.suspend(() => away ? down("set") : memory.set(key, token)),
          remove: memory.remove,
          lease: (key) => Effect.suspend(() => away ? down("lease") : memory.lease(key))
        })
      )
      const writer = yield* makeProvider().pipe(Effect.provideService(TokenStorage.TokenStorage, memory))
      const seen = yield* watch(reader)
      const token = yield* reader.accessToken
      away = false
      yield* TestClock.adjust("10 seconds")
      yield* writer.accessToken
      yield* reader.renew(token)
      expect(tags(yield* seen).slice(-2)).toEqual(["StorageRecovered", "TokenLoaded"])
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that is slow to read does not prolong the wait for a lease beyond its limit", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      for (const fails of [false, true]) {
        const provider = yield* makeProvider().pipe(
          Effect.provideService(TokenStorage.TokenStorage, {
            ...memory,
            get: (key) =>
              fails
                ? Effect.fail(new OAuthError.TokenStorageError({ operation: "get", description: "out of order" }))
                : Effect.delay(memory.get(key), "4900 millis"),
            lease: () => Effect.never
          })
        )
        const seen = yield* watch(provider)
        const call = yield* Effect.fork(provider.accessToken)
        yield* TestClock.adjust("45 seconds")
        yield* Fiber.join(call)
        const failed = (yield* seen).filter(({ _tag }) => _tag === "StorageFailed")
        expect(failed.length).toBeLessThanOrEqual(4)
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that dies publishes where it died, and no part of the token", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      const provider = yield* makeProvider().pipe(
        Effect.provideService(TokenStorage.TokenStorage, {
          ...memory,
          set: (_, token) =>
            Effect.sync(() => {
              const goOn = pause()
              const defect = new TypeError(`cannot keep ${valueOf(token)}`)
              goOn()
              throw defect
            })
        })
      )
      const seen = yield* watch(provider)
      yield* provider.accessToken
      const [failure] = (yield* seen).filter(({ _tag }) => _tag === "StorageFailed")
      expect(failure).toMatchObject({ error: { operation: "set", reason: "Unavailable" } })
      expect(failure?._tag === "StorageFailed" && failure.error.message).toMatch(
        /^TokenStorage.set: it died of a TypeError at .*\.ts:\d+:\d+\)?\. This is a bug in the storage\.$/
      )
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that is slow to write keeps no caller waiting, and the lease is held until it has written", () =>
    Effect.gen(function*() {
      const { slow, written } = yield* slowToWrite
      const { network } = yield* TestServers.TestServers
      const [here, there] = yield* Effect.all([makeProvider(), makeProvider()]).pipe(
        Effect.provideService(TokenStorage.TokenStorage, slow)
      )
      const first = yield* here.accessToken
      const other = yield* Effect.fork(there.accessToken)
      yield* settle
      expect(other.unsafePoll()).toBe(null)
      yield* Deferred.succeed(written, undefined)
      expect(AccessToken.isSame(yield* Fiber.join(other), first)).toBe(true)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a provider that is closed while it stores a token waits for that until `storageTimeout`", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      const stored: Array<AccessToken.AccessToken> = []
      const slow = (duration: Duration.DurationInput): TokenStorage.TokenStorage.Service => ({
        ...memory,
        set: (_, token) => Effect.delay(Effect.sync(() => stored.push(token)), duration)
      })
      for (const [duration, left] of [["4 seconds", 1], ["1 minute", 1]] as const) {
        const scope = yield* Scope.make()
        const provider = yield* Scope.extend(makeProvider(), scope).pipe(
          Effect.provideService(TokenStorage.TokenStorage, slow(duration))
        )
        yield* provider.accessToken
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* settle
        expect(closing.unsafePoll()).toBe(null)
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(closing)
        expect(stored.length).toBe(left)
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("a token that is rejected while it is being stored is replaced after it has been stored", () =>
    Effect.gen(function*() {
      const { slow, written } = yield* slowToWrite
      const provider = yield* makeProvider().pipe(Effect.provideService(TokenStorage.TokenStorage, slow))
      const rejected = yield* provider.accessToken
      const renewing = yield* Effect.fork(provider.renew(rejected))
      yield* settle
      expect(renewing.unsafePoll()).toBe(null)
      yield* Deferred.succeed(written, undefined)
      expect(AccessToken.isSame(yield* Fiber.join(renewing), rejected)).toBe(false)
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that hung is used again after the pause, and its recovery is published", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      let hangs = true
      let asked = 0
      const provider = yield* makeProvider().pipe(
        Effect.provideService(TokenStorage.TokenStorage, {
          ...memory,
          get: (key: TokenKey.TokenKey) =>
            Effect.suspend(() => {
              asked++
              return hangs ? Effect.never : memory.get(key)
            })
        })
      )
      const seen = yield* watch(provider)
      const first = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("5 seconds")
      const token = yield* Fiber.join(first)
      yield* TestClock.adjust("1 second")
      yield* provider.renew(token)
      expect(asked).toBe(1)
      hangs = false
      yield* TestClock.adjust("4 seconds")
      yield* Effect.flatMap(provider.accessToken, (token) => provider.renew(token))
      expect(asked).toBeGreaterThan(1)
      expect(tags(yield* seen)).toEqual([
        "StorageFailed",
        "TokenObtained",
        "TokenRejected",
        "TokenRenewed",
        "TokenRejected",
        "StorageRecovered",
        "TokenRenewed"
      ])
    }).pipe(Effect.provide(environment())))

  it.scoped("a lease that cannot be interrupted or given back does not block the provider or its end", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      const leases = [
        () => Effect.acquireRelease(Effect.never, () => Effect.void),
        () => Effect.acquireRelease(Effect.void, () => Effect.never)
      ]
      for (const lease of leases) {
        const scope = yield* Scope.make()
        const provider = yield* Scope.extend(makeProvider(), scope).pipe(
          Effect.provideService(TokenStorage.TokenStorage, { ...memory, get: () => Effect.succeedNone, lease })
        )
        const first = yield* Effect.fork(provider.accessToken)
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.join(first)
        yield* TestClock.adjust("2 hours")
        const second = yield* Effect.fork(provider.accessToken)
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(second)
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(closing)
      }
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that fails by itself after seconds is paused like one that hangs", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      let asked = 0
      const slow = Effect.suspend(() => {
        asked++
        return Effect.delay(
          new OAuthError.TokenStorageError({ operation: "get", description: "out of order" }),
          "3 seconds"
        )
      })
      const provider = yield* makeProvider().pipe(
        Effect.provideService(TokenStorage.TokenStorage, { ...memory, get: () => slow, lease: () => slow })
      )
      const call = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(call)
      expect(asked).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that hangs while the lease is held does not keep the lease from being given back", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      let hangs = true
      const storage: TokenStorage.TokenStorage.Service = {
        ...memory,
        set: (key, token) => hangs ? Effect.never : memory.set(key, token)
      }
      const [here, there] = yield* Effect.all([makeProvider(), makeProvider()]).pipe(
        Effect.provideService(TokenStorage.TokenStorage, storage)
      )
      yield* here.accessToken
      yield* TestClock.adjust("5 seconds")
      hangs = false
      const other = yield* Effect.fork(there.accessToken)
      yield* settle
      expect(other.unsafePoll()).not.toBe(null)
    }).pipe(Effect.provide(environment())))

  it.scoped("a storage that hangs beyond a `storageTimeout` of less than a second is paused as well", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      let asked = 0
      const hangs = Effect.suspend(() => {
        asked++
        return Effect.never
      })
      const provider = yield* makeProvider({ refreshPolicy: { storageTimeout: Duration.millis(200) } }).pipe(
        Effect.provideService(TokenStorage.TokenStorage, { ...memory, get: () => hangs, lease: () => hangs })
      )
      const call = yield* Effect.fork(provider.accessToken)
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(call)
      expect(asked).toBe(1)
    }).pipe(Effect.provide(environment())))
})

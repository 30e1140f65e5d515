import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, TestClock } from "effect"
import type { DiscoveryRecord } from "../../../src/index.ts"
import { RememberedDiscovery } from "../../../src/internal/lifecycle/rememberedDiscovery.ts"
import { record } from "../../support/storage.ts"

const DAY = 24 * 60 * 60 * 1000

/** A storage that counts its uses and remembers what was written. */
const make = (stored?: DiscoveryRecord.DiscoveryRecord, isFirstChoice = true) => {
  const written: Array<DiscoveryRecord.DiscoveryRecord> = []
  const state = { reads: 0, works: true }
  const remembered = new RememberedDiscovery({
    getDiscovery: () => Effect.sync(() => (state.reads++, Option.fromNullable(stored))),
    setDiscovery: (next) => Effect.sync(() => (written.push(next), state.works))
  }, isFirstChoice)
  return { remembered, state, written }
}

describe("RememberedDiscovery", () => {
  it.effect("reads the storage once, whether or not it has a record", () =>
    Effect.gen(function*() {
      for (const stored of [undefined, record]) {
        const { remembered, state } = make(stored)
        for (let times = 0; times < 3; times++) expect(yield* remembered.load).toBe(stored)
        expect(state.reads).toBe(1)
      }
    }))

  it.effect("a reading that was interrupted is made again: the record of the storage counts for the next caller", () =>
    Effect.gen(function*() {
      const started = yield* Deferred.make<void>()
      let reads = 0
      const remembered = new RememberedDiscovery({
        getDiscovery: () =>
          reads++ === 0
            ? Effect.zipRight(Deferred.succeed(started, undefined), Effect.never)
            : Effect.succeedSome(record),
        setDiscovery: () => Effect.succeed(true)
      }, true)
      const first = yield* Effect.fork(remembered.load)
      yield* Deferred.await(started)
      yield* Fiber.interrupt(first)
      expect(yield* remembered.load).toBe(record)
    }))

  const changes: ReadonlyArray<readonly [name: string, next: DiscoveryRecord.DiscoveryRecord, written: boolean]> = [
    ["is the same", { ...record }, false],
    ["has a later time", { ...record, confirmedAt: DAY - 1 }, false],
    ["has a time that is a day later", { ...record, confirmedAt: DAY }, true],
    ["has another issuer", { ...record, issuer: "https://other.example.com" }, false],
    ["has its issuer with a slash", { ...record, issuer: `${record.issuer}/` }, true],
    ["has the server's metadata read again", { ...record, protectedResource: { ...record.protectedResource } }, true],
    [
      "has the issuer's metadata read again",
      { ...record, authorizationServer: { ...record.authorizationServer } },
      true
    ],
    ["has lost a document", { ...record, authorizationServer: undefined }, true]
  ]
  for (const [name, next, expected] of changes) {
    it.effect(`a record that ${name} is ${expected ? "" : "not "}written`, () =>
      Effect.gen(function*() {
        const { remembered, written } = make(record)
        yield* remembered.load
        remembered.keep(next)
        yield* remembered.save
        yield* remembered.save
        expect(written).toEqual(expected ? [next] : [])
      }))
  }

  it.effect("a record with another issuer is written with `follow`", () =>
    Effect.gen(function*() {
      const { remembered, written } = make(record, false)
      yield* remembered.load
      const next = { ...record, issuer: "https://other.example.com" }
      remembered.keep(next)
      yield* remembered.save
      expect(written).toEqual([next])
    }))

  it.effect("of two processes that find other issuers, the first one's record stays for 30 days", () =>
    Effect.gen(function*() {
      let stored: DiscoveryRecord.DiscoveryRecord | undefined
      const storage = {
        getDiscovery: () => Effect.sync(() => Option.fromNullable(stored)),
        setDiscovery: (next: DiscoveryRecord.DiscoveryRecord) => Effect.sync(() => (stored = next, true))
      }
      const [first, second] = [new RememberedDiscovery(storage, true), new RememberedDiscovery(storage, true)]
      yield* first.load
      yield* second.load
      first.keep(record)
      yield* first.save
      const other = { ...record, issuer: "https://other.example.com", confirmedAt: 29 * DAY }
      second.keep(other)
      yield* second.save
      expect(stored).toBe(record)
      yield* TestClock.adjust("30 days")
      yield* second.save
      expect(stored).toBe(other)
    }))

  it.effect("writes nothing before something was found", () =>
    Effect.gen(function*() {
      const { remembered, written } = make()
      yield* remembered.save
      yield* remembered.forget
      expect(written).toEqual([])
    }))

  it.effect("writes again after a storage that failed has worked once more", () =>
    Effect.gen(function*() {
      const { remembered, state, written } = make()
      state.works = false
      remembered.keep(record)
      yield* remembered.save
      state.works = true
      yield* remembered.save
      yield* remembered.save
      expect(written).toEqual([record, record])
    }))

  it.effect("forgets a document in doubt in the storage, once, and keeps the rest", () =>
    Effect.gen(function*() {
      const { remembered, written } = make(record)
      yield* remembered.load
      expect(remembered.isInDoubt()).toBe(false)
      remembered.doubt("authorizationServer")
      expect(remembered.isInDoubt()).toBe(true)
      yield* remembered.forget
      expect(remembered.isInDoubt()).toBe(false)
      remembered.doubt("authorizationServer")
      expect(remembered.isInDoubt()).toBe(false)
      expect(written).toEqual([{ ...record, authorizationServer: undefined }])
    }))

  it.effect("a token that was obtained settles the doubt: the record that was found is written instead", () =>
    Effect.gen(function*() {
      const { remembered, written } = make(record)
      yield* remembered.load
      remembered.doubt("protectedResource")
      const next = { ...record, protectedResource: { ...record.protectedResource } }
      remembered.keep(next)
      yield* remembered.save
      expect(remembered.isInDoubt()).toBe(false)
      expect(written).toEqual([next])
    }))
})

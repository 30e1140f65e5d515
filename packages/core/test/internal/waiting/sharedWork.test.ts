import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Runtime, TestClock } from "effect"
import { type Limit, SharedWork } from "../../../src/internal/waiting/sharedWork.ts"
import { makeWorkerClock } from "../../support/workerClock.ts"
import { many, outcomes, settle } from "../../support/provider.ts"

const make = (work: Effect.Effect<number, string>, limit?: Limit<number, string>) =>
  Effect.gen(function*() {
    const { clock, platform: state } = yield* makeWorkerClock
    const fibers: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
    const runFork = Runtime.runFork(yield* Effect.runtime<never>())
    const fork = <A, E>(work: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> => {
      const fiber = runFork(work)
      fibers.push(fiber)
      return fiber
    }
    const shared = new SharedWork<number, string>({ clock, fork }, () => work, limit)
    const alive = () => fibers.filter((fiber) => fiber.unsafePoll() === null).length
    return { shared, state, fibers, alive }
  })

const tooLong = (millis: number): Limit<number, string> => ({
  millis,
  onTooLong: Effect.succeed(Exit.fail("too long"))
})

describe("SharedWork", () => {
  it.effect("work that never waits has its outcome as soon as it was started, in a single fiber", () =>
    Effect.gen(function*() {
      for (const end of [Exit.succeed(1), Exit.fail("no"), Exit.die("bug")]) {
        const { fibers, shared } = yield* make(end)
        expect([shared.isDelivered, shared.isOver, shared.hasSucceeded]).toEqual([true, true, Exit.isSuccess(end)])
        expect(yield* shared.outcome).toEqual(end)
        expect(fibers.length).toBe(1)
      }
    }))

  it.effect("10 callers wait for work that takes a minute and has a pulse, and no fiber is left afterwards", () =>
    Effect.gen(function*() {
      const { alive, shared } = yield* make(Effect.delay(Effect.succeed(7), "1 minute"))
      const callers = yield* many(10, shared.outcome)
      yield* TestClock.adjust("1 minute")
      for (const exit of yield* outcomes(callers)) expect(exit).toEqual(Exit.succeed(Exit.succeed(7)))
      yield* settle
      expect(alive()).toBe(0)
    }))

  it.effect("work whose timers have stopped is given up by all that wait, within 3 seconds, and is interrupted", () =>
    Effect.gen(function*() {
      const { alive, shared, state } = yield* make(Effect.never)
      const callers = yield* many(3, shared.outcome)
      yield* TestClock.adjust("10 seconds")
      expect(shared.isOver).toBe(false)
      state.isOver = true
      yield* TestClock.adjust("3 seconds")
      for (const exit of yield* outcomes(callers)) expect(exit).toEqual(Exit.succeed(undefined))
      expect([shared.isGivenUp, shared.isOver]).toEqual([true, true])
      yield* settle
      // The pulse that was stopped waits for ever, as it does in a Worker.
      expect(alive()).toBeLessThanOrEqual(1)
    }))

  it.effect("work whose timers have stopped 6 seconds ago is given up at once by the next caller", () =>
    Effect.gen(function*() {
      const { shared, state } = yield* make(Effect.never)
      state.isOver = true
      yield* TestClock.adjust("5 seconds")
      expect(shared.giveUpIfStale()).toBe(false)
      yield* TestClock.adjust("1 second")
      expect(yield* shared.outcome).toBe(undefined)
      expect(shared.isGivenUp).toBe(true)
    }))

  it.effect.each([
    { name: "can be interrupted", work: Effect.never },
    { name: "cannot be interrupted", work: Effect.uninterruptible(Effect.never) }
  ])("work that $name fails at its limit for all callers", ({ work }) =>
    Effect.gen(function*() {
      const { shared } = yield* make(work, tooLong(2000))
      const callers = yield* many(3, shared.outcome)
      yield* TestClock.adjust("1999 millis")
      expect(shared.isOver).toBe(false)
      yield* TestClock.adjust("1 millis")
      for (const exit of yield* outcomes(callers)) expect(exit).toEqual(Exit.succeed(Exit.fail("too long")))
      expect(shared.isGivenUp).toBe(true)
    }))

  it.effect("a late outcome after the limit changes nothing", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<number>()
      const { shared } = yield* make(Effect.uninterruptible(Deferred.await(gate)), tooLong(1000))
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(gate, 7)
      yield* settle
      expect(yield* shared.outcome).toEqual(Exit.fail("too long"))
      expect(shared.hasSucceeded).toBe(false)
    }))

  it.effect("work that has delivered its outcome may take longer than its limit", () =>
    Effect.gen(function*() {
      const { shared } = yield* make(Effect.never, tooLong(1000))
      shared.deliver(Exit.succeed(7))
      yield* TestClock.adjust("4 seconds")
      expect([shared.isOver, yield* shared.outcome]).toEqual([false, Exit.succeed(7)])
    }))

  it.effect("after a suspend that is longer than the limit, callers give the work up without an outcome", () =>
    Effect.gen(function*() {
      const { shared, state } = yield* make(Effect.never, tooLong(60_000))
      const caller = yield* Effect.fork(shared.outcome)
      yield* TestClock.adjust("1 second")
      state.ahead = 3_600_000
      yield* TestClock.adjust("1500 millis")
      expect(yield* Fiber.join(caller)).toBe(undefined)
    }))

  it.effect("a clock that is set back neither ends the work nor extends its limit", () =>
    Effect.gen(function*() {
      const { shared, state } = yield* make(Effect.never, tooLong(10_000))
      state.ahead = -3_600_000
      yield* TestClock.adjust("9 seconds")
      expect(shared.giveUpIfStale()).toBe(false)
      yield* TestClock.adjust("1 second")
      expect(yield* shared.outcome).toEqual(Exit.fail("too long"))
    }))

  it.effect("a caller that is interrupted stops neither the work nor other callers, and leaves no fiber", () =>
    Effect.gen(function*() {
      const { alive, shared } = yield* make(Effect.delay(Effect.succeed(7), "1 second"))
      const [first, second] = [yield* Effect.fork(shared.outcome), yield* Effect.fork(shared.outcome)]
      yield* settle
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(second)).toEqual(Exit.succeed(7))
      yield* settle
      expect(alive()).toBe(0)
    }))

  it.effect("an observer runs once when the work is over, and at once if it is over already", () =>
    Effect.gen(function*() {
      let seen = 0
      const { shared } = yield* make(Effect.never)
      shared.whenOver(() => seen++)
      expect(seen).toBe(0)
      shared.giveUp()
      shared.giveUp()
      expect(seen).toBe(1)
      shared.whenOver(() => seen++)
      expect(seen).toBe(2)
    }))
})

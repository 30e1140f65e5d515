import { describe, expect, it } from "@effect/vitest"
import { type Clock, Deferred, Duration, Effect, Fiber, Option, TestClock } from "effect"
import { repeatAsAsked, ScheduledRefresh } from "../../../src/internal/lifecycle/scheduledRefresh.ts"
import { changedClock } from "../../support/changedClock.ts"

interface Plan {
  /** The time of the last pulse of an attempt. */
  aliveAt?: number
  /** When to renew next. */
  next: number | undefined
  /** The work of each attempt. */
  renew: Effect.Effect<boolean>
}

const settle = TestClock.adjust(0)

/** A refresh whose plan the test changes, the moments of its attempts, and its fibers. */
const make = (plan: Plan, change: (clock: Clock.Clock) => Clock.Clock = (clock) => clock) =>
  Effect.gen(function*() {
    const clock = change(yield* Effect.clock)
    const runtime = yield* Effect.runtime<never>()
    const attempts: Array<number> = []
    const fibers: Array<Fiber.RuntimeFiber<unknown>> = []
    const refresh = new ScheduledRefresh({
      clock,
      next: () => plan.next,
      aliveAt: () => plan.aliveAt ?? 0,
      renew: Effect.suspend(() => {
        attempts.push(clock.unsafeCurrentTimeMillis())
        return plan.renew
      }),
      fork: (work) => {
        const fiber = Effect.runFork(Effect.provide(work, runtime))
        fibers.push(fiber)
        return fiber
      }
    })
    const alive = () => fibers.filter((fiber) => fiber.unsafePoll() === null).length
    return { refresh, attempts, fibers, alive }
  })

/** An attempt that brings a token, after which the next renewal is due at `next`. */
const renewed = (plan: Plan, next: number | undefined) =>
  Effect.sync(() => {
    plan.next = next
    return true
  })

describe("ScheduledRefresh", () => {
  it.effect("starts no fiber while there is nothing to renew", () =>
    Effect.gen(function*() {
      const { fibers, refresh } = yield* make({ next: undefined, renew: Effect.succeed(true) })
      refresh.unsafeWake()
      expect(fibers.length).toBe(0)
    }))

  it.effect("renews once at the planned moment, and ends when there is no next one", () =>
    Effect.gen(function*() {
      const plan: Plan = { next: 1000, renew: Effect.succeed(true) }
      plan.renew = renewed(plan, undefined)
      const { alive, attempts, refresh } = yield* make(plan)
      refresh.unsafeWake()
      yield* TestClock.adjust(999)
      expect(attempts).toEqual([])
      yield* TestClock.adjust(1)
      expect(attempts).toEqual([1000])
      expect(alive()).toBe(0)
    }))

  it.effect("renews immediately when the planned moment has passed", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(5000)
      const plan: Plan = { next: 1000, renew: Effect.succeed(true) }
      plan.renew = renewed(plan, undefined)
      const { attempts, refresh } = yield* make(plan)
      refresh.unsafeWake()
      yield* settle
      expect(attempts).toEqual([5000])
    }))

  it.effect("plans the next renewal itself after each token", () =>
    Effect.gen(function*() {
      const plan: Plan = { next: 1000, renew: Effect.succeed(true) }
      plan.renew = Effect.suspend(() => renewed(plan, plan.next === 1000 ? 3000 : undefined))
      const { alive, attempts, refresh } = yield* make(plan)
      refresh.unsafeWake()
      yield* TestClock.adjust(10_000)
      expect(attempts).toEqual([1000, 3000])
      expect(alive()).toBe(0)
    }))

  it.effect("repeats a failed attempt when `next` says, and stops when `next` says nothing", () =>
    Effect.gen(function*() {
      const plan: Plan = { next: 0, renew: Effect.succeed(false) }
      const nexts = [100, 250, undefined]
      plan.renew = Effect.sync(() => {
        plan.next = nexts.shift()
        return false
      })
      const { alive, attempts, refresh } = yield* make(plan)
      refresh.unsafeWake()
      yield* TestClock.adjust(10_000)
      expect(attempts).toEqual([0, 100, 250])
      expect(alive()).toBe(0)
    }))

  it.effect("a wake during an attempt neither starts a second attempt nor loses the next renewal", () =>
    Effect.gen(function*() {
      const answer = yield* Deferred.make<void>()
      const plan: Plan = { next: 0, renew: Effect.succeed(false) }
      plan.renew = Effect.zipRight(
        Deferred.await(answer),
        Effect.suspend(() => renewed(plan, plan.next === 0 ? 1000 : undefined))
      )
      const { alive, attempts, refresh } = yield* make(plan)
      refresh.unsafeWake()
      yield* settle
      for (let wakes = 0; wakes < 3; wakes++) refresh.unsafeWake()
      yield* settle
      expect(attempts).toEqual([0])
      expect(alive()).toBe(1)
      yield* Deferred.succeed(answer, undefined)
      yield* TestClock.adjust(1000)
      expect(attempts).toEqual([0, 1000])
    }))

  it.effect("an attempt without a pulse for 5 seconds is replaced at the next wake, and is interrupted", () =>
    Effect.gen(function*() {
      const plan: Plan = { next: 0, renew: Effect.never }
      const { alive, attempts, refresh } = yield* make(plan)
      refresh.unsafeWake()
      yield* TestClock.adjust("6 seconds")
      plan.aliveAt = 2000
      refresh.unsafeWake()
      yield* settle
      expect(attempts).toEqual([0])
      yield* TestClock.adjust("1 second")
      refresh.unsafeWake()
      yield* settle
      expect(attempts).toEqual([0, 7000])
      expect(alive()).toBe(1)
    }))

  it.effect("an earlier moment replaces the sleeping fiber, and the same or a later one does not", () =>
    Effect.gen(function*() {
      const plan: Plan = { next: 1000, renew: Effect.succeed(true) }
      plan.renew = renewed(plan, undefined)
      const { alive, attempts, fibers, refresh } = yield* make(plan)
      refresh.unsafeWake()
      refresh.unsafeWake()
      plan.next = 2000
      refresh.unsafeWake()
      expect(fibers.length).toBe(1)
      plan.next = 500
      refresh.unsafeWake()
      yield* settle
      expect(fibers.length).toBe(2)
      expect(alive()).toBe(1)
      yield* TestClock.adjust(500)
      expect(attempts).toEqual([500])
    }))

  it.effect("a moment that was moved further away is waited for, without an attempt before it", () =>
    Effect.gen(function*() {
      const plan: Plan = { next: 1000, renew: Effect.succeed(true) }
      plan.renew = renewed(plan, undefined)
      const { attempts, refresh } = yield* make(plan)
      refresh.unsafeWake()
      plan.next = 2000
      yield* TestClock.adjust(1999)
      expect(attempts).toEqual([])
      yield* TestClock.adjust(1)
      expect(attempts).toEqual([2000])
    }))

  it.effect("a wake after the machine was suspended past the planned moment renews immediately", () =>
    Effect.gen(function*() {
      let asleep = 0
      const plan: Plan = { next: 1000, renew: Effect.succeed(true) }
      plan.renew = renewed(plan, undefined)
      // The clock has advanced, and the timers have not.
      const { alive, attempts, refresh } = yield* make(plan, (clock) =>
        changedClock(clock, {
          unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + asleep
        }))
      refresh.unsafeWake()
      asleep = 60_000
      refresh.unsafeWake()
      yield* settle
      expect(attempts).toEqual([60_000])
      expect(alive()).toBe(0)
    }))

  it.effect("a fiber that was interrupted during an attempt does not keep later wakes from working", () =>
    Effect.gen(function*() {
      const plan: Plan = { next: 0, renew: Effect.never }
      const { attempts, fibers, refresh } = yield* make(plan)
      refresh.unsafeWake()
      yield* settle
      yield* Effect.forEach(fibers, Fiber.interrupt)
      refresh.unsafeWake()
      yield* settle
      expect(attempts).toEqual([0, 0])
      yield* Effect.forEach(fibers, Fiber.interrupt)
    }))

  it.effect("a moment further away than the longest timer is waited for in parts, with one attempt at its end", () =>
    Effect.gen(function*() {
      const at = 60 * 24 * 3_600_000
      const plan: Plan = { next: at, renew: Effect.succeed(true) }
      plan.renew = renewed(plan, undefined)
      const sleeps: Array<number> = []
      const { attempts, refresh } = yield* make(plan, (clock) =>
        Object.assign(Object.create(clock), {
          sleep: (duration: Duration.Duration) => {
            sleeps.push(Duration.toMillis(duration))
            return clock.sleep(duration)
          }
        }))
      refresh.unsafeWake()
      yield* TestClock.adjust("60 days")
      expect(sleeps).toEqual([2 ** 31 - 1])
      expect(attempts).toEqual([at])
    }))
})

describe("repeatAsAsked", () => {
  it.effect("waits as long as each look asks for, and stops when a look asks for nothing", () =>
    Effect.gen(function*() {
      const looks: Array<number> = []
      const waits = [Option.some(10), Option.some(20), Option.none<number>()]
      const look = Effect.map(Effect.clock, (clock) => {
        looks.push(clock.unsafeCurrentTimeMillis())
        return waits[looks.length - 1] ?? Option.none()
      })
      const fiber = yield* Effect.fork(repeatAsAsked(look))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      expect(looks).toEqual([0, 10, 30])
    }))

  it.effect("splits a wait that is longer than the longest timer", () =>
    Effect.gen(function*() {
      const at = 60 * 24 * 3_600_000
      const looks: Array<number> = []
      const look = Effect.map(Effect.clock, (clock) => {
        const now = clock.unsafeCurrentTimeMillis()
        looks.push(now)
        return now < at ? Option.some(at - now) : Option.none()
      })
      const fiber = yield* Effect.fork(repeatAsAsked(look))
      yield* TestClock.adjust("60 days")
      yield* Fiber.join(fiber)
      expect(looks).toEqual([0, 2 ** 31 - 1, 2 * (2 ** 31 - 1), at])
    }))
})

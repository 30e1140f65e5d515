import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FiberId, Runtime, TestClock } from "effect"
import { SingleFlight } from "../../../src/internal/lifecycle/singleFlight.ts"

const make = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const fork = Runtime.runFork(yield* Effect.runtime<never>())
  return new SingleFlight<string, number, string>({ clock, fork })
})

describe("SingleFlight", () => {
  it.effect("work is current until its fiber ends, however it ends", () =>
    Effect.gen(function*() {
      const flights = yield* make
      for (const end of [Exit.succeed(1), Exit.fail("no"), Exit.die("bug"), Exit.interrupt(FiberId.none)]) {
        const gate = yield* Deferred.make<number, string>()
        const flight = flights.start("a", () => Deferred.await(gate))
        expect(flights.current?.demand).toBe("a")
        yield* Deferred.done(gate, end)
        expect(yield* flight.outcome).toMatchObject({ _tag: end._tag })
        expect(flights.current).toBe(undefined)
      }
    }))

  it.effect("work that ends synchronously is not current afterwards, and has its outcome", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const flight = flights.start("a", () => Effect.succeed(1))
      expect(flights.current).toBe(undefined)
      expect(yield* flight.outcome).toEqual(Exit.succeed(1))
    }))

  it.effect("the end of older work does not clear newer work", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const gate = yield* Deferred.make<number, string>()
      const older = flights.start("a", () => Deferred.await(gate))
      flights.start("b", () => Effect.never)
      yield* Deferred.succeed(gate, 1)
      yield* older.outcome
      expect(flights.current?.demand).toBe("b")
    }))

  it.effect("work that delivers before its end stays current until its end, and keeps the delivered outcome", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const gate = yield* Deferred.make<number, string>()
      const flight = flights.start("a", ({ deliver }) => Effect.zipRight(deliver(1), Deferred.await(gate)))
      expect(flights.current?.isDelivered).toBe(true)
      expect(yield* flight.outcome).toEqual(Exit.succeed(1))
      expect(flights.current?.demand).toBe("a")
      yield* Deferred.fail(gate, "no")
      yield* flight.over
      expect(yield* flight.outcome).toEqual(Exit.succeed(1))
      expect(flights.current).toBe(undefined)
    }))

  it.effect("a waiter that is interrupted does not stop the work", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const gate = yield* Deferred.make<number, string>()
      const flight = flights.start("a", () => Deferred.await(gate))
      const waiter = yield* Effect.fork(flight.outcome)
      yield* Fiber.interrupt(waiter)
      yield* Deferred.succeed(gate, 7)
      expect(yield* flight.outcome).toEqual(Exit.succeed(7))
    }))

  it.effect("work that was given up at its limit is not current, and `isGivenUp` of its flight is true", () =>
    Effect.gen(function*() {
      const flights = yield* make
      let isGivenUp = () => false
      const flight = flights.start("a", (own) => {
        isGivenUp = own.isGivenUp
        return Effect.uninterruptible(Effect.never)
      }, { millis: 1000, onTooLong: Effect.succeed(Exit.fail("too long")) })
      yield* TestClock.adjust("999 millis")
      expect([flights.current?.demand, isGivenUp()]).toEqual(["a", false])
      yield* TestClock.adjust("1 millis")
      expect([flights.current?.demand, isGivenUp()]).toEqual([undefined, true])
      expect(yield* flight.outcome).toEqual(Exit.fail("too long"))
    }))

  it.effect("`aliveAt` is the last pulse of the work in flight, and afterwards of the last work", () =>
    Effect.gen(function*() {
      const flights = yield* make
      expect(flights.aliveAt).toBe(0)
      const gate = yield* Deferred.make<number, string>()
      const flight = flights.start("a", () => Deferred.await(gate))
      yield* TestClock.adjust("10 seconds")
      expect(flights.aliveAt).toBe(10_000)
      yield* Deferred.succeed(gate, 7)
      yield* flight.over
      yield* TestClock.adjust("10 seconds")
      expect(flights.aliveAt).toBe(10_000)
    }))
})

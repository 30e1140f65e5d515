import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FiberId } from "effect"
import { SingleFlight } from "../../../src/internal/lifecycle/singleFlight.ts"

const make = Effect.map(
  Effect.runtime<never>(),
  () => new SingleFlight<string, number, string>((work) => Effect.runFork(work))
)

describe("SingleFlight", () => {
  it.effect("work is current until its fiber ends, however it ends", () =>
    Effect.gen(function*() {
      const flights = yield* make
      for (const end of [Exit.succeed(1), Exit.fail("no"), Exit.die("bug"), Exit.interrupt(FiberId.none)]) {
        const gate = yield* Deferred.make<number, string>()
        const flight = flights.start("a", () => Deferred.await(gate))
        expect(flights.current).toBe(flight)
        yield* Deferred.done(gate, end)
        expect(Exit.isSuccess(yield* Effect.exit(flight.outcome))).toBe(Exit.isSuccess(end))
        expect(flights.current).toBe(undefined)
      }
    }))

  it.effect("work that ends synchronously is not current afterwards, and has its outcome", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const flight = flights.start("a", () => Effect.succeed(1))
      expect(flights.current).toBe(undefined)
      expect(yield* flight.outcome).toBe(1)
    }))

  it.effect("the end of older work does not clear newer work", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const gate = yield* Deferred.make<number, string>()
      const older = flights.start("a", () => Deferred.await(gate))
      const newer = flights.start("b", () => Effect.never)
      yield* Deferred.succeed(gate, 1)
      yield* older.outcome
      expect(flights.current).toBe(newer)
    }))

  it.effect("work that delivers before its end stays current until its end, and keeps the delivered outcome", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const gate = yield* Deferred.make<number, string>()
      const flight = flights.start("a", (deliver) => Effect.zipRight(deliver(1), Deferred.await(gate)))
      expect(flight.isDelivered).toBe(true)
      expect(yield* flight.outcome).toBe(1)
      expect(flights.current).toBe(flight)
      yield* Deferred.fail(gate, "no")
      yield* flight.ended
      expect(yield* flight.outcome).toBe(1)
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
      expect(yield* flight.outcome).toBe(7)
    }))
})

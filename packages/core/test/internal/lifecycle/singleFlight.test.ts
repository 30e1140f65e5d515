import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FiberId } from "effect"
import * as SingleFlight from "../../../src/internal/lifecycle/singleFlight.ts"

const make = Effect.map(
  Effect.runtime<never>(),
  () => SingleFlight.make<string, number, string>((work) => Effect.runFork(work))
)

describe("singleFlight", () => {
  it.effect("is current until its fiber ends, however it ends", () =>
    Effect.gen(function*() {
      const flights = yield* make
      for (const end of [Exit.succeed(1), Exit.fail("no"), Exit.die("bug"), Exit.interrupt(FiberId.none)]) {
        const gate = yield* Deferred.make<number, string>()
        const flight = flights.start("a", () => Deferred.await(gate))
        expect(flights.current()).toBe(flight)
        yield* Deferred.done(gate, end)
        expect(Exit.isSuccess(yield* Effect.exit(flight.outcome))).toBe(Exit.isSuccess(end))
        expect(flights.current()).toBe(undefined)
      }
    }))

  it.effect("work that ends at once leaves nothing behind", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const flight = flights.start("a", () => Effect.succeed(1))
      expect(flights.current()).toBe(undefined)
      expect(yield* flight.outcome).toBe(1)
    }))

  it.effect("the end of an older flight does not clear a newer one", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const gate = yield* Deferred.make<number, string>()
      const older = flights.start("a", () => Deferred.await(gate))
      const newer = flights.start("b", () => Effect.never)
      yield* Deferred.succeed(gate, 1)
      yield* older.outcome
      expect(flights.current()).toBe(newer)
    }))

  it.effect("work that lands ahead of its end is current until then, and has its outcome", () =>
    Effect.gen(function*() {
      const flights = yield* make
      const gate = yield* Deferred.make<number, string>()
      const flight = flights.start("a", (land) => Effect.zipRight(land(1), Deferred.await(gate)))
      expect(flight.hasLanded()).toBe(true)
      expect(yield* flight.outcome).toBe(1)
      expect(flights.current()).toBe(flight)
      yield* Deferred.fail(gate, "no")
      yield* flight.ended
      expect(yield* flight.outcome).toBe(1)
      expect(flights.current()).toBe(undefined)
    }))

  it.effect("who stops waiting does not stop the work", () =>
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

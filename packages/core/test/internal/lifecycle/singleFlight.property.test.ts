import { describe, expect } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as FastCheck from "effect/FastCheck"
import { SingleFlight } from "../../../src/internal/lifecycle/singleFlight.ts"
import * as Interleaving from "../../support/interleaving.ts"
import { slow } from "../../support/properties.ts"
import { effectProperty } from "../../support/property.ts"

interface Caller {
  /** When the caller comes, in milliseconds. */
  readonly at: number
  /** How long the work takes if this caller starts it, and how long it goes on after its outcome is delivered. */
  readonly takes: number
  readonly goesOnFor: number
  readonly fails: boolean
  /** When the caller is interrupted, counted from its arrival. `undefined`: never. */
  readonly interruptedAfter: number | undefined
}

const millis = FastCheck.integer({ min: 0, max: 3000 })

const caller = FastCheck.record<Caller>({
  at: FastCheck.integer({ min: 0, max: 8000 }),
  takes: millis,
  goesOnFor: FastCheck.oneof(FastCheck.constant(0), millis),
  fails: FastCheck.boolean(),
  interruptedAfter: FastCheck.option(millis, { nil: undefined, freq: 3 })
})

describe("SingleFlight", () => {
  effectProperty(
    "whatever callers do: one piece of work at a time, and each caller has the outcome of the work that it joined",
    [FastCheck.array(caller, { minLength: 1, maxLength: 12 }), FastCheck.nat()],
    ([callers, seed]) => Effect.promise(() => run(callers, seed)),
    slow
  )
})

const run = async (callers: ReadonlyArray<Caller>, seed: number): Promise<void> => {
  const world = await Interleaving.make(seed)
  const flights = new SingleFlight<number, number, number>({ clock: world.clock.clock, fork: world.fork })
  let inFlight = 0
  let most = 0
  const started: Array<number> = []
  /** Joins the work in flight, or starts work of its own. Returns whose work it was, and its outcome. */
  const call = (index: number, { fails, goesOnFor, takes }: Caller) =>
    Effect.suspend(() => {
      const joined = flights.current ?? flights.start(index, (flight) =>
        Effect.gen(function*() {
          started.push(index)
          most = Math.max(most, ++inFlight)
          yield* Effect.sleep(takes)
          if (fails) return yield* Effect.fail(index)
          yield* flight.deliver(index)
          yield* Effect.sleep(goesOnFor)
          return -1
        }).pipe(Effect.ensuring(Effect.sync(() => inFlight--))))
      return Effect.map(joined.outcome, (outcome) => ({ demand: joined.demand, outcome }))
    })
  const exits = new Map<number, Exit.Exit<Effect.Effect.Success<ReturnType<typeof call>>>>()
  callers.forEach((caller, index) =>
    world.fork(Effect.gen(function*() {
      yield* Effect.sleep(caller.at)
      const fiber = yield* Effect.forkDaemon(call(index, caller))
      // The fiber may be interrupted before it begins.
      fiber.addObserver((exit) => exits.set(index, exit))
      if (caller.interruptedAfter === undefined) return
      yield* Effect.sleep(caller.interruptedAfter)
      yield* Fiber.interrupt(fiber)
    }))
  )
  await world.wait(60_000)
  expect([inFlight, most, flights.current, exits.size]).toEqual([0, 1, undefined, callers.length])
  expect(new Set(started).size).toBe(started.length)
  for (const [index, exit] of exits) {
    if (Exit.isFailure(exit)) {
      expect([Exit.isInterrupted(exit), callers[index]?.interruptedAfter !== undefined]).toEqual([true, true])
      continue
    }
    const { demand, outcome } = exit.value
    expect(started).toContain(demand)
    expect(outcome).toEqual(callers[demand]?.fails === true ? Exit.fail(demand) : Exit.succeed(demand))
  }
}

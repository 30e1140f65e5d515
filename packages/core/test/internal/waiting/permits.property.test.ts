import { describe, expect } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as FastCheck from "effect/FastCheck"
import { Permits } from "../../../src/internal/waiting/permits.ts"
import * as Interleaving from "../../support/interleaving.ts"
import { slow } from "../../support/properties.ts"
import { effectProperty } from "../../support/property.ts"

interface Caller {
  /** When the caller comes, and how long its work takes, in milliseconds. */
  readonly at: number
  readonly takes: number
  readonly ends: "Succeeds" | "Fails" | "Dies"
  /** When the caller is interrupted, counted from its arrival. `undefined`: never. */
  readonly interruptedAfter: number | undefined
}

const millis = FastCheck.integer({ min: 0, max: 5000 })

const caller = FastCheck.record<Caller>({
  at: millis,
  takes: millis,
  ends: FastCheck.constantFrom("Succeeds", "Succeeds", "Fails", "Dies"),
  interruptedAfter: FastCheck.option(millis, { nil: undefined, freq: 3 })
})

describe("Permits", () => {
  effectProperty(
    "whatever callers do: as many run as permits allow, no caller waits while one is free, and all permits come back",
    [FastCheck.integer({ min: 1, max: 4 }), FastCheck.array(caller, { minLength: 1, maxLength: 12 }), FastCheck.nat()],
    ([count, callers, seed]) => Effect.promise(() => run(count, callers, seed)),
    slow
  )
})

const run = async (count: number, callers: ReadonlyArray<Caller>, seed: number): Promise<void> => {
  const world = await Interleaving.make(seed)
  const permits = new Permits(count)
  const running = new Set<number>()
  const waiting = new Set<number>()
  const began: Array<number> = []
  const exits = new Map<number, Exit.Exit<number, number>>()
  const call = (index: number, { ends, takes }: Caller) => {
    const end = { Succeeds: Exit.succeed(index), Fails: Exit.fail(index), Dies: Exit.die(index) }[ends]
    const work = Effect.suspend(() => {
      waiting.delete(index)
      running.add(index)
      began.push(index)
      return Effect.ensuring(Effect.delay(end, takes), Effect.sync(() => running.delete(index)))
    })
    return Effect.sync(() => waiting.add(index)).pipe(
      Effect.zipRight(permits.run(work)),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          waiting.delete(index)
          exits.set(index, exit)
        })
      )
    )
  }
  callers.forEach((caller, index) =>
    world.fork(Effect.gen(function*() {
      yield* Effect.sleep(caller.at)
      const fiber = yield* Effect.forkDaemon(call(index, caller))
      if (caller.interruptedAfter === undefined) return
      yield* Effect.sleep(caller.interruptedAfter)
      yield* Fiber.interrupt(fiber)
    }))
  )
  await world.wait(10_000 + callers.length * 5000, () => {
    expect(running.size).toBeLessThanOrEqual(count)
    if (waiting.size > 0) expect(running.size).toBe(count)
  })
  expect([running.size, waiting.size, exits.size]).toEqual([0, 0, callers.length])
  expect(new Set(began).size).toBe(began.length)
  for (const [index, exit] of exits) {
    const { ends = "Dies", interruptedAfter } = callers[index] ?? {}
    const expected = { Succeeds: Exit.succeed(index), Fails: Exit.fail(index), Dies: Exit.die(index) }[ends]
    if (interruptedAfter === undefined || !Exit.isInterrupted(exit)) expect(exit).toEqual(expected)
  }
  const next = Array.from({ length: count }, () => world.fork(permits.run(Effect.sleep(1000))))
  await world.wait(1000)
  expect(next.map((fiber) => fiber.unsafePoll())).toEqual(next.map(() => Exit.void))
}

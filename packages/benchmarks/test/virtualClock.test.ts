import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { expect, it } from "vitest"
import * as VirtualClock from "../src/virtualClock.ts"

const run = <A, E>(clock: VirtualClock.VirtualClock, effect: Effect.Effect<A, E>) =>
  Effect.runFork(Effect.provide(effect, clock.layer))

it("sleepers wake in the order of their moments, each at its own", async () => {
  const clock = VirtualClock.make(1_000)
  const woken: Array<readonly [number, number]> = []
  const sleeps = [500, 100, 300, 100, 200, 50, 400]
  run(
    clock,
    Effect.forEach(
      sleeps,
      (millis, i) =>
        Effect.map(Effect.zipRight(Effect.sleep(millis), Clock.currentTimeMillis), (at) => void woken.push([at, i])),
      { concurrency: "unbounded" }
    )
  )
  await clock.advance(300)
  expect(woken).toEqual([[1_050, 5], [1_100, 1], [1_100, 3], [1_200, 4], [1_300, 2]])
  await clock.advance(1_000)
  expect(woken.slice(5)).toEqual([[1_400, 6], [1_500, 0]])
  expect(clock.now()).toBe(2_300)
})

it("what a sleeper does when it wakes is done before the next moment", async () => {
  const clock = VirtualClock.make(0)
  const seen: Array<number> = []
  const beat = Effect.zipRight(Effect.sleep(10), Effect.promise(() => Promise.resolve())).pipe(
    Effect.zipRight(Clock.currentTimeMillis),
    Effect.map((at) => void seen.push(at)),
    Effect.repeatN(4)
  )
  run(clock, beat)
  await clock.advance(50)
  expect(seen).toEqual([10, 20, 30, 40, 50])
})

it("one who was interrupted does not wake", async () => {
  const clock = VirtualClock.make(0)
  let woken = false
  const fiber = run(clock, Effect.map(Effect.sleep(100), () => woken = true))
  await clock.advance(50)
  await Effect.runPromise(Fiber.interrupt(fiber))
  await clock.advance(100)
  expect(woken).toBe(false)
})

it("time limits are those of the virtual clock", async () => {
  const clock = VirtualClock.make(0)
  const fiber = run(clock, Effect.timeoutOption(Effect.never, "1 hour"))
  await clock.advance(3_599_999)
  expect(fiber.unsafePoll()).toBe(null)
  await clock.advance(1)
  expect(await Effect.runPromise(Fiber.join(fiber))).toEqual(Option.none())
})

it("a tick brings close moments together, never before their time", async () => {
  const clock = VirtualClock.make(0, 100)
  const woken: Array<number> = []
  run(
    clock,
    Effect.forEach(
      [10, 90, 110],
      (millis) =>
        Effect.map(Effect.zipRight(Effect.sleep(millis), Clock.currentTimeMillis), (at) => void woken.push(at)),
      {
        concurrency: "unbounded"
      }
    )
  )
  await clock.advance(1_000)
  expect(woken).toEqual([100, 100, 200])
})

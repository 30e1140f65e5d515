import { VirtualClock } from "@effect-mcp-auth/testing"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { expect, it } from "vitest"

const run = <A, E>(clock: VirtualClock.VirtualClock, effect: Effect.Effect<A, E>) =>
  Effect.runFork(Effect.provide(effect, clock.layer))

it("VirtualClock wakes sleepers in the order of their times, each at its own time", async () => {
  const clock = VirtualClock.make({ start: 1_000 })
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
  expect(clock.machineTime).toBe(2_300)
})

it("VirtualClock lets a sleeper finish what it does when it wakes before time goes on", async () => {
  const clock = VirtualClock.make({ start: 0 })
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

it("VirtualClock does not wake a sleeper that was interrupted, and its timer is not pending", async () => {
  const clock = VirtualClock.make({ start: 0 })
  let woken = false
  const fiber = run(clock, Effect.map(Effect.sleep(100), () => woken = true))
  await clock.advance(50)
  expect(clock.pending).toBe(1)
  await Effect.runPromise(Fiber.interrupt(fiber))
  expect(clock.pending).toBe(0)
  await clock.advance(100)
  expect(woken).toBe(false)
})

it("Effect.timeoutOption ends at its time by the VirtualClock", async () => {
  const clock = VirtualClock.make({ start: 0 })
  const fiber = run(clock, Effect.timeoutOption(Effect.never, "1 hour"))
  await clock.advance(3_599_999)
  expect(fiber.unsafePoll()).toBe(null)
  await clock.advance(1)
  expect(await Effect.runPromise(Fiber.join(fiber))).toEqual(Option.none())
})

it("VirtualClock with a tick of 100 ms fires the timers of one tick together, never before their time", async () => {
  const clock = VirtualClock.make({ start: 0, tick: 100 })
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

it("VirtualClock.suspend lets the world and the machine's clock go on while timers stand still", async () => {
  const clock = VirtualClock.make({ start: 0 })
  const fiber = run(clock, Effect.sleep("10 seconds"))
  await clock.advance("4 seconds")
  clock.suspend("1 hour")
  expect(clock.worldTime).toBe(3_604_000)
  expect(clock.machineTime).toBe(3_604_000)
  expect(clock.elapsed).toBe(4_000)
  await clock.advance("5999 millis")
  expect(fiber.unsafePoll()).toBe(null)
  await clock.advance("1 millis")
  expect(fiber.unsafePoll()).not.toBe(null)
})

it("VirtualClock.set changes the machine's clock, and neither the world's time nor the monotonic time", async () => {
  const clock = VirtualClock.make({ start: 10_000 })
  await clock.advance("1 second")
  clock.set(-5_000)
  expect(clock.machineTime).toBe(6_000)
  expect(clock.worldTime).toBe(11_000)
  expect(clock.skew).toBe(-5_000)
  expect(clock.elapsed).toBe(1_000)
  const monotonic = Effect.withClock(Clock.currentTimeNanos, clock.clock)
  expect(await Effect.runPromise(monotonic)).toBe(1_000_000_000n)
})

it("VirtualClock never ends a sleep that is longer than the longest timer of a real Clock", async () => {
  const clock = VirtualClock.make()
  const fiber = run(clock, Effect.sleep(2 ** 31))
  await clock.advance("10000 days")
  expect(fiber.unsafePoll()).toBe(null)
  expect(clock.pending).toBe(1)
})

it("VirtualClock.fireNext fires the timers of the next time alone, and none after its limit", () => {
  const clock = VirtualClock.make()
  for (const millis of [300, 100, 100]) Effect.runFork(Effect.withClock(Effect.sleep(millis), clock.clock))
  expect(clock.pending).toBe(3)
  expect(clock.fireNext(99)).toBe(false)
  expect(clock.fireNext(1_000)).toBe(true)
  expect([clock.elapsed, clock.pending]).toEqual([100, 1])
  expect(clock.fireNext(299)).toBe(false)
  clock.passTo(299)
  expect(clock.fireNext(300)).toBe(true)
  expect([clock.elapsed, clock.pending]).toEqual([300, 0])
})

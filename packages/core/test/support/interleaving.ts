/** A world with virtual time of its own, whose fibers run in a random order, since nothing may depend on theirs. */
import { VirtualClock } from "@effect-mcp-auth/testing"
import { type Effect, type Fiber, Runtime } from "effect"
import { SeededRandom } from "./random.ts"
import { makeRuntime, VirtualScheduler } from "./runtime.ts"

export interface World {
  readonly clock: VirtualClock.VirtualClock
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  /** Lets time pass, in milliseconds. Each timer fires at its own moment. `look` is called after each of them. */
  readonly wait: (millis: number, look?: () => void) => Promise<void>
}

export const make = async (seed: number): Promise<World> => {
  const clock = VirtualClock.make()
  const scheduler = new VirtualScheduler(2048, new SeededRandom(0, seed))
  const settle = async (): Promise<void> => {
    do {
      scheduler.drain()
      await Promise.resolve()
      await Promise.resolve()
    } while (scheduler.pending > 0)
  }
  const runtime = makeRuntime({ clock: clock.clock, scheduler, seed: `interleaving ${seed}` })
  const fork = <A, E>(effect: Effect.Effect<A, E>) => Runtime.runFork(runtime)(effect)
  const wait = async (millis: number, look: () => void = () => undefined): Promise<void> => {
    const until = clock.elapsed + millis
    await settle()
    while (clock.fireNext(until)) {
      await settle()
      look()
    }
    clock.passTo(until)
  }
  return { clock, fork, wait }
}

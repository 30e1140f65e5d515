/** A world with virtual time of its own, whose fibers run in a random order, since nothing may depend on theirs. */
import { VirtualClock } from "@effect-mcp-auth/testing"
import { Effect, type Fiber, FiberRef, HashSet, Runtime } from "effect"
import { PCGRandom } from "effect/Utils"
import { VirtualScheduler } from "../simulation/Fibers.ts"

export interface World {
  readonly clock: VirtualClock.VirtualClock
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  /** Lets time pass, in milliseconds. Each timer fires at its own moment. `look` is called after each of them. */
  readonly wait: (millis: number, look?: () => void) => Promise<void>
}

export const make = async (seed: number): Promise<World> => {
  const clock = VirtualClock.make()
  const scheduler = new VirtualScheduler(2048, new PCGRandom(seed))
  const settle = async (): Promise<void> => {
    do {
      scheduler.drain()
      await Promise.resolve()
      await Promise.resolve()
    } while (scheduler.pending > 0)
  }
  const configured = Effect.runPromise(
    Effect.runtime<never>().pipe(
      Effect.withClock(clock.clock),
      Effect.locally(FiberRef.currentLoggers, HashSet.empty())
    )
  )
  const runtime = await configured
  const fork = <A, E>(effect: Effect.Effect<A, E>) => Runtime.runFork(runtime)(effect, { scheduler })
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

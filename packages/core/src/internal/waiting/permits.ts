import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as BackgroundClock from "./backgroundClock.ts"
import { LOOK, PULSE } from "./pulse.ts"
import { Signal } from "./signal.ts"

/** The place of one piece of work: in the queue until it has a permit. */
interface Turn {
  readonly granted: Signal
  /** How often the work has shown that it is alive. */
  pulses: number
}

/**
 * Work of which only some runs at a time, in the order of arrival.
 *
 * No work waits for ever. Cloudflare Workers end the timers and fetches of a request together with it, without a word to
 * the fiber that waits for them, so that such a fiber never returns its permit. Work that has a permit therefore has a
 * pulse, a timer that runs in the same request. Waiters look for the pulse by timers of their own, and take the permit of
 * work that has none.
 *
 * @internal
 */
export class Permits {
  readonly #count: number
  readonly #holders = new Set<Turn>()
  readonly #queue = new Set<Turn>()

  constructor(count: number) {
    this.#count = count
  }

  /** Runs the work as soon as it has a permit. */
  run<A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.#enter()),
      (turn) => Effect.zipRight(turn.granted.wait(this.#watch), withPulse(turn, work)),
      (turn) => Effect.sync(() => this.#leave(turn))
    )
  }

  #enter(): Turn {
    const turn: Turn = { granted: new Signal(), pulses: 0 }
    this.#queue.add(turn)
    this.#grant()
    return turn
  }

  #leave(turn: Turn): void {
    this.#queue.delete(turn)
    this.#holders.delete(turn)
    this.#grant()
  }

  #grant(): void {
    for (const turn of this.#queue) {
      if (this.#holders.size >= this.#count) return
      this.#queue.delete(turn)
      this.#holders.add(turn)
      turn.granted.fire()
    }
  }

  /** Takes the permits of work without a pulse. Work that was only late goes on, beside the work that follows it. */
  readonly #watch: Effect.Effect<never> = Effect.suspend(() => {
    const seen = Array.from(this.#holders, (turn) => ({ turn, pulses: turn.pulses }))
    return Effect.flatMap(Effect.sleep(LOOK), () => {
      for (const { pulses, turn } of seen) if (turn.pulses === pulses) this.#holders.delete(turn)
      this.#grant()
      return this.#watch
    })
  })
}

/** Shows that the work is alive until it has ended. */
const withPulse = <A, E, R>(turn: Turn, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.flatMap(Effect.clock, (clock) => Effect.forkDaemon(Effect.interruptible(beat(turn, clock)))),
    () => work,
    (pulse) => Effect.sync(() => pulse.unsafeInterruptAsFork(FiberId.none))
  )

const beat = (turn: Turn, clock: Clock.Clock): Effect.Effect<never> =>
  Effect.forever(Effect.map(BackgroundClock.of(clock).sleep(PULSE), () => turn.pulses++))

import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as RefreshPolicy from "../../RefreshPolicy.ts"

/**
 * - `next`: when to renew next, in milliseconds since the epoch; a moment that has passed means now, `undefined` that there
 *   is nothing to do until somebody wakes it.
 * - `renew`: one attempt, and whether it brought a token; after it `next` knows more.
 *
 * @internal
 */
export interface Options {
  readonly clock: Clock.Clock
  readonly next: (at: number) => number | undefined
  readonly renew: Effect.Effect<boolean>
  readonly fork: (work: Effect.Effect<unknown>) => Fiber.RuntimeFiber<unknown>
}

/**
 * Renews a token in the background: one fiber, asleep most of the time, gone when there is nothing to do.
 *
 * @internal
 */
export class Refresher {
  readonly #options: Options
  #fiber: Fiber.RuntimeFiber<unknown> | undefined
  #state: "Idle" | "Renewing" | number = "Idle"

  constructor(options: Options) {
    this.#options = options
  }

  /** Something has changed that `next` depends on, or somebody used the token when it was due. */
  unsafeWake(): void {
    const ended = this.#fiber === undefined || this.#fiber.unsafePoll() !== null
    if (this.#state === "Renewing" && !ended) return
    const { clock, fork, next } = this.#options
    const at = clock.unsafeCurrentTimeMillis()
    const due = next(at)
    // Timers sleep on while a machine is suspended.
    if (due === undefined || (typeof this.#state === "number" && at < this.#state && this.#state <= due)) return
    if (typeof this.#state === "number") this.#fiber?.unsafeInterruptAsFork(this.#fiber.id())
    this.#state = due
    // There may be thousands asleep until their token is due. A plain sleep holds half as much memory as a schedule.
    const wait = Duration.millis(Math.min(due - at, RefreshPolicy.MAX_DELAY))
    const attempts = () => Effect.repeat(Effect.suspend(() => this.#look()), RefreshPolicy.schedule)
    this.#fiber = fork(due > at ? Effect.flatMap(clock.sleep(wait), attempts) : attempts())
  }

  /** One attempt if it is due, and in how many milliseconds to look again. */
  #look(): Effect.Effect<Option.Option<number>> {
    const at = this.#options.clock.unsafeCurrentTimeMillis()
    const due = this.#options.next(at)
    if (due === undefined) {
      this.#state = "Idle"
      return Effect.succeedNone
    }
    if (at < due) {
      this.#state = due
      return Effect.succeedSome(due - at)
    }
    this.#state = "Renewing"
    return Effect.map(this.#options.renew, (renewed) => {
      if (!renewed) return Option.some(0)
      this.#state = "Idle"
      this.unsafeWake()
      return Option.none()
    })
  }
}

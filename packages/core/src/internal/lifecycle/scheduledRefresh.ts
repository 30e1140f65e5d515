import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"

/** @internal */
export interface Options {
  readonly clock: Clock.Clock
  /**
   * When to renew next, in milliseconds since the epoch. A moment in the past means now. `undefined` means that there
   * is nothing to do until the next `unsafeWake`.
   */
  readonly next: (at: number) => number | undefined
  /** The time of the last pulse of an attempt, in milliseconds since the epoch. */
  readonly aliveAt: () => number
  /** One attempt to renew. Returns whether the attempt brought a token. `next` must reflect the outcome. */
  readonly renew: Effect.Effect<boolean>
  readonly fork: (work: Effect.Effect<unknown>) => Fiber.RuntimeFiber<unknown>
}

/**
 * Renews a token in the background: one fiber, asleep most of the time, which ends when there is nothing to do.
 *
 * @internal
 */
export class ScheduledRefresh {
  readonly #options: Options
  #fiber: Fiber.RuntimeFiber<unknown> | undefined
  /** `number`: the fiber sleeps until this moment. */
  #state: "Idle" | "Renewing" | number = "Idle"
  /** When the last attempt began, in milliseconds since the epoch. */
  #renewingSince = 0

  constructor(options: Options) {
    this.#options = options
  }

  /** Plans the next renewal: `next` has changed, or a caller has used the token when it was due. */
  unsafeWake(): void {
    const { clock, fork, next } = this.#options
    const at = clock.unsafeCurrentTimeMillis()
    if (this.#state === "Renewing" && this.#isAlive(at)) return
    const due = next(at)
    // No number while the fiber does not sleep, and then nothing compares with it.
    const asleepUntil = Number(this.#state)
    // A sleeping fiber whose moment has passed is replaced: timers do not run while the machine is suspended.
    if (due === undefined || (at < asleepUntil && asleepUntil <= due)) return
    if (this.#state !== "Idle") this.#fiber?.unsafeInterruptAsFork(FiberId.none)
    this.#state = due
    const wait = Duration.millis(Math.min(due - at, MAX_DELAY))
    const attempts = repeatAsAsked(Effect.suspend(() => this.#look()))
    this.#fiber = fork(due > at ? Effect.flatMap(clock.sleep(wait), () => attempts) : attempts)
  }

  /**
   * Whether the fiber still renews. Cloudflare Workers cancel the fetches and timers of a request when the request
   * ends. A fiber that such a request has woken then waits for ever.
   */
  #isAlive(at: number): boolean {
    const hasEnded = this.#fiber === undefined || this.#fiber.unsafePoll() !== null
    return !hasEnded && at - Math.max(this.#renewingSince, this.#options.aliveAt()) < STALE
  }

  /** Makes one attempt if it is due. Returns in how many milliseconds to look again, or none to stop. */
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
    this.#renewingSince = at
    return Effect.map(this.#options.renew, (renewed) => {
      if (!renewed) return Option.some(0)
      this.#state = "Idle"
      this.unsafeWake()
      return Option.none()
    })
  }
}

/** The time without a pulse after which an attempt counts as lost, in milliseconds. */
const STALE = 5000

/** The longest timer, in milliseconds. JavaScript fires a longer one immediately. */
const MAX_DELAY = 2 ** 31 - 1

/**
 * Looks again after as long as the last look has asked for, in milliseconds, and ends when it asked for nothing. A wait
 * longer than the longest timer is cut, so that the next look asks for the rest.
 *
 * Thousands of fibers may sleep here until their token is due. A plain sleep takes half as much memory as a `Schedule`.
 *
 * @internal
 */
export const repeatAsAsked = (look: Effect.Effect<Option.Option<number>>): Effect.Effect<void> =>
  Effect.flatMap(look, (asked) => {
    if (Option.isNone(asked)) return Effect.void
    if (asked.value <= 0) return repeatAsAsked(look)
    return Effect.flatMap(Effect.sleep(Duration.millis(Math.min(asked.value, MAX_DELAY))), () => repeatAsAsked(look))
  })

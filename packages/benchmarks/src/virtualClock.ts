/**
 * Time that passes as fast as the work in it is done: an hour of ten thousand providers in seconds. `TestClock` sorts all
 * its sleepers at every step; here they are in a heap.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scheduler from "effect/Scheduler"

interface Sleeper {
  readonly at: number
  /** Those of the same moment wake in the order in which they fell asleep. */
  readonly order: number
  wake: (() => void) | undefined
}

const isBefore = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap, the next to wake at its top. */
class Sleepers {
  private readonly items: Array<Sleeper> = []

  get next(): Sleeper | undefined {
    return this.items[0]
  }

  add(sleeper: Sleeper): void {
    const { items } = this
    let i = items.length
    items.push(sleeper)
    while (i > 0) {
      const above = (i - 1) >> 1
      const parent = items[above]
      if (parent === undefined || !isBefore(sleeper, parent)) break
      items[i] = parent
      i = above
    }
    items[i] = sleeper
  }

  removeNext(): void {
    const { items } = this
    const last = items.pop()
    if (last === undefined || items.length === 0) return
    let i = 0
    for (;;) {
      const left = items[2 * i + 1]
      const right = items[2 * i + 2]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, last)) break
      items[i] = child
      i = child === left ? 2 * i + 1 : 2 * i + 2
    }
    items[i] = last
  }
}

/** Runs fibers as Effect does by default, and knows whether any of them still has something to do. */
class CountingScheduler implements Scheduler.Scheduler {
  pending = 0

  shouldYield(): number | false {
    return false
  }

  scheduleTask(task: () => void): void {
    this.pending++
    void Promise.resolve().then(() => {
      this.pending--
      task()
    })
  }
}

const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export interface VirtualClock {
  readonly now: () => number
  /** Wakes all who sleep until then, moment by moment, and waits each time until nobody has anything left to do. */
  readonly advance: (millis: number) => Promise<void>
  /** Makes all that runs in it live by this clock. */
  readonly layer: Layer.Layer<never>
}

/**
 * `tick`, in milliseconds, is how close two moments are to count as one; those who wake in the same one run side by side.
 */
export const make = (start: number, tick = 1): VirtualClock => {
  const sleepers = new Sleepers()
  const scheduler = new CountingScheduler()
  let now = start
  let order = 0

  const sleep = (duration: Duration.Duration): Effect.Effect<void> => {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow()
    return Effect.async((resume) => {
      const sleeper: Sleeper = { at: now + millis, order: order++, wake: () => resume(Effect.void) }
      sleepers.add(sleeper)
      // It stays in the heap until its time, and holds nothing.
      return Effect.sync(() => sleeper.wake = undefined)
    })
  }

  const settle = async (): Promise<void> => {
    do await turnOfTheLoop()
    while (scheduler.pending > 0)
  }

  const advance = async (millis: number): Promise<void> => {
    const until = now + millis
    await settle()
    for (;;) {
      const first = sleepers.next
      if (first === undefined || first.at > until) break
      const end = Math.min(until, Math.max(now, Math.ceil(first.at / tick) * tick))
      now = end
      let woken = false
      for (let next = sleepers.next; next !== undefined && next.at <= end; next = sleepers.next) {
        sleepers.removeNext()
        woken ||= next.wake !== undefined
        next.wake?.()
      }
      if (woken) await settle()
    }
    now = until
  }

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    currentTimeMillis: Effect.sync(() => now),
    unsafeCurrentTimeNanos: () => BigInt(Math.round(now * 1e6)),
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(now * 1e6))),
    sleep
  }
  return {
    now: () => now,
    advance,
    layer: Layer.merge(Layer.setClock(clock), Layer.setScheduler(scheduler))
  }
}

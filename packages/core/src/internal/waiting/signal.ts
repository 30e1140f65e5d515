import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import { constVoid } from "effect/Function"
import * as Runtime from "effect/Runtime"

/**
 * A one-time event that fibers of several requests wait for.
 *
 * Cloudflare Workers tie each timer and each fetch to the request in whose turn it began, and cancel it when that
 * request has its response. If a fiber of another request resumes a fiber directly (through a `Deferred`, or through
 * `Fiber.await`), the resumed fiber continues in the turn of that other request, and its next fetch is cancelled with
 * that request. The continuation of a native promise runs in the turn of the request that created the promise, whoever
 * resolves it. So each waiting fiber has a promise of its own.
 *
 * @internal
 */
export class Signal {
  #isFired = false
  readonly #waiting = new Set<() => void>()

  get isFired(): boolean {
    return this.#isFired
  }

  fire(): void {
    this.#isFired = true
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /**
   * Waits until the signal fires or `watch` ends. `watch` runs in a fiber of its own. The timer of `watch` also shows
   * that the request still waits: Workers cancel a request that has no timer or fetch of its own in flight.
   */
  wait(watch: Effect.Effect<unknown>): Effect.Effect<void> {
    return Effect.flatMap(
      Effect.runtime<never>(),
      (runtime) =>
        this.#isFired ? Effect.void : Effect.async<void>((resume) => {
          const watcher = Runtime.runFork(runtime)(Effect.interruptible(watch))
          let resolve: () => void = constVoid
          const fired = new Promise<void>((own) => {
            resolve = own
          })
          this.#waiting.add(resolve)
          let isWaiting = true
          const stop = () => {
            isWaiting = false
            this.#waiting.delete(resolve)
            watcher.unsafeInterruptAsFork(FiberId.none)
          }
          const onEnd = () => {
            if (!isWaiting) return
            stop()
            resume(Effect.void)
          }
          watcher.addObserver(onEnd)
          void fired.then(onEnd)
          return Effect.sync(stop)
        })
    )
  }
}

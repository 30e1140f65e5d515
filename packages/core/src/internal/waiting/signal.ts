import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import { constVoid } from "effect/Function"
import * as Runtime from "effect/Runtime"

/**
 * A moment for which fibers of several requests wait.
 *
 * Cloudflare Workers tie each timer and each fetch to the request in whose turn it began, and cancel it when that
 * request has its response. A fiber that another request's fiber resumes directly (through a `Deferred`, or through
 * `Fiber.await`) would go on in that request's turn, and its next fetch would end with that request. The continuation of
 * a native promise runs in the turn of the request that created the promise, whoever resolves it. So each fiber that
 * waits has a promise of its own.
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
   * Waits until the signal fires or `watch` ends. `watch` runs in a fiber of its own. Its timer also shows that the
   * request still waits: Workers cancel a request that waits for nothing of its own.
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

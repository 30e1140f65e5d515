import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"

/**
 * A moment for which fibers of several requests wait.
 *
 * Cloudflare Workers tie each timer and each fetch to the request in whose turn it began, and cancel it when that
 * request has its response. A fiber that another request's fiber resumes directly (through a `Deferred`, or through
 * `Fiber.await`) would go on in that request's turn, and its next fetch would end with that request. The continuation of
 * a native promise runs in the turn of the request that attached it, so a signal is one.
 *
 * @internal
 */
export class Signal {
  readonly #promise: Promise<void>
  #resolve: () => void = () => {}
  #isFired = false

  constructor() {
    this.#promise = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  get isFired(): boolean {
    return this.#isFired
  }

  fire(): void {
    this.#isFired = true
    this.#resolve()
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
          let isWaiting = true
          const stop = () => {
            isWaiting = false
            watcher.unsafeInterruptAsFork(FiberId.none)
          }
          const onEnd = () => {
            if (!isWaiting) return
            stop()
            resume(Effect.void)
          }
          watcher.addObserver(onEnd)
          void this.#promise.then(onEnd)
          return Effect.sync(stop)
        })
    )
  }
}

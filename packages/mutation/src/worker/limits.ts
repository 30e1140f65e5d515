/** When a test counts as endless. */
import { clearInterval, setInterval, setTimeout } from "node:timers"
import { allow, cpuTime } from "./cpuLimit.ts"

/** A test did not end. */
export class TimedOut extends Error {
  /** Whether the process had nothing left to do: no code of the test goes on. */
  readonly idle: boolean

  constructor(idle: boolean) {
    super(idle ? "The test waits for something that cannot come." : "The test does not end.")
    this.idle = idle
  }
}

/** The milliseconds between two looks at a running test. */
const INTERVAL = 50

/** The milliseconds of CPU time that the work between two tests may take, such as loading modules. */
const BETWEEN = 60_000

/** The milliseconds without CPU time after which a test is given up whose timers or connections are still open. */
const QUIET = 20_000

/** A timer of so many milliseconds or more is not waited for: Effect keeps the process running with such timers. */
const LONG = 600_000

/** Keeps long timers out of the list of what the process has to do. */
export const ignoreLongTimers = (): void => {
  for (const [name, start] of [["setInterval", setInterval], ["setTimeout", setTimeout]] as const) {
    const replacement = (callback: () => void, delay = 0, ...rest: ReadonlyArray<never>): unknown => {
      const timer: unknown = start(callback, delay, ...rest)
      if (delay >= LONG) unref(timer)
      return timer
    }
    Object.assign(globalThis, { [name]: Object.assign(replacement, start) })
  }
}

/** The types of browsers say that a timer is a number. */
const unref = (timer: unknown): void => {
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function") {
    timer.unref()
  }
}

/** The timers, requests and handles of this process. */
const activeResources = (): number => process.getActiveResourcesInfo().length

export class Limits {
  /** The milliseconds of CPU time after which a test is given up. */
  readonly milliseconds: number
  readonly #idleMilliseconds: number

  /** From the milliseconds that the test takes without a mutant, or `undefined` if that is not known yet. */
  constructor(duration: number | undefined, patience: number) {
    this.milliseconds = duration === undefined ? 600_000 : patience + 5 * duration
    this.#idleMilliseconds = duration === undefined ? 600_000 : 1_000 + 5 * duration
  }

  /** Runs a test, and fails if it does not end, or if the process has nothing left to do before it ends. */
  async run(test: () => unknown): Promise<void> {
    let interval: ReturnType<typeof setInterval> | undefined
    const before = activeResources()
    // For a test that keeps the thread, so that the interval below never fires.
    allow(1.5 * this.milliseconds)
    const endless = new Promise<never>((_resolve, reject) => {
      const start = cpuTime()
      let idle = 0
      let quiet = 0
      let used = start
      interval = setInterval(() => {
        const now = cpuTime()
        // Callbacks of `setImmediate` are in no list, so a process that computes is not idle either.
        quiet = now - used < 1 ? quiet + INTERVAL : 0
        // The interval itself is one of the resources.
        idle = activeResources() <= before + 1 && quiet > 0 ? idle + INTERVAL : 0
        used = now
        if (idle >= this.#idleMilliseconds) reject(new TimedOut(true))
        else if (now - start >= this.milliseconds || quiet >= QUIET + this.#idleMilliseconds) {
          reject(new TimedOut(false))
        }
      }, INTERVAL)
    })
    try {
      await Promise.race([test(), endless])
    } finally {
      clearInterval(interval)
      allow(BETWEEN)
    }
  }
}

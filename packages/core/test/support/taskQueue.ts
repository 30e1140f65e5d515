import type { SeededRandom } from "./random.ts"

/** More at one instant is a fiber that never comes to rest. */
const MAX_TASKS = 20_000

/** Tasks that run in turn, or, given a source of randomness, in any order. */
export class TaskQueue {
  readonly #tasks: Array<() => void> = []
  readonly #random: SeededRandom | undefined

  constructor(random: SeededRandom | undefined) {
    this.#random = random
  }

  get pending(): number {
    return this.#tasks.length
  }

  add(task: () => void): void {
    this.#tasks.push(task)
  }

  /** Until every fiber waits for something: an answer, a timer, another fiber. */
  drain(): void {
    for (let count = 0; this.#tasks.length > 0; count++) {
      if (count > MAX_TASKS) throw new Error("a fiber never comes to rest")
      this.#take()?.()
    }
  }

  #take(): (() => void) | undefined {
    if (this.#random === undefined) return this.#tasks.shift()
    const index = this.#random.integer(this.#tasks.length)
    const task = this.#tasks[index]
    const last = this.#tasks.pop()
    if (last !== undefined && index < this.#tasks.length) this.#tasks[index] = last
    return task
  }
}

/**
 * The timers of a `VirtualClock` in a binary heap, the next to fire at its top.
 *
 * @internal
 */
interface Timer {
  readonly at: number
  /** Timers of the same time fire in the order in which they were added. */
  readonly order: number
  fire: (() => void) | undefined
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** @internal */
export class TimerQueue {
  readonly #heap: Array<Timer> = []
  #order = 0
  #size = 0

  /** How many timers are neither fired nor cancelled. */
  get size(): number {
    return this.#size
  }

  /** When the next timer fires. */
  get nextAt(): number | undefined {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (next.fire !== undefined) return next.at
      this.#removeNext()
    }
    return undefined
  }

  /** Adds a timer. The result cancels it. */
  add(at: number, fire: () => void): () => void {
    const timer: Timer = { at, order: this.#order++, fire }
    this.#insert(timer)
    this.#size++
    return () => {
      if (timer.fire === undefined) return
      // A cancelled timer stays in the heap until its time and refers to nothing.
      timer.fire = undefined
      this.#size--
    }
  }

  fireUpTo(time: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
      this.#removeNext()
      const { fire } = next
      if (fire === undefined) continue
      next.fire = undefined
      this.#size--
      fire()
    }
  }

  #insert(timer: Timer): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(timer)
    while (i > 0) {
      const above = (i - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(timer, parent)) break
      heap[i] = parent
      i = above
    }
    heap[i] = timer
  }

  #removeNext(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      const left = heap[2 * i + 1]
      const right = heap[2 * i + 2]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, last)) break
      heap[i] = child
      i = child === left ? 2 * i + 1 : 2 * i + 2
    }
    heap[i] = last
  }
}

/** Random numbers that are the same for the same seed, on every version of Effect: mulberry32. */
export class SeededRandom {
  #state: number

  /** Numbers of the same seed and another stream are others. */
  constructor(seed: number, stream = 0) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)
  }

  /** At least 0 and below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer of at least 0 and below a limit. */
  integer(limit: number): number {
    return Math.floor(this.next() * limit)
  }
}

const MULTIPLIER = { high: 0x5851f42d, low: 0x4c957f2d }
const INCREMENT = { high: 0x14057b7e, low: 0xf767814f }

/** Random numbers that are the same for the same seed on every version of Effect: PCG-XSH-RR (O'Neill 2014). */
export class SeededRandom {
  #high = 0
  #low = 0

  /** Numbers of the same seed and another stream are others. Both are integers of 32 bits. */
  constructor(seed: number, stream: number) {
    this.#next()
    this.#add(seed, stream)
    this.#next()
  }

  /** At least 0 and below 1. */
  number(): number {
    const high = this.#next() & 0x3ffffff
    const low = this.#next() & 0x7ffffff
    return (high * 2 ** 27 + low) / 2 ** 53
  }

  /** An integer of at least 0 and below a limit. */
  integer(limit: number): number {
    return Math.round(this.number() * Number.MAX_SAFE_INTEGER) % limit
  }

  #next(): number {
    const high = this.#high
    const low = this.#low
    this.#multiply()
    this.#add(INCREMENT.high, INCREMENT.low)
    const mixedHigh = (high >>> 18) ^ high
    const mixedLow = ((low >>> 18) | (high << 14)) ^ low
    const bits = ((mixedLow >>> 27) | (mixedHigh << 5)) >>> 0
    const turn = high >>> 27
    return ((bits >>> turn) | (bits << (-turn & 31))) >>> 0
  }

  #add(high: number, low: number): void {
    const sum = this.#low + (low >>> 0)
    this.#high = (this.#high + high + (sum > 0xffffffff ? 1 : 0)) >>> 0
    this.#low = sum >>> 0
  }

  /** By `MULTIPLIER`, modulo 2^64. */
  #multiply(): void {
    const [a0, a1] = [this.#low & 0xffff, this.#low >>> 16]
    const [b0, b1] = [MULTIPLIER.low & 0xffff, MULTIPLIER.low >>> 16]
    const [p00, p01, p10] = [a0 * b0, a0 * b1, a1 * b0]
    const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff)
    const carried = a1 * b1 + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16)
    const crossed = Math.imul(this.#high, MULTIPLIER.low) + Math.imul(this.#low, MULTIPLIER.high)
    this.#high = (carried + crossed) >>> 0
    this.#low = ((middle << 16) | (p00 & 0xffff)) >>> 0
  }
}

/** Random numbers that are the same for the same seed, whatever the versions of the libraries are. */

const MULTIPLIER = 0x5851f42d4c957f2dn
const INCREMENT = 0x14057b7ef767814fn

/** PCG-XSH-RR: 64 bits of state, 32 bits of output (O'Neill 2014, "PCG: A Family of Simple Fast … Generators"). */
export class Pcg {
  #state = 0n

  /** Two numbers of 32 bits: those that share one differ in the other. */
  constructor(seedHigh: number, seedLow: number) {
    this.#next()
    this.#state = BigInt.asUintN(64, this.#state + (BigInt(seedHigh >>> 0) << 32n) + BigInt(seedLow >>> 0))
    this.#next()
  }

  /** From 0 to 1, without 1. */
  number(): number {
    const high = this.#next() & 0x03ffffff
    return (high * 2 ** 27 + (this.#next() & 0x07ffffff)) / 2 ** 53
  }

  /** From 0 to `max`, without `max`. */
  integer(max: number): number {
    return Math.round(this.number() * Number.MAX_SAFE_INTEGER) % max
  }

  #next(): number {
    const state = this.#state
    this.#state = BigInt.asUintN(64, state * MULTIPLIER + INCREMENT)
    const bits = Number(BigInt.asUintN(32, ((state >> 18n) ^ state) >> 27n))
    const turn = Number(state >> 59n)
    return ((bits >>> turn) | (bits << (-turn & 31))) >>> 0
  }
}

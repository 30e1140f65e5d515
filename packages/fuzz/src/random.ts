/** Random numbers that are the same for the same seed, so that a run of the fuzzer can be repeated. */

/** A source of random numbers. */
export interface Random {
  /** A whole number from 0 to `limit`, without `limit`. */
  readonly below: (limit: number) => number
  /** True once in so many times. */
  readonly oneIn: (times: number) => boolean
  readonly pick: <A>(list: ReadonlyArray<A>) => A
}

/** Mulberry32, by Tommy Ettinger: 32 bits of state are enough to choose mutations. */
export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    oneIn: (times) => below(times) === 0,
    pick: (list) => {
      const one = list[below(list.length)]
      if (one === undefined) throw new Error("there is nothing to pick from")
      return one
    }
  }
}

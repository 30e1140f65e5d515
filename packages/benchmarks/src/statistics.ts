/**
 * Statistics for the figures, and random numbers that can be repeated.
 */

/** The value below which the share `q` of the sample lies, interpolated between neighbours; NaN for an empty sample. */
export const quantile = (sample: ReadonlyArray<number>, q: number): number => {
  const sorted = sample.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (sample: ReadonlyArray<number>): number => quantile(sample, 0.5)

export interface Summary {
  readonly lower: number
  readonly median: number
  readonly upper: number
  /** The standard error of the median for a normal sample: another run can easily differ by so much. */
  readonly error: number
}

/** The median between its quartiles: the typical value, and how certain it is. */
export const summarize = (sample: ReadonlyArray<number>): Summary => {
  const lower = quantile(sample, 0.25)
  const upper = quantile(sample, 0.75)
  // The quartiles of a normal distribution are 1.349 deviations apart; a median is 1.2533 times as uncertain as a mean.
  const deviation = (upper - lower) / 1.349
  return { lower, median: median(sample), upper, error: (1.2533 * deviation) / Math.sqrt(sample.length) }
}

/**
 * The slope of the line through the points: the median of the slopes of all pairs (Theil and Sen), which one point far
 * from the others hardly moves. NaN for fewer than two points.
 */
export const slope = (points: ReadonlyArray<readonly [x: number, y: number]>): number =>
  median(points.flatMap(([x, y], i) => points.slice(i + 1).map(([a, b]) => (b - y) / (a - x))))

/** Pairs of the same round: a slow moment of the machine affects both. Rounds without a base are left out. */
const paired =
  (f: (value: number, base: number) => number) =>
  (sample: ReadonlyArray<number>, base: ReadonlyArray<number>): ReadonlyArray<number> =>
    sample.flatMap((value, i) => {
      const other = base[i]
      return other === undefined || other === 0 ? [] : [f(value, other)]
    })

export const ratios = paired((value, base) => value / base)

export const differences = paired((value, base) => value - base)

/** Numbers in [0, 1). */
export type Random = () => number

/** mulberry32: the same seed, the same run. */
export const seeded = (seed: number): Random => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Fisher and Yates; the given array stays as it is. */
export const shuffled = <A>(items: ReadonlyArray<A>, random: Random): ReadonlyArray<A> => {
  const rest = [...items]
  const result: Array<A> = []
  while (rest.length > 0) result.push(...rest.splice(Math.floor(random() * rest.length), 1))
  return result
}

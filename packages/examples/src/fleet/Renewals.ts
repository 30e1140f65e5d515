/**
 * The token requests of `pnpm demo:fleet`, grouped by the token that they are for. Times are in milliseconds.
 */

/** One token, the first or a renewal: how many requests it took, and how long a takeover took after a kill. */
export interface Renewal {
  /** The users of the token: the whole fleet, or one process. */
  readonly users: string
  readonly beganAt: number
  requests: number
  /** When the process that made the first request was dead, if it was killed. */
  killedAt?: number
  /** When another process made the next request. */
  resumedAt?: number
}

export class Renewals {
  readonly all: Array<Renewal> = []
  readonly #lifetime: number

  constructor(lifetime: number) {
    this.#lifetime = lifetime
  }

  /**
   * The renewal that a request is for. No token is renewed before half of its lifetime has passed, so a request within
   * the first third is one more for the same token.
   */
  arrived(users: string, at: number): Renewal {
    const last = this.all.findLast((renewal) => renewal.users === users)
    if (last?.killedAt !== undefined) last.resumedAt ??= at
    if (last !== undefined && at - last.beganAt < this.#lifetime / 3) {
      last.requests++
      return last
    }
    const renewal: Renewal = { users, beganAt: at, requests: 1 }
    this.all.push(renewal)
    return renewal
  }
}

/** For each renewal whose process was killed: the time until another process took over, or until now. */
export const delays = (renewals: ReadonlyArray<Renewal>, now: number): ReadonlyArray<number> =>
  renewals.flatMap(({ killedAt, resumedAt }) => killedAt === undefined ? [] : [(resumedAt ?? now) - killedAt])

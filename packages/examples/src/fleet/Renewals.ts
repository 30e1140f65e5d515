/**
 * The token requests of `pnpm demo:fleet`, put together by the token that they are for. Times are in milliseconds.
 */

/** One token, the first or a renewal: how many requests it took, and what became of it if its process was killed. */
export interface Renewal {
  /** Who use the token: the fleet, or one process of it. */
  readonly users: string
  readonly beganAt: number
  requests: number
  /** When the process that made the first request was dead. */
  killedAt?: number
  /** When the next request came. */
  resumedAt?: number
}

export class Renewals {
  readonly all: Array<Renewal> = []
  readonly #lifetime: number

  constructor(lifetime: number) {
    this.#lifetime = lifetime
  }

  /**
   * The renewal that a request is for. No token is renewed before half its life is over: a request that comes in the
   * first third of it is one more for the same token.
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

/** How long it took, or has been taking, until another process went on with what a killed one had begun. */
export const delays = (renewals: ReadonlyArray<Renewal>, now: number): ReadonlyArray<number> =>
  renewals.flatMap(({ killedAt, resumedAt }) => killedAt === undefined ? [] : [(resumedAt ?? now) - killedAt])

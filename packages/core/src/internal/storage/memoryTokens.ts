import * as AccessToken from "../../AccessToken.ts"
import { supersedes, usefulUntil } from "./replacement.ts"

/** The number of tokens below which no token is looked at for removal. */
const LEAST_CAPACITY = 64

/**
 * Tokens in the memory of this process, by name. Times are milliseconds since the epoch.
 *
 * @internal
 */
export class MemoryTokens {
  readonly #tokens = new Map<string, AccessToken.AccessToken>()
  #capacity = LEAST_CAPACITY

  get(name: string): AccessToken.AccessToken | undefined {
    return this.#tokens.get(name)
  }

  set(name: string, token: AccessToken.AccessToken, now: number): void {
    this.#removeUseless(now)
    const stored = this.#tokens.get(name)
    if (stored === undefined || supersedes(token, stored, now)) this.#tokens.set(name, token)
  }

  remove(name: string, token: AccessToken.AccessToken): void {
    const stored = this.#tokens.get(name)
    if (stored !== undefined && AccessToken.isSame(stored, token)) this.#tokens.delete(name)
  }

  /**
   * Removes the tokens of clients that no longer run. The capacity then becomes twice what is left, so that the cost of
   * removal is a constant for each token that is set.
   */
  #removeUseless(now: number): void {
    if (this.#tokens.size < this.#capacity) return
    for (const [name, token] of this.#tokens) {
      if (usefulUntil(token) <= now) this.#tokens.delete(name)
    }
    this.#capacity = Math.max(LEAST_CAPACITY, 2 * this.#tokens.size)
  }
}

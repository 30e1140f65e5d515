import * as AccessToken from "../../AccessToken.ts"
import type { Reason } from "../../OAuthEvent.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"

/**
 * The token that callers get: in which part of its life it is, whether anybody uses it, and whether the server takes it.
 * Moments are milliseconds since the epoch.
 *
 * @internal
 */
export class TokenInHand {
  readonly #policy: RefreshPolicy.RefreshPolicy
  #token: AccessToken.AccessToken | undefined
  #moments: RefreshPolicy.Moments = { renewAt: 0, mandatoryAt: 0 }
  #obtainedAt = 0
  /** Whether it was got in place of a rejected one. */
  #replaces = false
  #rejected: AccessToken.AccessToken | undefined
  /** How many in a row the server has rejected soon after they were got. */
  #rejections = 0
  /** Whether anybody has used it. */
  used = false

  constructor(policy: RefreshPolicy.RefreshPolicy) {
    this.#policy = policy
  }

  /** It may have expired. */
  get token(): AccessToken.AccessToken | undefined {
    return this.#token
  }

  /** The last one that the server rejected. It is not taken from the storage again. */
  get rejected(): AccessToken.AccessToken | undefined {
    return this.#rejected
  }

  /** When to renew it in the background, and from when on callers wait for that. */
  get moments(): RefreshPolicy.Moments {
    return this.#moments
  }

  /** The token, if it can still be sent. */
  valid(at: number): AccessToken.AccessToken | undefined {
    return this.#token !== undefined && AccessToken.isValidAt(this.#token, at) ? this.#token : undefined
  }

  /** `latency`: what the last request took, in milliseconds. */
  adopt(next: AccessToken.AccessToken, reason: Reason, at: number, jitter: number, latency: number): void {
    this.#token = next
    this.#moments = RefreshPolicy.moments(this.#policy, next, jitter, latency)
    this.#obtainedAt = at
    this.#replaces = reason === "Rejected"
    // A server that rejects and asks for more in turn does not get more of either.
    if (reason !== "Rejected" && reason !== "StepUp") this.#rejections = 0
    this.used = false
  }

  /** The server has rejected it. Says whether to ask for another. */
  reject(at: number): boolean {
    // A server that rejects what was just got in place of a rejected token will reject the next one too.
    const again = this.#replaces && this.#rejections > 0
    if (again && at - this.#obtainedAt < RefreshPolicy.rejectionMemory(this.#policy, this.#rejections)) return false
    this.#rejections++
    this.#rejected = this.#token
    this.#token = undefined
    return true
  }
}

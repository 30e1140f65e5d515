import * as AccessToken from "../../AccessToken.ts"
import type { Reason } from "../../OAuthEvent.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"

/**
 * The token that callers get: the token itself, when to renew it, whether a caller has used it, and whether the MCP
 * server has rejected it. All moments are milliseconds since the epoch.
 *
 * @internal
 */
export class HeldToken {
  readonly #policy: RefreshPolicy.RefreshPolicy
  #heldSince = 0
  /** Whether the token was obtained in place of a rejected one. */
  #replacesRejected = false
  /** How many tokens in a row the MCP server has rejected soon after they were obtained. */
  #rejections = 0
  /** Whether the first rejection of the held token came soon. `undefined` before the first rejection. */
  #isRejectedSoon: boolean | undefined
  /** The held token, which may have expired. */
  token: AccessToken.AccessToken | undefined
  /** The last token that the MCP server rejected. The provider does not load this token from the storage again. */
  rejected: AccessToken.AccessToken | undefined
  /** When the background renews the token, and from when on callers wait for the renewal. */
  moments: RefreshPolicy.Moments = { renewAt: 0, mandatoryAt: 0 }
  /** Whether a caller has had this token. */
  used = false

  constructor(policy: RefreshPolicy.RefreshPolicy) {
    this.#policy = policy
  }

  /** The held token, if it can still be sent. */
  valid(at: number): AccessToken.AccessToken | undefined {
    return this.token !== undefined && AccessToken.isValidAt(this.token, at) ? this.token : undefined
  }

  /**
   * Holds another token.
   *
   * @param jitter at least 0 and below 1, rolled once for this token
   * @param latency how long the last token request took, in milliseconds
   */
  hold(next: AccessToken.AccessToken, reason: Reason, at: number, jitter: number, latency: number): void {
    // First: a window function of the caller's may throw.
    this.moments = RefreshPolicy.moments(this.#policy, next, jitter, latency)
    this.token = next
    this.#heldSince = at
    this.#replacesRejected = reason === "Rejected"
    // A server that alternates between 401 and 403 must not get more tokens than one that only answers 401.
    if (reason !== "Rejected" && reason !== "StepUp") this.#rejections = 0
    this.#isRejectedSoon = undefined
    this.used = false
  }

  /**
   * Drops the held token, because the MCP server has rejected it. Returns `false`, and keeps the token, if another
   * token would not help: a server that rejects the replacement of a rejected token at once will reject the next one
   * too. A token that was accepted for a while was revoked, and the next one may be accepted.
   */
  reject(at: number): boolean {
    this.#isRejectedSoon ??= at - this.#heldSince < RefreshPolicy.rejectedSoon(this.#policy)
    if (!this.#isRejectedSoon) this.#rejections = 0
    const again = this.#replacesRejected && this.#rejections > 0
    if (again && at - this.#heldSince < RefreshPolicy.rejectionMemory(this.#policy, this.#rejections)) return false
    this.#rejections++
    this.rejected = this.token
    this.token = undefined
    return true
  }

  /**
   * The MCP server has rejected the held token on its first use, in place of the token that it replaced. However slow
   * the server is, the token was never good. The token stays held.
   */
  rejectedAtOnce(): void {
    this.#isRejectedSoon ??= true
  }
}

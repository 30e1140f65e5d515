import type * as Cause from "effect/Cause"
import type { AccessToken } from "../../AccessToken.ts"
import type { OAuthError } from "../../OAuthError.ts"
import type { Reason } from "../../OAuthEvent.ts"
import type * as RefreshPolicy from "../../RefreshPolicy.ts"
import type { Demand } from "./demand.ts"
import { HeldToken } from "./heldToken.ts"
import { Outage } from "./authorizationServerOutage.ts"
import { StepUps } from "./stepUps.ts"

/**
 * All that the provider knows about its token. The rooms of the lifecycle can read the parts, and can change them only
 * through the transitions below. Moments are milliseconds since the epoch.
 *
 * Which transition may follow which:
 *
 * - `acquisitionStarted` comes first in each acquisition, and acquisitions do not overlap.
 * - `foundInStorage` and `scopesWithdrawn` come between `acquisitionStarted` and the end of the acquisition.
 * - `obtained`, `loaded`, `failed` and `stepUpRefused` end the acquisition. Exactly one of them follows each
 *   `acquisitionStarted`, unless the provider is closed first.
 * - `used`, `rejected` and `rejectedAtOnce` need a held token, which `obtained` or `loaded` has brought. After `rejected` there is no
 *   held token until `obtained` or `loaded`.
 * - `waiterArrived` may come at any time without a valid token. It starts the patience for an outage, which `obtained`
 *   and `loaded` end.
 * - `backgroundPaused` follows `failed` of a scheduled renewal. `obtained` and `loaded` end the pause.
 *
 * @internal
 */
export class LifecycleState {
  readonly held: Readonly<Pick<HeldToken, "moments" | "rejected" | "token" | "used" | "valid">>
  readonly outage: Pick<Outage, "current" | "isOngoing" | "isWorthWaiting">
  readonly stepUps: Pick<StepUps, "gained" | "isWorthTrying">
  readonly #held: HeldToken
  readonly #outage: Outage
  readonly #stepUps = new StepUps()
  readonly #policy: RefreshPolicy.RefreshPolicy
  readonly #onToken: () => void
  #latency = 0
  /** The last token seen in the storage. It may have expired, and its refresh token can still be good. */
  lastStored: AccessToken | undefined
  /** When the last acquisition started. */
  acquiringSince = 0
  /** The background does not renew before this moment. Infinite when the background leaves the token to expire. */
  backgroundPausedUntil = 0

  /**
   * `onToken` runs after each transition that brings a token, so that the scheduled refresh can plan the next renewal.
   */
  constructor(policy: RefreshPolicy.RefreshPolicy, onToken: () => void) {
    this.held = this.#held = new HeldToken(policy)
    this.outage = this.#outage = new Outage(policy)
    this.stepUps = this.#stepUps
    this.#policy = policy
    this.#onToken = onToken
  }

  /** When the background makes its next attempt. `undefined` if the background has nothing to do until it is woken. */
  nextRenewal(at: number): number | undefined {
    const { moments, token, used } = this.held
    if (token === undefined || this.backgroundPausedUntil === Number.POSITIVE_INFINITY) return undefined
    if (at < moments.renewAt) return moments.renewAt
    // A token that no caller has used by now is left to expire. The next caller wakes the background again.
    if (!this.#policy.renewUnused && (!used || at >= token.expiresAt)) return undefined
    return Math.max(at, this.backgroundPausedUntil, this.outage.current(at)?.until ?? at)
  }

  /** An acquisition has started. */
  acquisitionStarted(at: number): void {
    this.acquiringSince = at
  }

  /** The storage has a token for this provider, whether or not the provider can use it. */
  foundInStorage(token: AccessToken): void {
    this.lastStored = token
  }

  /** The authorization server has refused the scopes that earlier step-ups had gained. Renewals leave them out. */
  scopesWithdrawn(): void {
    this.#stepUps.withdrawn()
  }

  /** The authorization server has issued a token. `latency` is the duration of the request, in milliseconds. */
  obtained(token: AccessToken, { reason, wanted }: Demand, at: number, jitter: number, latency: number): void {
    this.#latency = latency
    if (reason === "StepUp") this.#stepUps.granted(wanted, token.scopes)
    this.loaded(token, reason, at, jitter)
  }

  /** A token that another provider or process has stored is taken into use. Its renewal is planned with `jitter`. */
  loaded(token: AccessToken, reason: Reason, at: number, jitter: number): void {
    this.#held.hold(token, reason, at, jitter, this.#latency)
    this.#outage.ended()
    this.backgroundPausedUntil = 0
    if (reason !== "Rejected" && reason !== "StepUp") this.#stepUps.forgetAttempts()
    if (reason !== "StepUp") this.#stepUps.forgetRefusals()
    this.#onToken()
  }

  /** The acquisition has failed. A valid held token stays in use. */
  failed(cause: Cause.Cause<OAuthError>, at: number, jitter: number): void {
    const { moments } = this.#held
    this.#outage.failed(cause, at, jitter, this.#held.valid(at) === undefined ? undefined : moments.mandatoryAt)
  }

  /** The authorization server has finally refused a step-up. The held token stays in use, and no outage begins. */
  stepUpRefused(missing: ReadonlyArray<string>): void {
    this.#stepUps.refused(missing)
  }

  /** A caller has the held token. */
  used(): void {
    this.#held.used = true
  }

  /**
   * The MCP server has rejected the held token. Returns `false`, and changes nothing, if the token replaced a rejected
   * one so recently that another replacement would not help.
   */
  rejected(at: number): boolean {
    return this.#held.reject(at)
  }

  /** The MCP server has rejected the held token on its first use. The token stays held. */
  rejectedAtOnce(): void {
    this.#held.rejectedAtOnce()
  }

  /** A caller waits for a token, and there is no valid one. */
  waiterArrived(at: number): void {
    this.#outage.waiterArrived(at)
  }

  /**
   * A scheduled renewal was finally refused, so another attempt would be refused too. The background stops until the
   * mandatory part begins, tries once more there, and then leaves the token to expire.
   */
  backgroundPaused(at: number): void {
    const { mandatoryAt } = this.#held.moments
    this.backgroundPausedUntil = at < mandatoryAt ? mandatoryAt : Number.POSITIVE_INFINITY
  }
}

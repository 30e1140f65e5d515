import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as AccessToken from "../../AccessToken.ts"
import * as OwnedFibers from "../../authoring/OwnedFibers.ts"
import * as Challenge from "../../Challenge.ts"
import * as OAuthEvent from "../../OAuthEvent.ts"
import * as Scopes from "../text/scopeList.ts"
import * as BackgroundClock from "../waiting/backgroundClock.ts"
import { type Demand, forReason, isMetBy } from "./demand.ts"
import { AcquisitionWaiters, providerClosed } from "./acquisitionWaiters.ts"
import type { Acquired, LifecycleParts } from "./lifecycleParts.ts"
import { LifecycleState } from "./lifecycleState.ts"
import { ScheduledRefresh } from "./scheduledRefresh.ts"

/** @internal */
export interface Options extends
  Pick<
    LifecycleParts,
    "acquisitionLimit" | "obtain" | "permitted" | "policy" | "remembered" | "resource" | "storage" | "telemetry"
  >
{}

/**
 * The token's life as callers see it. `OAuthProvider` documents the fields of the same names.
 *
 * @internal
 */
export interface TokenLifecycle {
  readonly accessToken: Acquired
  readonly renew: (rejected: AccessToken.AccessToken, challenge?: Challenge.Challenge) => Acquired
  readonly unsafeFresh: () => AccessToken.AccessToken | undefined
  readonly unsafeRejected: (token: AccessToken.AccessToken) => void
}

/**
 * The life of one token: held in memory, renewed before it expires, replaced when the MCP server rejects it, and
 * requested once however many callers need it. Lasts as long as the scope.
 *
 * The lifecycle has three rooms that work on one `LifecycleState`: `Callers` answers callers, `AcquisitionWaiters` lets
 * them share one acquisition and limits their wait, and `LeasedAcquisition` gets one token.
 *
 * @internal
 */
export const make = (options: Options): Effect.Effect<TokenLifecycle, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { policy } = options
    const clock = BackgroundClock.of(yield* Effect.clock)
    const fibers = yield* OwnedFibers.make()
    const state = new LifecycleState(policy, () => refresh.unsafeWake())
    const parts = { ...options, state, fibers, clock, now: () => clock.unsafeCurrentTimeMillis() }
    const waiters = new AcquisitionWaiters(parts)
    const refresh = new ScheduledRefresh({
      clock,
      fork: fibers.fork,
      next: (at) => state.nextRenewal(at),
      aliveAt: () => waiters.aliveAt,
      renew: waiters.renewInBackground()
    })
    return new Callers(parts, waiters, refresh)
  })

/** Answers callers from memory where possible. Other demands go to the shared acquisition. */
class Callers implements TokenLifecycle {
  readonly #parts: LifecycleParts
  readonly #waiters: AcquisitionWaiters
  readonly #refresh: ScheduledRefresh

  constructor(parts: LifecycleParts, waiters: AcquisitionWaiters, refresh: ScheduledRefresh) {
    this.#parts = parts
    this.#waiters = waiters
    this.#refresh = refresh
  }

  readonly #markUsed = Effect.sync(() => this.#parts.state.used())

  readonly accessToken: Acquired = Effect.suspend(() => {
    const fresh = this.unsafeFresh()
    if (fresh !== undefined) return Exit.succeed(fresh)
    const demand = forReason(this.#parts.state.held.token === undefined ? "First" : "Expired")
    return Effect.tap(this.#waiters.acquireOrHeld(demand), this.#markUsed)
  })

  /** This function is on the path of every request, and costs some nanoseconds. */
  readonly unsafeFresh = (): AccessToken.AccessToken | undefined => {
    const { fibers, now, state, telemetry } = this.#parts
    if (fibers.isClosed()) return undefined
    const at = now()
    const token = state.held.valid(at)
    const { mandatoryAt, renewAt } = state.held.moments
    if (token === undefined || (at >= mandatoryAt && !this.#waiters.isServerAway(at))) return undefined
    telemetry.hit()
    state.used()
    if (at >= renewAt && at >= state.backgroundPausedUntil) this.#refresh.unsafeWake()
    return token
  }

  /** The request that was sent again was rejected too: no token is requested, and another one would not help. */
  readonly unsafeRejected = (token: AccessToken.AccessToken): void => {
    const { state } = this.#parts
    if (state.held.token !== undefined && AccessToken.isSame(state.held.token, token)) state.rejectedAtOnce()
  }

  readonly renew = (rejected: AccessToken.AccessToken, challenge?: Challenge.Challenge): Acquired =>
    Effect.suspend(() => {
      if (this.#parts.fibers.isClosed()) return providerClosed
      return challenge !== undefined && Challenge.isInsufficientScope(challenge)
        ? this.#stepUp(rejected, challenge)
        : this.#replace(rejected, challenge)
    }).pipe(Effect.tap(this.#markUsed))

  /** Answers a 403 that names scopes (RFC 6750 §3.1). Returns the caller's token if asking for them would not help. */
  #stepUp(rejected: AccessToken.AccessToken, challenge: Challenge.Challenge): Acquired {
    const { now, permitted, state: { held, outage, stepUps }, telemetry } = this.#parts
    const needed = Challenge.requiredScopes(challenge)
    const missing = Scopes.missing(needed, rejected.scopes)
    if (permitted.isStepUpOff || missing.length === 0) return Effect.succeed(rejected)
    const wanted = permitted.requestable(Scopes.union(rejected.scopes, needed))
    const demand: Demand = { reason: "StepUp", challenge, wanted, missing }
    const at = now()
    const token = held.valid(at)
    if (token !== undefined && isMetBy({ ...demand, wanted: Scopes.union(wanted, missing) }, token)) {
      return Effect.succeed(token)
    }
    const forbidden = permitted.forbiddenInStepUp(missing)
    // With only some of the needed scopes, the server would answer 403 again.
    if (forbidden.length > 0) return Effect.as(telemetry.scopesForbidden(forbidden, rejected), rejected)
    return stepUps.isWorthTrying(missing) && outage.current(at) === undefined
      ? this.#waiters.acquire(demand)
      : Effect.succeed(rejected)
  }

  /** Answers a 401, or a 403 with `invalid_token`. Returns the caller's token if another one would be rejected too. */
  #replace(rejected: AccessToken.AccessToken, challenge: Challenge.Challenge | undefined): Acquired {
    const { now, state, state: { held }, telemetry } = this.#parts
    const demand: Demand = { ...forReason("Rejected"), rejected, challenge }
    if (held.token === undefined) return this.#waiters.acquire(demand)
    const at = now()
    if (!AccessToken.isSame(held.token, rejected)) {
      const token = held.valid(at)
      return token === undefined ? this.#waiters.acquire(demand) : Effect.succeed(token)
    }
    if (!state.rejected(at)) return Effect.succeed(rejected)
    const shown = challenge && Challenge.withoutToken(challenge, rejected.value)
    const published = telemetry.publish(OAuthEvent.TokenRejected({ token: rejected, challenge: shown }))
    return Effect.zipRight(published, this.#waiters.acquire(demand))
  }
}

import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as AccessToken from "../../AccessToken.ts"
import * as OwnedFibers from "../../authoring/OwnedFibers.ts"
import * as Challenge from "../../Challenge.ts"
import type { OAuthError } from "../../OAuthError.ts"
import * as OAuthEvent from "../../OAuthEvent.ts"
import type { RefreshPolicy } from "../../RefreshPolicy.ts"
import type { TokenKey } from "../../TokenKey.ts"
import type { TokenStorage } from "../../TokenStorage.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"
import * as Scopes from "../text/scopeList.ts"
import { Acquisition } from "./leasedAcquisition.ts"
import { type Demand, forReason, isMetBy } from "./demand.ts"
import { providerClosed } from "./providerClosed.ts"
import { ScheduledRefresh } from "./scheduledRefresh.ts"
import { AcquisitionWaiters } from "./acquisitionWaiters.ts"
import { StorageGuard } from "./storageGuard.ts"
import { LifecycleState } from "./lifecycleState.ts"

export type { Demand } from "./demand.ts"

/** @internal */
export interface Options {
  readonly key: TokenKey
  readonly storage: TokenStorage.Service
  readonly policy: RefreshPolicy
  /** Whether to answer a 403 that names a scope by asking for that scope. */
  readonly stepUp: boolean
  /** Asks the authorization server. The lifecycle makes one call at a time. */
  readonly obtain: (demand: Demand) => Effect.Effect<AccessToken.AccessToken, OAuthError>
  readonly telemetry: Telemetry
}

type Acquired = Effect.Effect<AccessToken.AccessToken, OAuthError>

/**
 * The token's life as callers see it. `OAuthProvider` documents the fields of the same names.
 *
 * @internal
 */
export interface TokenLifecycle {
  readonly accessToken: Acquired
  readonly renew: (rejected: AccessToken.AccessToken, challenge?: Challenge.Challenge) => Acquired
  readonly unsafeFresh: () => AccessToken.AccessToken | undefined
}

/**
 * The life of one token: held in memory, renewed before it expires, replaced when the MCP server rejects it, and
 * requested once however many callers need it. Lasts as long as the scope.
 *
 * The lifecycle has three rooms that work on one `LifecycleState`: `Callers` answers callers, `AcquisitionWaiters` lets
 * them share one acquisition and limits their wait, and `Acquisition` gets one token.
 *
 * @internal
 */
export const make = (options: Options): Effect.Effect<TokenLifecycle, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { key, obtain, policy, stepUp, telemetry } = options
    const clock = yield* Effect.clock
    const fibers = yield* OwnedFibers.make()
    const state = new LifecycleState(policy, () => refresh.unsafeWake())
    const storage = new StorageGuard({ storage: options.storage, key, policy, clock, publish: telemetry.publish })
    const acquisition = new Acquisition({ state, storage, policy, obtain, telemetry, clock, fibers })
    const shared = new AcquisitionWaiters({ state, acquisition, policy, telemetry, clock, fibers })
    const renew = Effect.suspend(() => shared.renewInBackground())
    const refresh = new ScheduledRefresh({ clock, fork: fibers.fork, next: (at) => state.nextRenewal(at), renew })
    return new Callers({ state, shared, refresh, telemetry, stepUp, clock, fibers })
  })

interface Parts extends Pick<Options, "stepUp" | "telemetry"> {
  readonly state: LifecycleState
  readonly shared: AcquisitionWaiters
  readonly refresh: ScheduledRefresh
  readonly clock: Clock.Clock
  readonly fibers: OwnedFibers.OwnedFibers
}

/** Answers callers from memory where possible. Other demands go to the shared acquisition. */
class Callers implements TokenLifecycle {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  readonly #markUsed = Effect.sync(() => this.#parts.state.used())

  readonly accessToken: Acquired = Effect.suspend(() => {
    const fresh = this.unsafeFresh()
    if (fresh !== undefined) return Exit.succeed(fresh)
    const { shared, state } = this.#parts
    const demand = forReason(state.held.token === undefined ? "First" : "Expired")
    return Effect.tap(shared.acquireOrHeld(demand), this.#markUsed)
  })

  /** This function is on the path of every request, and costs some nanoseconds. */
  readonly unsafeFresh = (): AccessToken.AccessToken | undefined => {
    const { clock, fibers, refresh, shared, state, telemetry } = this.#parts
    if (fibers.isClosed()) return undefined
    const at = clock.unsafeCurrentTimeMillis()
    const token = state.held.valid(at)
    const { mandatoryAt, renewAt } = state.held.moments
    if (token === undefined || (at >= mandatoryAt && !shared.isServerAway(at))) return undefined
    telemetry.hit()
    state.used()
    if (at >= renewAt && at >= state.backgroundPausedUntil) refresh.unsafeWake()
    return token
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
    const { clock, shared, state: { held, outage, stepUps }, stepUp } = this.#parts
    const needed = Challenge.requiredScopes(challenge)
    const missing = Scopes.missing(needed, rejected.scopes)
    if (!stepUp || missing.length === 0) return Effect.succeed(rejected)
    const demand: Demand = { reason: "StepUp", challenge, wanted: Scopes.union(rejected.scopes, needed), missing }
    const at = clock.unsafeCurrentTimeMillis()
    const token = held.valid(at)
    if (token !== undefined && isMetBy(demand, token)) return Effect.succeed(token)
    return stepUps.isWorthTrying(missing) && outage.current(at) === undefined
      ? shared.acquire(demand)
      : Effect.succeed(rejected)
  }

  /** Answers a 401. Returns the caller's token if another one would be rejected too. */
  #replace(rejected: AccessToken.AccessToken, challenge: Challenge.Challenge | undefined): Acquired {
    const { clock, shared, state, state: { held }, telemetry } = this.#parts
    const demand: Demand = { ...forReason("Rejected"), rejected, challenge }
    if (held.token === undefined) return shared.acquire(demand)
    const at = clock.unsafeCurrentTimeMillis()
    if (!AccessToken.isSame(held.token, rejected)) {
      const token = held.valid(at)
      return token === undefined ? shared.acquire(demand) : Effect.succeed(token)
    }
    if (!state.rejected(at)) return Effect.succeed(rejected)
    const published = telemetry.publish(OAuthEvent.TokenRejected({ token: rejected }))
    return Effect.zipRight(published, shared.acquire(demand))
  }
}

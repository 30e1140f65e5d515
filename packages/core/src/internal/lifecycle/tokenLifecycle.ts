/**
 * The life of one token: kept in memory, renewed ahead of its expiry, replaced when it is rejected, asked for once
 * however many callers want it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as AccessToken from "../../AccessToken.ts"
import * as Challenge from "../../Challenge.ts"
import { Outage } from "./outage.ts"
import { Refresher } from "./scheduledRefresh.ts"
import * as Scopes from "../text/scopeList.ts"
import { SharedStorage } from "./storageGuard.ts"
import * as SingleFlight from "./singleFlight.ts"
import { StepUps } from "./stepUps.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"
import { TokenInHand } from "./heldToken.ts"
import { isTransient, type OAuthError, TokenEndpointError } from "../../OAuthError.ts"
import * as OAuthEvent from "../../OAuthEvent.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"
import type { TokenKey } from "../../TokenKey.ts"
import type { TokenStorage } from "../../TokenStorage.ts"

/**
 * What a token is asked for.
 *
 * - `rejected`: the token that the server answered 401 or 403 to, and its `challenge`.
 * - `refreshToken`: what was issued with the token that is to be replaced (RFC 6749 §6), by `refreshTokenIssuer`.
 * - `wanted`: the scopes to ask for beyond the provider's own, and which of them are `missing` in the token in hand.
 *
 * @since 0.1.0
 * @category models
 */
export interface Demand {
  readonly reason: OAuthEvent.Reason
  readonly rejected?: AccessToken.AccessToken | undefined
  readonly challenge?: Challenge.Challenge | undefined
  readonly refreshToken?: Redacted.Redacted<string> | undefined
  readonly refreshTokenIssuer?: string | undefined
  readonly wanted: ReadonlyArray<string>
  readonly missing: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly key: TokenKey
  readonly storage: TokenStorage.Service
  readonly policy: RefreshPolicy.RefreshPolicy
  /** Whether a 403 that names a scope is answered by asking for it. */
  readonly stepUp: boolean
  /** Asks the authorization server. Called by one flight at a time. */
  readonly obtain: (demand: Demand) => Effect.Effect<AccessToken.AccessToken, OAuthError>
  readonly telemetry: Telemetry
}

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenLifecycle {
  readonly accessToken: Effect.Effect<AccessToken.AccessToken, OAuthError>
  readonly renew: (
    rejected: AccessToken.AccessToken,
    challenge?: Challenge.Challenge
  ) => Effect.Effect<AccessToken.AccessToken, OAuthError>
  readonly unsafeFresh: () => AccessToken.AccessToken | undefined
}

/**
 * Lives as long as the scope, and all its fibers with it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TokenLifecycle, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { key, policy, telemetry } = options
    const { publish } = telemetry
    const clock = yield* Effect.clock
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        closed = true
        return Scope.close(scope, exit)
      })
    )
    // A flight is the provider's, not its first caller's: it must not end with that caller or inherit from it. It can be
    // interrupted also if the provider was made where nothing can, or its time limits would have no effect.
    const runtime = yield* Effect.runtime<never>()
    const runFork = <A, E>(work: Effect.Effect<A, E>) => Runtime.runFork(runtime)(Effect.interruptible(work), { scope })
    const flights = SingleFlight.make<Demand, AccessToken.AccessToken, OAuthError>(runFork)
    const storage = new SharedStorage({ storage: options.storage, key, policy, clock, publish })

    const inHand = new TokenInHand(policy)
    /** The last one in the storage: it may have expired, and its refresh token still be good. */
    let kept: AccessToken.AccessToken | undefined
    /** What the last request took, in milliseconds. */
    let latency = 0
    let flyingSince = 0
    /** Until when the background has given up on this token. */
    let abandonedUntil = 0
    let closed = false
    const outage = new Outage(policy)
    const stepUps = new StepUps()

    const now = () => clock.unsafeCurrentTimeMillis()

    // ---- what callers get ------------------------------------------------------------------------------------------

    const unsafeFresh = (): AccessToken.AccessToken | undefined => {
      if (closed) return undefined
      const at = now()
      const token = inHand.valid(at)
      if (token === undefined || (at >= inHand.moments.mandatoryAt && !isAway(at))) return undefined
      telemetry.hit()
      inHand.used = true
      if (at >= inHand.moments.renewAt && at >= abandonedUntil) refresher.unsafeWake()
      return token
    }

    /** The authorization server has failed, or lets us wait: to wait for it while there is a token would help nobody. */
    const isAway = (at: number): boolean =>
      outage.isOn(at) ||
      (flights.current()?.hasLanded() === false && at - flyingSince >= Duration.toMillis(policy.patience.withToken))

    const markUsed = Effect.sync(() => inHand.used = true)

    const accessToken: Effect.Effect<AccessToken.AccessToken, OAuthError> = Effect.suspend(() => {
      const fresh = unsafeFresh()
      return fresh === undefined ? Effect.tap(awaitToken, markUsed) : Exit.succeed(fresh)
    })

    /** In the mandatory part callers wait, but not for long, and are not failed while the token in hand has not expired. */
    const awaitToken: Effect.Effect<AccessToken.AccessToken, OAuthError> = Effect.suspend(() => {
      const demand = demandFor(inHand.token === undefined ? "First" : "Expired")
      if (inHand.valid(now()) === undefined) return resolve(demand)
      return resolve(demand).pipe(
        Effect.timeoutOption(policy.patience.withToken),
        Effect.catchAllCause((cause) => closed ? Effect.failCause(cause) : Effect.succeedNone),
        Effect.flatMap((renewed) => {
          const token = Option.getOrElse(renewed, () => inHand.valid(now()))
          return token === undefined ? resolve(demand) : Effect.succeed(token)
        })
      )
    })

    const renew: TokenLifecycle["renew"] = (rejected, challenge) =>
      Effect.suspend(() => {
        if (closed) return isClosed
        return challenge !== undefined && Challenge.isInsufficientScope(challenge)
          ? stepUp(rejected, challenge)
          : replace(rejected, challenge)
      }).pipe(Effect.tap(markUsed))

    const stepUp = (rejected: AccessToken.AccessToken, challenge: Challenge.Challenge) => {
      const needed = Challenge.requiredScopes(challenge)
      const missing = Scopes.missing(needed, rejected.scopes)
      if (!options.stepUp || missing.length === 0) return Effect.succeed(rejected)
      const demand: Demand = { reason: "StepUp", challenge, wanted: Scopes.union(rejected.scopes, needed), missing }
      const at = now()
      const token = inHand.valid(at)
      if (token !== undefined && satisfies(token, demand)) return Effect.succeed(token)
      return stepUps.isWorthTrying(missing) && outage.current(at) === undefined
        ? resolve(demand)
        : Effect.succeed(rejected)
    }

    const replace = (rejected: AccessToken.AccessToken, challenge: Challenge.Challenge | undefined) => {
      const demand: Demand = { ...demandFor("Rejected"), rejected, challenge }
      if (inHand.token === undefined) return resolve(demand)
      const at = now()
      if (!AccessToken.isSame(inHand.token, rejected)) {
        const token = inHand.valid(at)
        return token === undefined ? resolve(demand) : Effect.succeed(token)
      }
      if (!inHand.reject(at)) return Effect.succeed(rejected)
      return Effect.zipRight(publish(OAuthEvent.TokenRejected({ token: rejected })), resolve(demand))
    }

    // ---- one flight ------------------------------------------------------------------------------------------------

    const satisfies = (candidate: AccessToken.AccessToken, demand: Demand): boolean =>
      (demand.rejected === undefined || !AccessToken.isSame(candidate, demand.rejected)) &&
      Scopes.missing(demand.wanted, candidate.scopes).length === 0

    /** Whether what comes of the flight is the answer to the demand, be it a token or an error. */
    const answers = (flown: Demand, demand: Demand): boolean =>
      (demand.rejected === undefined ||
        (flown.rejected !== undefined && AccessToken.isSame(flown.rejected, demand.rejected))) &&
      Scopes.missing(demand.wanted, flown.wanted).length === 0 &&
      (flown.reason === "StepUp") === (demand.reason === "StepUp")

    const resolve = (demand: Demand): Effect.Effect<AccessToken.AccessToken, OAuthError> =>
      Effect.suspend(() => {
        if (closed) return isClosed
        const at = now()
        if (waits(demand) && inHand.valid(at) === undefined) outage.strand(at)
        const flight = flights.current()
        if (flight === undefined) return start(demand, at)
        // Its token is in memory already, and is not what this demand is about. The next flight begins when it ends.
        if (flight.hasLanded()) return Effect.zipRight(flight.ended, resolve(demand))
        if (answers(flight.demand, demand)) return arrival(flight, demand)
        return Effect.flatMap(
          Effect.exit(outcomeOf(flight, demand)),
          (exit) => Exit.isSuccess(exit) && satisfies(exit.value, demand) ? exit : resolve(demand)
        )
      })

    /** Step-ups have the server's own answer to give, and the background has time. */
    const waits = ({ reason }: Demand): boolean => reason !== "StepUp" && reason !== "Scheduled"

    const start = (demand: Demand, at: number) => {
      const failure = outage.current(at)
      if (failure !== undefined && !isWorthWaiting(failure.cause, demand, at)) return Effect.failCause(failure.cause)
      const flight = flights.start(demand, (land) => {
        const flown = telemetry.flight(
          (landed) => fly(demand, (token) => Effect.zipRight(landed(token), land(token))),
          demand
        )
        return failure === undefined
          ? flown
          : Effect.zipRight(clock.sleep(Duration.millis(failure.until - at)), unlessServed(demand, flown))
      })
      return arrival(flight, demand)
    }

    /** A clock that was set back may be right again by now, and the token in hand with it. */
    const unlessServed = <E>(demand: Demand, flown: Effect.Effect<AccessToken.AccessToken, E>) =>
      Effect.suspend(() => {
        const at = now()
        const token = at < inHand.moments.mandatoryAt ? inHand.valid(at) : undefined
        return token !== undefined && satisfies(token, demand) ? Effect.succeed(token) : flown
      })

    const isWorthWaiting = (cause: Cause.Cause<OAuthError>, demand: Demand, at: number): boolean =>
      waits(demand) && inHand.valid(at) === undefined && outage.isWorthWaiting(cause, at)

    type Flight = SingleFlight.Flight<Demand, AccessToken.AccessToken, OAuthError>

    /** What the flight brings; if that is nothing, what is in hand, or the next one for as long as it is worth waiting. */
    const arrival = (flight: Flight, demand: Demand): Effect.Effect<AccessToken.AccessToken, OAuthError> =>
      Effect.catchAllCause(outcomeOf(flight, demand), (cause) => {
        const at = now()
        const token = waits(demand) && !closed ? inHand.valid(at) : undefined
        if (token !== undefined && satisfies(token, demand)) return Effect.succeed(token)
        return isWorthWaiting(cause, demand, at) ? resolve(demand) : Effect.failCause(cause)
      })

    /** A caller that nobody interrupted is not told that it was, when the provider ends under it. */
    const outcomeOf = (flight: Flight, demand: Demand) =>
      Effect.catchAllCause(
        telemetry.waiting(flight.outcome, demand),
        (cause) => closed && Cause.isInterruptedOnly(cause) ? isClosed : Effect.failCause(cause)
      )

    /** Those who wait have the token before the storage has it: that may be slow. */
    const fly = (
      demand: Demand,
      land: (token: AccessToken.AccessToken) => Effect.Effect<void>
    ): Effect.Effect<AccessToken.AccessToken, OAuthError> =>
      Effect.gen(function*() {
        flyingSince = now()
        // Before the lease, while it is another's, and once more when it is ours.
        for (const step of [look(demand), storage.lease(look(demand)), lookAsHolder(demand)]) {
          const shared = yield* step
          if (Option.isSome(shared)) return yield* load(shared.value, demand)
        }
        const obtained = yield* obtain(demand)
        // A job that ends as soon as it has what it wanted is to find the token there when it starts again.
        yield* Effect.uninterruptible(Effect.zipRight(land(obtained), storage.set(obtained)))
        return obtained
      }).pipe(
        Effect.scoped,
        Effect.catchAllCause((cause) => Effect.zipRight(failed(cause, demand), Effect.failCause(asBug(cause))))
      )

    /** Nobody interrupts a flight but the provider's end; what does so below it is no better than a defect. */
    const asBug = <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
      closed || !Cause.isInterruptedOnly(cause) ? cause : Cause.die(new Error(INTERRUPTED))

    const obtain = (demand: Demand) =>
      Effect.gen(function*() {
        const [duration, obtained] = yield* Effect.timedWith(askFor(demand), clock.currentTimeNanos)
        const millis = Math.round(Duration.toMillis(duration))
        latency = millis
        if (demand.reason === "StepUp") stepUps.granted(demand.wanted, obtained.scopes)
        yield* adopt(obtained, demand.reason)
        yield* publish(
          demand.reason === "First"
            ? OAuthEvent.TokenObtained({ token: obtained, millis })
            : OAuthEvent.TokenRenewed({ token: obtained, reason: demand.reason, millis })
        )
        return obtained
      })

    /** If what a step-up once won is no longer to be had, the rest still is. */
    const askFor = (demand: Demand) => {
      const asked = { ...demand, ...refreshOf([demand.rejected ?? inHand.token ?? inHand.rejected, kept]) }
      return options.obtain({ ...asked, wanted: Scopes.union(demand.wanted, stepUps.won) }).pipe(
        Effect.catchIf(
          (error) => demand.reason !== "StepUp" && stepUps.won.length > 0 && !isTransient(error),
          (error) => {
            stepUps.lost()
            return isInvalidScope(error) ? options.obtain(asked) : Effect.fail(error)
          }
        )
      )
    }

    const load = (shared: AccessToken.AccessToken, { reason }: Demand) =>
      adopt(shared, reason).pipe(
        Effect.zipRight(publish(OAuthEvent.TokenLoaded({ token: shared }))),
        Effect.as(shared)
      )

    const adopt = (next: AccessToken.AccessToken, reason: OAuthEvent.Reason) =>
      Effect.map(Random.next, (jitter) => {
        inHand.adopt(next, reason, now(), jitter, latency)
        outage.ended()
        abandonedUntil = 0
        if (reason !== "Rejected" && reason !== "StepUp") stepUps.forgetAttempts()
        if (reason !== "StepUp") stepUps.forgetFailures()
        refresher.unsafeWake()
      })

    const failed = (cause: Cause.Cause<OAuthError>, demand: Demand) =>
      Effect.flatMap(Random.next, (jitter) => {
        if (closed) return Effect.void
        const error = Option.getOrUndefined(Cause.failureOption(cause))
        if (demand.reason === "StepUp" && error !== undefined && !isTransient(error)) stepUps.refused(demand.missing)
        else {
          const from = now()
          outage.failed(asBug(cause), from, jitter, inHand.valid(from) && inHand.moments.mandatoryAt)
        }
        return error === undefined
          ? Effect.logError("Getting a token died. This is a bug below the provider.", cause)
          : publish(OAuthEvent.RenewalFailed({ error, reason: demand.reason }))
      })

    // ---- what others have put into the storage -------------------------------------------------------------------------

    const stored = Effect.tap(
      storage.get(),
      (stored) => Effect.sync(() => kept = Option.getOrUndefined(stored) ?? kept)
    )

    /** A token that another provider or process has put there and that is better than what is in hand. */
    const look = (demand: Demand) => Effect.map(stored, Option.filter((candidate) => isBetter(candidate, demand)))

    /** And takes out one that was rejected: without the lease it might by now be another that is taken away. */
    const lookAsHolder = (demand: Demand) =>
      stored.pipe(
        Effect.tap((found) =>
          Option.isSome(found) && isRejected(found.value) ? storage.remove(found.value) : Effect.void
        ),
        Effect.map(Option.filter((candidate) => isBetter(candidate, demand)))
      )

    const isRejected = (candidate: AccessToken.AccessToken): boolean =>
      inHand.rejected !== undefined && AccessToken.isSame(candidate, inHand.rejected)

    const isBetter = (candidate: AccessToken.AccessToken, demand: Demand): boolean =>
      !isRejected(candidate) &&
      candidate.issuedAt <= now() &&
      now() < RefreshPolicy.moments(policy, candidate, 0).mandatoryAt &&
      (inHand.token === undefined || candidate.expiresAt > inHand.token.expiresAt) &&
      (inHand.rejected === undefined || candidate.issuedAt >= inHand.rejected.issuedAt) &&
      satisfies(candidate, { ...demand, wanted: Scopes.union(demand.wanted, stepUps.won) })

    // ---- the scheduled refresh -----------------------------------------------------------------------------------------

    /** Until when it would only happen again; that is put to the test once more before callers learn of it. */
    const abandon = (): void => {
      const { mandatoryAt } = inHand.moments
      abandonedUntil = now() < mandatoryAt ? mandatoryAt : Number.POSITIVE_INFINITY
    }

    const refresher = new Refresher({
      clock,
      fork: runFork,
      next: (at) => {
        const { moments, token, used } = inHand
        if (token === undefined || abandonedUntil === Number.POSITIVE_INFINITY) return undefined
        if (at < moments.renewAt) return moments.renewAt
        // A token that nobody has used by now is left to expire; the next caller starts this again.
        if (!policy.renewUnused && (!used || at >= token.expiresAt)) return undefined
        return Math.max(at, abandonedUntil, outage.current(at)?.until ?? at)
      },
      renew: Effect.suspend(() => resolve(demandFor("Scheduled"))).pipe(
        Effect.as(true),
        Effect.catchAll((error) =>
          Effect.sync(() => {
            if (!isTransient(error)) abandon()
            return false
          })
        ),
        Effect.catchAllDefect(() =>
          Effect.sync(() => {
            abandon()
            return false
          })
        )
      )
    })

    return { accessToken, renew, unsafeFresh }
  })

const isClosed = Effect.suspend(() => Effect.die(new Error(CLOSED)))

const demandFor = (reason: OAuthEvent.Reason): Demand => ({ reason, wanted: [], missing: [] })

/** Of the latest token: where each use of a refresh token issues the next, an earlier one has been used up. */
const refreshOf = (tokens: ReadonlyArray<AccessToken.AccessToken | undefined>) => {
  const latest = tokens.filter((token) => token !== undefined).reduce<AccessToken.AccessToken | undefined>(
    (latest, token) => latest === undefined || token.issuedAt > latest.issuedAt ? token : latest,
    undefined
  )
  return { refreshToken: latest?.refreshToken, refreshTokenIssuer: latest?.issuer }
}

const isInvalidScope = (error: OAuthError): boolean =>
  error instanceof TokenEndpointError && error.code === "invalid_scope"

const INTERRUPTED =
  "The token request was interrupted from below, by its grant, its client authentication or the HttpClient. " +
  "Have that fail with an error instead."

const CLOSED =
  "This OAuthProvider is closed: its Layer, or scope, has ended. Keep it open for as long as its clients " +
  "and its fetch are used."

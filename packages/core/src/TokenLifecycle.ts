/**
 * The life of one token: kept in memory, renewed ahead of its expiry, replaced when it is rejected, asked for once
 * however many callers want it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as AccessToken from "./AccessToken.ts"
import * as Challenge from "./Challenge.ts"
import * as Scopes from "./internal/scopes.ts"
import * as SingleFlight from "./internal/singleFlight.ts"
import { isTransient, type OAuthError, type TokenStorageError } from "./OAuthError.ts"
import * as OAuthEvent from "./OAuthEvent.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import type { TokenKey, TokenStorage } from "./TokenStorage.ts"

/**
 * What a token is asked for.
 *
 * - `rejected`: the token that the server answered 401 or 403 to, and its `challenge`.
 * - `additionalScopes`: those to ask for beyond the provider's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Demand {
  readonly reason: OAuthEvent.Reason
  readonly rejected?: AccessToken.AccessToken | undefined
  readonly challenge?: Challenge.Challenge | undefined
  readonly additionalScopes: ReadonlyArray<string>
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
  readonly events: PubSub.PubSub<OAuthEvent.OAuthEvent>
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
  readonly events: Stream.Stream<OAuthEvent.OAuthEvent>
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
    const { events, key, policy, storage } = options
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    // A flight is the provider's, not its first caller's: it must not end with that caller or inherit from it.
    const runFork = Runtime.runFork(yield* Effect.runtime<never>())
    const flights = SingleFlight.make<Demand, AccessToken.AccessToken, OAuthError>((work) => runFork(work, { scope }))

    let token: AccessToken.AccessToken | undefined
    /** The last one that the server rejected, lest it come back from the storage. */
    let dropped: AccessToken.AccessToken | undefined
    let moments: RefreshPolicy.Moments = { renewAt: 0, mandatoryAt: 0 }
    let used = false
    let obtainedFor: OAuthEvent.Reason = "First"
    let refusal: { readonly error: OAuthError; readonly until: number } | undefined
    let failures = 0
    let abandoned = false
    let closed = false
    yield* Effect.addFinalizer(() => Effect.sync(() => closed = true))
    let refresher: Fiber.RuntimeFiber<unknown> | undefined
    /** Scopes that step-ups have won, which every renewal asks for again. */
    const won = new Set<string>()
    /** Scopes that step-ups have asked for, whatever came of it: nothing is asked for twice. */
    const asked = new Set<string>()

    const now = () => clock.unsafeCurrentTimeMillis()
    const publish = (event: OAuthEvent.OAuthEvent) => PubSub.publish(events, event)

    // ---- what callers get ------------------------------------------------------------------------------------------

    const unsafeFresh = (): AccessToken.AccessToken | undefined => {
      if (token === undefined) return undefined
      const at = now()
      if (at >= moments.mandatoryAt || at < token.issuedAt) return undefined
      used = true
      if (at >= moments.renewAt) unsafeRefresh()
      return token
    }

    const markUsed = Effect.sync(() => used = true)

    const accessToken: Effect.Effect<AccessToken.AccessToken, OAuthError> = Effect.suspend(() => {
      const fresh = unsafeFresh()
      return fresh === undefined ? awaitToken : Exit.succeed(fresh)
    })

    /** In the mandatory part a caller waits, but is not failed while the token in hand has not expired. */
    const awaitToken = Effect.suspend(() =>
      resolve({ reason: token === undefined ? "First" : "Expired", additionalScopes: [] })
    ).pipe(
      Effect.catchAll((error) =>
        token !== undefined && AccessToken.isValidAt(token, now()) ? Effect.succeed(token) : Effect.fail(error)
      ),
      Effect.tap(markUsed)
    )

    const renew: TokenLifecycle["renew"] = (rejected, challenge) =>
      Effect.suspend(() => {
        const needed = challenge === undefined ? [] : Challenge.requiredScopes(challenge)
        return challenge !== undefined && Challenge.isInsufficientScope(challenge)
          ? stepUp(rejected, needed, challenge)
          : replace(rejected, challenge)
      }).pipe(Effect.tap(markUsed))

    const stepUp = (
      rejected: AccessToken.AccessToken,
      needed: ReadonlyArray<string>,
      challenge: Challenge.Challenge
    ) => {
      const missing = Scopes.missing(needed, rejected.scopes)
      if (!options.stepUp || missing.length === 0) return Effect.succeed(rejected)
      const demand: Demand = {
        reason: "StepUp",
        challenge,
        additionalScopes: Scopes.union(rejected.scopes, needed)
      }
      if (token !== undefined && AccessToken.isValidAt(token, now()) && satisfies(token, demand)) {
        return Effect.succeed(token)
      }
      return missing.every((scope) => asked.has(scope)) ? Effect.succeed(rejected) : resolve(demand)
    }

    const replace = (rejected: AccessToken.AccessToken, challenge: Challenge.Challenge | undefined) => {
      if (token !== undefined && AccessToken.isSame(token, rejected)) {
        // A server that rejects what was just got in place of a rejected token will reject the next one too.
        const again = obtainedFor === "Rejected" && now() - token.issuedAt < Duration.toMillis(policy.rejectionMemory)
        if (again) return Effect.succeed(rejected)
        dropped = rejected
        token = undefined
        return Effect.zipRight(
          publish(OAuthEvent.TokenRejected({ token: rejected })),
          resolve({ reason: "Rejected", rejected, challenge, additionalScopes: [] })
        )
      }
      return token !== undefined && AccessToken.isValidAt(token, now())
        ? Effect.succeed(token)
        : resolve({ reason: "Rejected", rejected, challenge, additionalScopes: [] })
    }

    // ---- one flight ------------------------------------------------------------------------------------------------

    const satisfies = (candidate: AccessToken.AccessToken, demand: Demand): boolean =>
      (demand.rejected === undefined || !AccessToken.isSame(candidate, demand.rejected)) &&
      Scopes.missing(demand.additionalScopes, candidate.scopes).length === 0

    /** Whether what comes of the flight is the answer to the demand, be it a token or an error. */
    const answers = (flown: Demand, demand: Demand): boolean =>
      (demand.rejected === undefined ||
        (flown.rejected !== undefined && AccessToken.isSame(flown.rejected, demand.rejected))) &&
      Scopes.missing(demand.additionalScopes, flown.additionalScopes).length === 0 &&
      (flown.reason === "StepUp") === (demand.reason === "StepUp")

    const resolve = (demand: Demand): Effect.Effect<AccessToken.AccessToken, OAuthError> =>
      Effect.suspend(() => {
        if (closed) return Effect.die(new Error(CLOSED))
        const flight = flights.current()
        if (flight === undefined) {
          return refusal !== undefined && now() < refusal.until && demand.reason !== "StepUp"
            ? Effect.fail(refusal.error)
            : flights.start(demand, fly(demand)).outcome
        }
        if (answers(flight.demand, demand)) return flight.outcome
        return Effect.flatMap(
          Effect.exit(flight.outcome),
          (exit) => Exit.isSuccess(exit) && satisfies(exit.value, demand) ? exit : resolve(demand)
        )
      })

    const fly = (demand: Demand): Effect.Effect<AccessToken.AccessToken, OAuthError> =>
      Effect.gen(function*() {
        const shared = yield* readShared(demand)
        if (Option.isSome(shared)) return yield* load(shared.value)
        yield* degrade(storage.lease(key))
        const handedOver = yield* readShared(demand)
        return Option.isSome(handedOver) ? yield* load(handedOver.value) : yield* obtain(demand)
      }).pipe(
        Effect.scoped,
        Effect.tapError((error) => fail(error, demand))
      )

    const obtain = (demand: Demand) =>
      Effect.gen(function*() {
        const startedAt = now()
        const obtained = yield* options.obtain({
          ...demand,
          additionalScopes: Scopes.union(demand.additionalScopes, won)
        })
        const millis = now() - startedAt
        if (demand.reason === "StepUp") {
          for (const scope of demand.additionalScopes) (obtained.scopes.includes(scope) ? won : asked).add(scope)
        }
        yield* adopt(obtained, demand.reason)
        yield* publish(
          demand.reason === "First"
            ? OAuthEvent.TokenObtained({ token: obtained, millis })
            : OAuthEvent.TokenRenewed({ token: obtained, reason: demand.reason, millis })
        )
        yield* degrade(storage.set(key, obtained))
        return obtained
      })

    const load = (shared: AccessToken.AccessToken) =>
      adopt(shared, "First").pipe(
        Effect.zipRight(publish(OAuthEvent.TokenLoaded({ token: shared }))),
        Effect.as(shared)
      )

    const adopt = (next: AccessToken.AccessToken, reason: OAuthEvent.Reason) =>
      Effect.map(Random.next, (jitter) => {
        token = next
        moments = RefreshPolicy.moments(policy, next, jitter)
        obtainedFor = reason
        used = false
        refusal = undefined
        failures = 0
        abandoned = false
        if (reason !== "StepUp") asked.clear()
        refresher?.unsafeInterruptAsFork(refresher.id())
        refresher = undefined
        unsafeRefresh()
      })

    const fail = (error: OAuthError, demand: Demand) => {
      if (demand.reason === "StepUp") {
        if (!isTransient(error)) { for (const scope of demand.additionalScopes) asked.add(scope) }
      } else {
        const memory = RefreshPolicy.memory(policy, error)
        refusal = memory > 0 ? { error, until: now() + memory } : undefined
      }
      return publish(OAuthEvent.RenewalFailed({ error, reason: demand.reason }))
    }

    // ---- the storage, which may fail without anybody else failing -----------------------------------------------------

    const degrade = <A, R>(
      operation: Effect.Effect<A, TokenStorageError, R>
    ): Effect.Effect<Option.Option<A>, never, R> =>
      Effect.matchEffect(operation, {
        onFailure: (error) => Effect.as(publish(OAuthEvent.StorageFailed({ error })), Option.none()),
        onSuccess: (value) => Effect.succeed(Option.some(value))
      })

    /** A token that another provider or process has put there and that is better than what is in hand. */
    const readShared = (demand: Demand) =>
      Effect.gen(function*() {
        const stored = Option.flatten(yield* degrade(storage.get(key)))
        if (Option.isSome(stored) && dropped !== undefined && AccessToken.isSame(stored.value, dropped)) {
          yield* degrade(storage.remove(key))
          return Option.none()
        }
        return Option.filter(stored, (candidate) => isBetter(candidate, demand))
      })

    const isBetter = (stored: AccessToken.AccessToken, demand: Demand): boolean =>
      stored.issuedAt <= now() &&
      now() < RefreshPolicy.moments(policy, stored, 0).mandatoryAt &&
      (token === undefined || stored.expiresAt > token.expiresAt) &&
      (dropped === undefined || stored.issuedAt >= dropped.issuedAt) &&
      satisfies(stored, { ...demand, additionalScopes: Scopes.union(demand.additionalScopes, won) })

    // ---- the scheduled refresh -----------------------------------------------------------------------------------------

    /** Looks at the token, renews it if it is time, and says in how many milliseconds to look again, if at all. */
    const look: Effect.Effect<Option.Option<number>> = Effect.suspend(() => {
      const at = now()
      if (token === undefined || at >= token.expiresAt) {
        return Effect.succeedNone
      }
      if (at < moments.renewAt) {
        return Effect.succeedSome(moments.renewAt - at)
      }
      // A token that nobody has used for its whole life is left to expire; the next caller starts this again.
      if (!used) {
        return Effect.succeedNone
      }
      return resolve({ reason: "Scheduled", additionalScopes: [] }).pipe(
        Effect.zipRight(Effect.succeedNone),
        Effect.catchAll((error) => {
          // A refusal stands: the callers learn of it when the token expires.
          abandoned = !isTransient(error)
          return abandoned
            ? Effect.succeedNone
            : Effect.map(Random.next, (jitter) => Option.some(RefreshPolicy.backoff(policy, failures++, error, jitter)))
        })
      )
    })

    const unsafeRefresh = (): void => {
      if (abandoned || (refresher !== undefined && refresher.unsafePoll() === null)) {
        return
      }
      refresher = runFork(Effect.repeat(look, RefreshPolicy.schedule), { scope })
    }

    return { accessToken, renew, events: Stream.fromPubSub(events), unsafeFresh }
  })

const CLOSED =
  "This OAuthProvider is closed: its Layer, or scope, has ended. Keep it open for as long as its clients " +
  "and its fetch are used."

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
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as AccessToken from "./AccessToken.ts"
import * as Challenge from "./Challenge.ts"
import * as Scopes from "./internal/scopes.ts"
import * as SingleFlight from "./internal/singleFlight.ts"
import { StepUps } from "./internal/stepUps.ts"
import { isTransient, type OAuthError, TokenEndpointError, TokenStorageError } from "./OAuthError.ts"
import * as OAuthEvent from "./OAuthEvent.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import type { TokenKey, TokenStorage } from "./TokenStorage.ts"

/**
 * What a token is asked for.
 *
 * - `rejected`: the token that the server answered 401 or 403 to, and its `challenge`.
 * - `refreshToken`: what was issued with the token that is to be replaced (RFC 6749 §6).
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
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        closed = true
        return Scope.close(scope, exit)
      })
    )
    // A flight is the provider's, not its first caller's: it must not end with that caller or inherit from it.
    // Nor from a region of the provider's maker that cannot be interrupted, or time limits would have no effect.
    const runtime = yield* Effect.runtime<never>()
    const runFork = <A, E>(work: Effect.Effect<A, E>) => Runtime.runFork(runtime)(Effect.interruptible(work), { scope })
    const flights = SingleFlight.make<Demand, AccessToken.AccessToken, OAuthError>(runFork)

    let token: AccessToken.AccessToken | undefined
    /** The last one that the server rejected, lest it come back from the storage. */
    let dropped: AccessToken.AccessToken | undefined
    let moments: RefreshPolicy.Moments = { renewAt: 0, mandatoryAt: 0 }
    let obtainedFor: OAuthEvent.Reason = "First"
    let obtainedAt = 0
    /** How many tokens in a row the server has rejected soon after they were got. */
    let rejections = 0
    let used = false
    let failure: Failure | undefined
    let failures = 0
    /** When the refresher looks again, and whether it has given up on this token. */
    let nextLook = 0
    let abandoned = false
    let closed = false
    let refresher: Fiber.RuntimeFiber<unknown> | undefined
    const stepUps = new StepUps()

    const now = () => clock.unsafeCurrentTimeMillis()
    const publish = (event: OAuthEvent.OAuthEvent) => PubSub.publish(events, event)

    // ---- what callers get ------------------------------------------------------------------------------------------

    const unsafeFresh = (): AccessToken.AccessToken | undefined => {
      if (token === undefined || closed) return undefined
      const at = now()
      if (at < token.issuedAt || at >= moments.mandatoryAt) {
        // While the authorization server is away, to wait for it again would help nobody.
        const inHand = failure !== undefined && isRemembered(failure, at) && AccessToken.isValidAt(token, at)
        return inHand ? token : undefined
      }
      used = true
      if (at >= moments.renewAt) unsafeRefresh(at)
      return token
    }

    const isRemembered = ({ from, until }: Failure, at: number): boolean => from <= at && at < until

    const markUsed = Effect.sync(() => used = true)

    const accessToken: Effect.Effect<AccessToken.AccessToken, OAuthError> = Effect.suspend(() => {
      const fresh = unsafeFresh()
      return fresh === undefined ? awaitToken : Exit.succeed(fresh)
    })

    /** In the mandatory part a caller waits, but is not failed while the token in hand has not expired. */
    const awaitToken = Effect.suspend(() =>
      resolve({ reason: token === undefined ? "First" : "Expired", wanted: [], missing: [] })
    ).pipe(
      Effect.catchAll((error) =>
        token !== undefined && AccessToken.isValidAt(token, now()) ? Effect.succeed(token) : Effect.fail(error)
      ),
      Effect.tap(markUsed)
    )

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
      if (token !== undefined && AccessToken.isValidAt(token, now()) && satisfies(token, demand)) {
        return Effect.succeed(token)
      }
      return stepUps.isWorthTrying(missing) ? resolve(demand) : Effect.succeed(rejected)
    }

    const replace = (rejected: AccessToken.AccessToken, challenge: Challenge.Challenge | undefined) => {
      const demand: Demand = { reason: "Rejected", rejected, challenge, wanted: [], missing: [] }
      if (token === undefined) return resolve(demand)
      if (!AccessToken.isSame(token, rejected)) {
        return AccessToken.isValidAt(token, now()) ? Effect.succeed(token) : resolve(demand)
      }
      // A server that rejects what was just got in place of a rejected token will reject the next one too.
      const again = obtainedFor === "Rejected" && rejections > 0
      if (again && now() - obtainedAt < RefreshPolicy.rejectionMemory(policy, rejections)) {
        return Effect.succeed(rejected)
      }
      rejections++
      dropped = rejected
      token = undefined
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

    const isClosed = Effect.die(new Error(CLOSED))

    const resolve = (demand: Demand): Effect.Effect<AccessToken.AccessToken, OAuthError> =>
      Effect.suspend(() => {
        if (closed) return isClosed
        const flight = flights.current()
        if (flight === undefined) {
          return failure !== undefined && failure.stands && isRemembered(failure, now()) && demand.reason !== "StepUp"
            ? Effect.fail(failure.error)
            : outcomeOf(flights.start(demand, fly(demand)))
        }
        if (answers(flight.demand, demand)) return outcomeOf(flight)
        return Effect.flatMap(
          Effect.exit(outcomeOf(flight)),
          (exit) => Exit.isSuccess(exit) && satisfies(exit.value, demand) ? exit : resolve(demand)
        )
      })

    /** A caller that nobody interrupted is not told that it was, when the provider ends under it. */
    const outcomeOf = (flight: SingleFlight.Flight<Demand, AccessToken.AccessToken, OAuthError>) =>
      Effect.catchAllCause(
        flight.outcome,
        (cause) => closed && Cause.isInterruptedOnly(cause) ? isClosed : Effect.failCause(cause)
      )

    const fly = (demand: Demand): Effect.Effect<AccessToken.AccessToken, OAuthError> =>
      Effect.gen(function*() {
        const shared = yield* readShared(demand)
        if (Option.isSome(shared)) return yield* load(shared.value)
        yield* degrade("lease", policy.leaseTimeout, storage.lease(key))
        const handedOver = yield* readShared(demand)
        return Option.isSome(handedOver) ? yield* load(handedOver.value) : yield* obtain(demand)
      }).pipe(
        Effect.scoped,
        Effect.tapError((error) => fail(error, demand))
      )

    const obtain = (demand: Demand) =>
      Effect.gen(function*() {
        const startedAt = now()
        const obtained = yield* askFor(demand)
        const millis = now() - startedAt
        if (demand.reason === "StepUp") stepUps.granted(demand.wanted, obtained.scopes)
        yield* adopt(obtained, demand.reason)
        yield* publish(
          demand.reason === "First"
            ? OAuthEvent.TokenObtained({ token: obtained, millis })
            : OAuthEvent.TokenRenewed({ token: obtained, reason: demand.reason, millis })
        )
        yield* degrade("set", policy.storageTimeout, storage.set(key, obtained))
        return obtained
      })

    /** If what a step-up once won is no longer to be had, the rest still is. */
    const askFor = (demand: Demand) =>
      options.obtain({
        ...demand,
        refreshToken: (demand.rejected ?? token ?? dropped)?.refreshToken,
        wanted: Scopes.union(demand.wanted, stepUps.won)
      }).pipe(
        Effect.catchIf(
          (error) => demand.reason !== "StepUp" && stepUps.won.size > 0 && isInvalidScope(error),
          () => {
            stepUps.lost()
            return options.obtain(demand)
          }
        )
      )

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
        obtainedAt = now()
        used = false
        failure = undefined
        failures = 0
        abandoned = false
        if (reason !== "Rejected") rejections = 0
        if (reason !== "StepUp") stepUps.forgetFailures()
        unsafeRestartRefresher()
      })

    const fail = (error: OAuthError, demand: Demand) =>
      Effect.flatMap(Random.next, (jitter) => {
        const from = now()
        if (demand.reason === "StepUp") {
          if (!isTransient(error)) stepUps.refused(demand.missing)
        } else {
          const memory = RefreshPolicy.memory(policy, error)
          const next = from + Math.max(memory, RefreshPolicy.backoff(policy, failures++, error, jitter))
          // The background does not sleep through the time from which callers would have to wait.
          const sleepsThrough = memory === 0 && from < moments.mandatoryAt && next > moments.mandatoryAt
          failure = { error, from, until: sleepsThrough ? moments.mandatoryAt : next, stands: memory > 0 }
        }
        return publish(OAuthEvent.RenewalFailed({ error, reason: demand.reason }))
      })

    // ---- the storage, which may fail, or hang, without anybody else doing so -------------------------------------------

    const degrade = <A, R>(
      operation: TokenStorageError["operation"],
      duration: Duration.Duration,
      effect: Effect.Effect<A, TokenStorageError, R>
    ): Effect.Effect<Option.Option<A>, never, R> =>
      effect.pipe(
        Effect.timeoutFail({
          duration,
          onTimeout: () =>
            new TokenStorageError({ operation, description: `it took longer than ${Duration.format(duration)}.` })
        }),
        Effect.catchAllDefect((cause) =>
          Effect.fail(
            new TokenStorageError({ operation, description: "it died. This is a bug in the storage.", cause })
          )
        ),
        Effect.matchEffect({
          onFailure: (error) => Effect.as(publish(OAuthEvent.StorageFailed({ error })), Option.none()),
          onSuccess: (value) => Effect.succeed(Option.some(value))
        })
      )

    /** A token that another provider or process has put there and that is better than what is in hand. */
    const readShared = (demand: Demand) =>
      Effect.gen(function*() {
        const stored = Option.flatten(yield* degrade("get", policy.storageTimeout, storage.get(key)))
        if (Option.isSome(stored) && dropped !== undefined && AccessToken.isSame(stored.value, dropped)) {
          yield* degrade("remove", policy.storageTimeout, storage.remove(key))
          return Option.none()
        }
        return Option.filter(stored, (candidate) => isBetter(candidate, demand))
      })

    const isBetter = (stored: AccessToken.AccessToken, demand: Demand): boolean =>
      stored.issuedAt <= now() &&
      now() < RefreshPolicy.moments(policy, stored, 0).mandatoryAt &&
      (token === undefined || stored.expiresAt > token.expiresAt) &&
      (dropped === undefined || stored.issuedAt >= dropped.issuedAt) &&
      satisfies(stored, { ...demand, wanted: Scopes.union(demand.wanted, stepUps.won) })

    // ---- the scheduled refresh -----------------------------------------------------------------------------------------

    /** Looks at the token, renews it if it is time, and says in how many milliseconds to look again, if at all. */
    const look: Effect.Effect<Option.Option<number>> = Effect.suspend(() => {
      const at = now()
      if (token === undefined || at >= token.expiresAt) return Effect.succeedNone
      if (at < moments.renewAt) return lookAgainAt(moments.renewAt)
      // A token that nobody has used for its whole life is left to expire; the next caller starts this again.
      if (!used) return Effect.succeedNone
      return resolve({ reason: "Scheduled", wanted: [], missing: [] }).pipe(
        Effect.zipRight(Effect.succeedNone),
        Effect.catchAll((error) => {
          // A refusal stands: the callers learn of it when the token expires.
          abandoned = !isTransient(error)
          return abandoned || failure === undefined ? Effect.succeedNone : lookAgainAt(failure.until)
        }),
        Effect.catchAllDefect((defect) => {
          abandoned = true
          return Effect.as(
            Effect.logError("The scheduled token refresh died. This is a bug below it.", defect),
            Option.none()
          )
        })
      )
    })

    const lookAgainAt = (at: number) =>
      Effect.sync(() => {
        nextLook = at
        return Option.some(at - now())
      })

    /** Starts the refresher where it has stopped, or slept through its time, as timers do while a machine is suspended. */
    const unsafeRefresh = (at: number): void => {
      const running = refresher !== undefined && refresher.unsafePoll() === null
      if (abandoned || (running && (at < nextLook || flights.current() !== undefined))) return
      unsafeRestartRefresher()
    }

    const unsafeRestartRefresher = (): void => {
      refresher?.unsafeInterruptAsFork(refresher.id())
      refresher = runFork(Effect.repeat(look, RefreshPolicy.schedule))
    }

    return { accessToken, renew, events: Stream.fromPubSub(events), unsafeFresh }
  })

/**
 * What came of the last request, from when until when it answers for others: to those who have a token in hand, that they
 * go on with it; and if it `stands`, to everybody.
 */
interface Failure {
  readonly error: OAuthError
  readonly from: number
  readonly until: number
  readonly stands: boolean
}

const isInvalidScope = (error: OAuthError): boolean =>
  error instanceof TokenEndpointError && error.code === "invalid_scope"

const CLOSED =
  "This OAuthProvider is closed: its Layer, or scope, has ended. Keep it open for as long as its clients " +
  "and its fetch are used."

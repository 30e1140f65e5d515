import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { AccessToken } from "../../AccessToken.ts"
import * as DiscoveryRecord from "../../DiscoveryRecord.ts"
import { isTransient, type OAuthError, TokenEndpointError } from "../../OAuthError.ts"
import * as OAuthEvent from "../../OAuthEvent.ts"
import * as Scopes from "../text/scopeList.ts"
import type { Demand } from "./demand.ts"
import type { Acquired, LifecycleParts } from "./lifecycleParts.ts"
import type { Flight } from "./singleFlight.ts"
import * as StoredToken from "./storedToken.ts"

/**
 * Acquires one token: from the storage if another provider or process has put a usable one there, else from the
 * authorization server. One acquisition runs at a time. A token of the authorization server is delivered before it is
 * stored, because the storage may be slow.
 *
 * An acquisition that its callers have given up changes nothing afterwards, because another one may have begun.
 *
 * @internal
 */
export const run = (parts: LifecycleParts, demand: Demand, flight: Flight<AccessToken>): Acquired =>
  Effect.gen(function*() {
    parts.state.acquisitionStarted(parts.now())
    // Before the lease, while another holds the lease, and once more as its holder.
    for (const step of [StoredToken.find, StoredToken.lease, StoredToken.findAsHolder]) {
      const found = yield* step(parts, demand)
      if (flight.isGivenUp()) return yield* Effect.interrupt
      if (Option.isSome(found)) return yield* load(parts, found.value, demand)
    }
    const obtained = yield* request(parts, demand, flight)
    // Uninterruptible: a job that ends as soon as it has its token must find the token when it starts again.
    yield* Effect.uninterruptible(
      flight.deliver(obtained).pipe(
        Effect.zipRight(parts.storage.set(obtained)),
        Effect.zipRight(parts.remembered.save)
      )
    )
    return obtained
  }).pipe(
    Effect.scoped,
    Effect.catchAllCause((cause) =>
      flight.isGivenUp()
        ? Effect.failCause(cause)
        : Effect.zipRight(failed(parts, cause, demand), Effect.failCause(asBug(parts, cause)))
    )
  )

const load = ({ now, state, telemetry }: LifecycleParts, token: AccessToken, { reason }: Demand) =>
  Effect.flatMap(Random.next, (jitter) => {
    state.loaded(token, reason, now(), jitter)
    return Effect.as(telemetry.publish(OAuthEvent.TokenLoaded({ token })), token)
  })

const request = (parts: LifecycleParts, demand: Demand, flight: Flight<AccessToken>): Acquired =>
  Effect.gen(function*() {
    const { clock, now, state, telemetry } = parts
    const startedAt = clock.unsafeCurrentTimeNanos()
    const token = yield* ask(parts, demand)
    const millis = Math.round(Number(clock.unsafeCurrentTimeNanos() - startedAt) / 1e6)
    const jitter = yield* Random.next
    if (flight.isGivenUp()) return yield* Effect.interrupt
    state.obtained(token, demand, now(), jitter, millis)
    yield* telemetry.publish(
      demand.reason === "First"
        ? OAuthEvent.TokenObtained({ token, millis })
        : OAuthEvent.TokenRenewed({ token, reason: demand.reason, millis })
    )
    return token
  })

/** Asks for the scopes that step-ups have gained too. If the authorization server refuses them, asks without them. */
const ask = ({ now, obtain, state }: LifecycleParts, demand: Demand): Acquired => {
  const { held, lastStored, stepUps } = state
  const asked = { ...demand, ...latestOf([demand.rejected ?? held.token ?? held.rejected, lastStored], now()) }
  return obtain({ ...asked, wanted: Scopes.union(demand.wanted, stepUps.gained) }).pipe(
    Effect.catchIf(
      (error) => demand.reason !== "StepUp" && stepUps.gained.length > 0 && !isTransient(error),
      (error) => {
        state.scopesWithdrawn()
        return isInvalidScope(error) ? obtain(asked) : Effect.fail(error)
      }
    )
  )
}

/**
 * The outcome of an acquisition that takes longer than `acquisitionLimit`. The failure counts like any other, so that
 * callers do not start one such acquisition after the other.
 *
 * @internal
 */
export const tookTooLong = (parts: LifecycleParts, demand: Demand): Effect.Effect<Exit.Exit<AccessToken, OAuthError>> =>
  Effect.suspend(() => {
    const { acquisitionLimit, resource } = parts
    const error = new TokenEndpointError({
      reason: "Unavailable",
      url: resource,
      description:
        `No token for ${resource} was acquired within ${Duration.format(Duration.millis(acquisitionLimit))}. ` +
        "A part of the acquisition that has no time limit of its own hangs, such as the source of an assertion or the " +
        "`HttpClient`. Give that part a time limit."
    })
    return Effect.as(failed(parts, Cause.fail(error), demand), Exit.fail(error))
  })

const failed = (parts: LifecycleParts, cause: Cause.Cause<OAuthError>, { missing, reason }: Demand) =>
  Effect.flatMap(Random.next, (jitter) => {
    const { fibers, now, remembered, state, telemetry } = parts
    if (fibers.isClosed()) return Effect.void
    // In a fiber of its own: callers learn of the failure without waiting for the storage.
    if (remembered.isInDoubt()) fibers.fork(Effect.uninterruptible(remembered.forget))
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    if (reason === "StepUp" && error !== undefined && !isTransient(error)) state.stepUpRefused(missing)
    else state.failed(asBug(parts, cause), now(), jitter)
    return error === undefined
      ? Effect.logError("The acquisition of a token died. This is a bug below the provider.", cause)
      : telemetry.publish(OAuthEvent.RenewalFailed({ error, reason }), state.outage.isWorthWaiting(cause, now()))
  })

/** Only the end of the provider interrupts an acquisition. An interruption from below is a bug there. */
const asBug = <E>({ fibers }: LifecycleParts, cause: Cause.Cause<E>): Cause.Cause<E> =>
  fibers.isClosed() || !Cause.isInterruptedOnly(cause) ? cause : Cause.die(new Error(INTERRUPTED))

/**
 * The refresh token and the issuer of the latest token: each use of a refresh token may issue the next and use up
 * earlier ones.
 */
const latestOf = (tokens: ReadonlyArray<AccessToken | undefined>, now: number) => {
  const latest = tokens.filter((token) => token !== undefined).reduce<AccessToken | undefined>(
    (latest, token) => latest === undefined || token.issuedAt > latest.issuedAt ? token : latest,
    undefined
  )
  return {
    refreshToken: latest?.refreshToken,
    refreshTokenIssuer: latest?.issuer,
    refreshTokenScopes: latest?.scopes,
    boundIssuer: latest !== undefined && DiscoveryRecord.isCurrent({ confirmedAt: latest.issuedAt }, now)
      ? latest.issuer
      : undefined
  }
}

const isInvalidScope = (error: OAuthError): boolean =>
  error instanceof TokenEndpointError && error.code === "invalid_scope"

const INTERRUPTED =
  "The token request was interrupted from below, by its grant, its client authentication or the HttpClient. " +
  "Let that part fail with an error instead."

import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { AccessToken } from "../../AccessToken.ts"
import { isTransient, type OAuthError, TokenEndpointError } from "../../OAuthError.ts"
import * as OAuthEvent from "../../OAuthEvent.ts"
import * as Scopes from "../text/scopeList.ts"
import type { Demand } from "./demand.ts"
import type { Acquired, LifecycleParts } from "./lifecycleParts.ts"
import { StoredToken } from "./storedToken.ts"

/**
 * How one token is acquired: from the storage if another provider or process has put a good one there, else from the
 * authorization server. One acquisition at a time.
 *
 * @internal
 */
export class Acquisition {
  readonly #parts: LifecycleParts
  readonly #stored: StoredToken

  constructor(parts: LifecycleParts) {
    this.#parts = parts
    this.#stored = new StoredToken(parts)
  }

  /** Delivers a token of the authorization server before it is stored, because the storage may be slow. */
  run(demand: Demand, deliver: (token: AccessToken) => Effect.Effect<void>): Acquired {
    const { state, storage } = this.#parts
    return Effect.gen(this, function*() {
      state.acquisitionStarted(this.#parts.now())
      // Before the lease, while another holds the lease, and once more as its holder.
      for (const step of [this.#stored.find(demand), this.#stored.lease(demand), this.#stored.findAsHolder(demand)]) {
        const found = yield* step
        if (Option.isSome(found)) return yield* this.#load(found.value, demand)
      }
      const obtained = yield* this.#obtain(demand)
      // Uninterruptible: a job that ends as soon as it has its token must find the token when it starts again.
      yield* Effect.uninterruptible(Effect.zipRight(deliver(obtained), storage.set(obtained)))
      return obtained
    }).pipe(
      Effect.scoped,
      Effect.catchAllCause((cause) =>
        Effect.zipRight(this.#failed(cause, demand), Effect.failCause(this.#asBug(cause)))
      )
    )
  }

  #load(token: AccessToken, { reason }: Demand): Effect.Effect<AccessToken> {
    const { state, telemetry } = this.#parts
    return Effect.flatMap(Random.next, (jitter) => {
      state.loaded(token, reason, this.#parts.now(), jitter)
      return Effect.as(telemetry.publish(OAuthEvent.TokenLoaded({ token })), token)
    })
  }

  #obtain(demand: Demand): Acquired {
    const { clock, state, telemetry } = this.#parts
    return Effect.gen(this, function*() {
      const [duration, token] = yield* Effect.timedWith(this.#ask(demand), clock.currentTimeNanos)
      const millis = Math.round(Duration.toMillis(duration))
      const jitter = yield* Random.next
      state.obtained(token, demand, this.#parts.now(), jitter, millis)
      yield* telemetry.publish(
        demand.reason === "First"
          ? OAuthEvent.TokenObtained({ token, millis })
          : OAuthEvent.TokenRenewed({ token, reason: demand.reason, millis })
      )
      return token
    })
  }

  /** Asks for the scopes that step-ups have gained too. If the authorization server refuses them, asks without them. */
  #ask(demand: Demand): Acquired {
    const { obtain, state } = this.#parts
    const { held, lastStored, stepUps } = state
    const asked = { ...demand, ...refreshOf([demand.rejected ?? held.token ?? held.rejected, lastStored]) }
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

  #failed(cause: Cause.Cause<OAuthError>, demand: Demand): Effect.Effect<void> {
    const { fibers, state, telemetry } = this.#parts
    return Effect.flatMap(Random.next, (jitter) => {
      if (fibers.isClosed()) return Effect.void
      const error = Option.getOrUndefined(Cause.failureOption(cause))
      if (demand.reason === "StepUp" && error !== undefined && !isTransient(error)) state.stepUpRefused(demand.missing)
      else state.failed(this.#asBug(cause), this.#parts.now(), jitter)
      return error === undefined
        ? Effect.logError("The acquisition of a token died. This is a bug below the provider.", cause)
        : telemetry.publish(OAuthEvent.RenewalFailed({ error, reason: demand.reason }))
    })
  }

  /** Only the end of the provider interrupts an acquisition. An interruption from below is a bug there. */
  #asBug<E>(cause: Cause.Cause<E>): Cause.Cause<E> {
    return this.#parts.fibers.isClosed() || !Cause.isInterruptedOnly(cause)
      ? cause
      : Cause.die(new Error(INTERRUPTED))
  }
}

/**
 * The refresh token of the latest token: where each use of a refresh token issues the next, earlier ones are used up.
 */
const refreshOf = (tokens: ReadonlyArray<AccessToken | undefined>) => {
  const latest = tokens.filter((token) => token !== undefined).reduce<AccessToken | undefined>(
    (latest, token) => latest === undefined || token.issuedAt > latest.issuedAt ? token : latest,
    undefined
  )
  return { refreshToken: latest?.refreshToken, refreshTokenIssuer: latest?.issuer }
}

const isInvalidScope = (error: OAuthError): boolean =>
  error instanceof TokenEndpointError && error.code === "invalid_scope"

const INTERRUPTED =
  "The token request was interrupted from below, by its grant, its client authentication or the HttpClient. " +
  "Let that part fail with an error instead."

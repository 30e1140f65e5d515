import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as AccessToken from "../../AccessToken.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"
import * as Scopes from "../text/scopeList.ts"
import { type Demand, isMetBy } from "./demand.ts"
import type { LifecycleParts } from "./lifecycleParts.ts"

/** The token that another provider or process has stored, if there is a usable one. */
type Found<R = never> = Effect.Effect<Option.Option<AccessToken.AccessToken>, never, R>

/**
 * The stored token, if it meets the demand and is better than the held one.
 *
 * @internal
 */
export const find = (parts: LifecycleParts, demand: Demand): Found =>
  Effect.map(read(parts), Option.filter((candidate) => isBetter(parts, candidate, demand)))

/**
 * Takes the lease. While others hold the lease, looks for the token that they store, and returns that one.
 *
 * @internal
 */
export const lease = (parts: LifecycleParts, demand: Demand): Found<Scope.Scope> =>
  parts.storage.lease(find(parts, demand))

/**
 * As `find`, for the holder of the lease, who also removes a rejected token. Without the lease, another process could
 * have replaced the rejected token by a good one in the meantime.
 *
 * @internal
 */
export const findAsHolder = (parts: LifecycleParts, demand: Demand): Found =>
  read(parts).pipe(
    Effect.tap((stored) =>
      Option.isSome(stored) && isRejected(parts, stored.value) ? parts.storage.remove(stored.value) : Effect.void
    ),
    Effect.map(Option.filter((candidate) => isBetter(parts, candidate, demand)))
  )

const read = ({ state, storage }: LifecycleParts): Found =>
  Effect.map(storage.get(), (stored) => {
    if (Option.isSome(stored)) state.foundInStorage(stored.value)
    return stored
  })

const isRejected = ({ state: { held } }: LifecycleParts, candidate: AccessToken.AccessToken): boolean =>
  held.rejected !== undefined && AccessToken.isSame(candidate, held.rejected)

const isBetter = (parts: LifecycleParts, candidate: AccessToken.AccessToken, demand: Demand): boolean => {
  const { now, policy, state: { held, stepUps } } = parts
  const at = now()
  return !isRejected(parts, candidate) &&
    candidate.issuedAt <= at &&
    at < RefreshPolicy.moments(policy, candidate, 0).mandatoryAt &&
    (held.token === undefined || candidate.expiresAt > held.token.expiresAt) &&
    (held.rejected === undefined || candidate.issuedAt >= held.rejected.issuedAt) &&
    isMetBy({ ...demand, wanted: Scopes.union(demand.wanted, stepUps.gained) }, candidate)
}

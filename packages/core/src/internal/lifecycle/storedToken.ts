import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as AccessToken from "../../AccessToken.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"
import * as Scopes from "../text/scopeList.ts"
import { type Demand, isMetBy } from "./demand.ts"
import type { LifecycleParts } from "./lifecycleParts.ts"

type Found = Effect.Effect<Option.Option<AccessToken.AccessToken>>

/**
 * The token that another provider or process may have stored, and whether it is better than the held one.
 *
 * @internal
 */
export class StoredToken {
  readonly #parts: LifecycleParts

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  /** The stored token, if it meets the demand and is better than the held one. */
  find(demand: Demand): Found {
    return Effect.map(this.#read(), Option.filter((candidate) => this.#isBetter(candidate, demand)))
  }

  /** Takes the lease. While others hold the lease, looks for the token that they store, and returns that one. */
  lease(demand: Demand): Effect.Effect<Option.Option<AccessToken.AccessToken>, never, Scope.Scope> {
    return this.#parts.storage.lease(this.find(demand))
  }

  /**
   * As `find`, for the holder of the lease, who also removes a rejected token. Without the lease, another process could
   * have replaced the rejected token by a good one in the meantime.
   */
  findAsHolder(demand: Demand): Found {
    return this.#read().pipe(
      Effect.tap((stored) =>
        Option.isSome(stored) && this.#isRejected(stored.value)
          ? this.#parts.storage.remove(stored.value)
          : Effect.void
      ),
      Effect.map(Option.filter((candidate) => this.#isBetter(candidate, demand)))
    )
  }

  #read(): Found {
    const { state, storage } = this.#parts
    return Effect.map(storage.get(), (stored) => {
      if (Option.isSome(stored)) state.foundInStorage(stored.value)
      return stored
    })
  }

  #isRejected(candidate: AccessToken.AccessToken): boolean {
    const { rejected } = this.#parts.state.held
    return rejected !== undefined && AccessToken.isSame(candidate, rejected)
  }

  #isBetter(candidate: AccessToken.AccessToken, demand: Demand): boolean {
    const { now, policy, state: { held, stepUps } } = this.#parts
    const at = now()
    return !this.#isRejected(candidate) &&
      candidate.issuedAt <= at &&
      at < RefreshPolicy.moments(policy, candidate, 0).mandatoryAt &&
      (held.token === undefined || candidate.expiresAt > held.token.expiresAt) &&
      (held.rejected === undefined || candidate.issuedAt >= held.rejected.issuedAt) &&
      isMetBy({ ...demand, wanted: Scopes.union(demand.wanted, stepUps.gained) }, candidate)
  }
}

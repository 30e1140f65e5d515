import * as Effect from "effect/Effect"
import type { AccessToken } from "../../AccessToken.ts"
import * as Challenge from "../../Challenge.ts"
import type * as Discovery from "../../Discovery.ts"
import { type AssertionError, type CredentialError, type DiscoveryError, TokenEndpointError } from "../../OAuthError.ts"
import * as ScopeSelection from "../../ScopeSelection.ts"
import type { Demand } from "../lifecycle/demand.ts"
import * as Scopes from "../text/scopeList.ts"
import type { PermittedScopes } from "../lifecycle/permittedScopes.ts"

/**
 * One token request.
 *
 * @internal
 */
export type Sent = Effect.Effect<AccessToken, TokenEndpointError | AssertionError | CredentialError | DiscoveryError>

/** @internal */
export interface Options {
  /** The caller's own `scopes` option. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The scopes that token requests may ask for. */
  readonly permitted: PermittedScopes
  /** Asks the server for its challenge to a request without a token; `undefined` if the server has none. */
  readonly askChallenge: Effect.Effect<Challenge.Challenge | undefined>
}

type Send = (scopes: ReadonlyArray<string>) => Sent

/** The largest number of refused selections that are remembered. A server may name other scopes each time. */
const MAX_REPLACED = 8

/**
 * The scopes of the token requests of one provider, and the one further request after `invalid_scope`:
 *
 * - A step-up asks for the scopes so far and the challenge's. If the authorization server refuses the union, the next
 *   request is for the configured and the challenge's scopes only.
 * - After a 401 the scopes that the rejected token was requested with stay in the request. If they are refused, the next
 *   request goes without them.
 * - If the caller configured no scopes, the server is asked for its challenge, and the next request is for the scopes
 *   of the challenge, or for none if the challenge names none or those that were refused. Later requests begin with
 *   the scopes that were accepted.
 *
 * @internal
 */
export class RequestedScopes {
  readonly #options: Options
  /** The scopes that were requested for the last token; `undefined` before this provider has requested any. */
  #last: ReadonlyArray<string> | undefined
  /** The accepted scopes, by the selection that was refused before them. */
  readonly #replaced = new Map<string, ReadonlyArray<string>>()

  constructor(options: Options) {
    this.#options = options
  }

  /** Sends a token request with the scopes for a demand. */
  request(demand: Demand, found: Discovery.Discovered, send: Send): Sent {
    return Effect.suspend(() => {
      const selected = ScopeSelection.select({
        configured: this.#options.scopes,
        challenges: [demand.challenge, found.challenge],
        supported: found.protectedResource?.scopesSupported
      })
      const base = this.#replaced.get(nameOf(selected)) ?? selected
      if (demand.reason === "StepUp") return this.#stepUp(demand, base, send)
      const held = this.#heldSoFar(demand)
      const wanted = Scopes.union(base, this.#options.permitted.requestable(demand.wanted))
      const all = Scopes.union(wanted, held)
      // After a refusal, the life cycle itself sends the request again without the wanted scopes.
      const withoutHeld = wanted.length > base.length ? this.#send(wanted, send) : this.#select(selected, base, send)
      return Effect.tapError(
        all.length === wanted.length
          ? withoutHeld
          : Effect.catchIf(this.#send(all, send), mayBeAboutScopes, () => withoutHeld),
        // The next request begins without the scopes that this one was refused for.
        // Stryker disable next-line ArrayDeclaration: a list of scopes that no token has is like the empty list
        (error) => Effect.sync(() => isInvalidScope(error) ? this.#last = [] : undefined)
      )
    })
  }

  /**
   * The scopes to ask for in a refresh: the granted ones that the caller permits. If the caller permits none of them, the
   * authorization server writes granted scopes in another way than requested ones, and the refresh asks for the
   * configured scopes. Without a scope, the refresh would be for all that was granted (RFC 6749 §6).
   */
  ofRefresh(granted: ReadonlyArray<string>): ReadonlyArray<string> {
    const scopes = this.#options.permitted.requestable(granted)
    return scopes.length === 0 && granted.length > 0 ? this.#options.scopes ?? scopes : scopes
  }

  #send(scopes: ReadonlyArray<string>, send: Send): Sent {
    return Effect.tap(send(scopes), () => Effect.sync(() => this.#last = scopes))
  }

  /**
   * The scopes of the rejected token that this provider has requested, and not all that were granted: some servers name
   * the granted scopes in a way in which they cannot be requested. Of a token from the storage, the provider does not
   * know what was requested.
   */
  #heldSoFar({ reason, rejected }: Demand): ReadonlyArray<string> {
    if (reason !== "Rejected" || rejected === undefined) return []
    if (this.#last === undefined) return this.#options.permitted.requestable(rejected.scopes)
    const requested = new Set(this.#last)
    return rejected.scopes.filter((scope) => requested.has(scope))
  }

  #stepUp({ challenge, wanted }: Demand, base: ReadonlyArray<string>, send: Send): Sent {
    const { permitted, scopes = [] } = this.#options
    const union = Scopes.union(base, permitted.requestable(wanted))
    const narrow = Scopes.union(scopes, permitted.requestable(requiredBy(challenge)))
    const sent = this.#send(union, send)
    return isSame(narrow, union) ? sent : Effect.catchIf(sent, isInvalidScope, () => this.#send(narrow, send))
  }

  #select(selected: ReadonlyArray<string>, base: ReadonlyArray<string>, send: Send): Sent {
    const sent = this.#send(base, send)
    if (this.#options.scopes !== undefined) return sent
    return Effect.catchIf(sent, isInvalidScope, (refusal) => {
      this.#replaced.delete(nameOf(selected))
      return Effect.flatMap(this.#options.askChallenge, (challenge) => {
        const named = requiredBy(challenge)
        // Without a challenge, nothing but the authorization server's own default is left.
        const next = isSame(named, base) ? [] : named
        // Without a scope to leave out or to ask for, the request would be the same.
        if (next.length === 0 && base.length === 0) return refusal
        return this.#send(next, send).pipe(
          Effect.tap(() => Effect.sync(() => this.#remember(selected, next))),
          // The first refusal names the scopes that the server's metadata lists, which its operator can correct.
          Effect.catchIf((error) => next.length === 0 && isInvalidScope(error), () => refusal)
        )
      })
    })
  }

  #remember(selected: ReadonlyArray<string>, accepted: ReadonlyArray<string>): void {
    if (this.#replaced.size >= MAX_REPLACED) this.#replaced.clear()
    this.#replaced.set(nameOf(selected), accepted)
  }
}

const requiredBy = (challenge: Challenge.Challenge | undefined): ReadonlyArray<string> =>
  challenge === undefined ? [] : Challenge.requiredScopes(challenge)

const nameOf = (scopes: ReadonlyArray<string>): string => scopes.toSorted().join(" ")

const isSame = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean => nameOf(a) === nameOf(b)

/**
 * Whether a token request was finally refused with one of these codes.
 *
 * @internal
 */
export const isRefusedWith = (error: unknown, ...codes: ReadonlyArray<string>): error is TokenEndpointError =>
  error instanceof TokenEndpointError && !error.transient && codes.includes(error.code ?? "")

const isInvalidScope = (error: unknown): error is TokenEndpointError => isRefusedWith(error, "invalid_scope")

/** Whether a refusal may be due to scopes that the request has besides those that the caller or the server names. */
const mayBeAboutScopes = (error: unknown): error is TokenEndpointError =>
  isRefusedWith(error, "invalid_scope", "invalid_request", "access_denied")

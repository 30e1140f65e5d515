/**
 * The tokens that a test authorization server has issued.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/**
 * A token that the server has issued.
 *
 * @since 0.1.0
 * @category models
 */
export interface IssuedToken {
  readonly value: string
  /** The client that asked for the token. `undefined` for a grant that names no client. */
  readonly clientId: string | undefined
  /** On whose behalf the token acts: the client, or the subject that the grant names. */
  readonly subject: string
  readonly scopes: ReadonlyArray<string>
  /** The audience (RFC 8707). `undefined` if neither the request nor the server named one. */
  readonly resource: string | undefined
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** Epoch milliseconds. The token is refused from this instant on. */
  readonly expiresAt: number
  readonly revoked: boolean
}

/** @internal */
export class IssuedTokens {
  readonly #tokens = new Map<string, IssuedToken>()

  add(token: IssuedToken): void {
    this.#tokens.set(token.value, token)
  }

  find(value: string): IssuedToken | undefined {
    return this.#tokens.get(value)
  }

  all(): ReadonlyArray<IssuedToken> {
    return [...this.#tokens.values()]
  }

  /** RFC 7009 §2.2: a token that was never issued is ignored. */
  revoke(value: string): void {
    const token = this.#tokens.get(value)
    if (token !== undefined) this.#tokens.set(value, { ...token, revoked: true })
  }

  revokeAll(): void {
    for (const value of this.#tokens.keys()) this.revoke(value)
  }
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** @internal */
export const randomValue: Effect.Effect<string> = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, alphabet.length), 40),
  (indices) => indices.map((index) => alphabet.charAt(index)).join("")
)

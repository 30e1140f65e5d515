import type * as Redacted from "effect/Redacted"
import * as AccessToken from "../../AccessToken.ts"
import type * as Challenge from "../../Challenge.ts"
import type * as OAuthEvent from "../../OAuthEvent.ts"
import * as Scopes from "../text/scopeList.ts"

/**
 * A need for a token: the reason, the token that the new one replaces, and the scopes that the new one must have.
 *
 * @internal
 */
export interface Demand {
  readonly reason: OAuthEvent.Reason
  /** The token that the MCP server answered with 401, or with 403 and `invalid_token`. */
  readonly rejected?: AccessToken.AccessToken | undefined
  /** The challenge of the 401 or 403 that caused the demand. */
  readonly challenge?: Challenge.Challenge | undefined
  /** The refresh token of the latest token (RFC 6749 §6). The acquisition sets it just before the token request. */
  readonly refreshToken?: Redacted.Redacted<string> | undefined
  /** The authorization server that issued `refreshToken`. */
  readonly refreshTokenIssuer?: string | undefined
  /** The issuer of the latest token of the last 30 days, expired or not. */
  readonly boundIssuer?: string | undefined
  /** The scopes of the token that came with `refreshToken`. */
  readonly refreshTokenScopes?: ReadonlyArray<string> | undefined
  /** The scopes to request beyond those of the provider's options. */
  readonly wanted: ReadonlyArray<string>
  /** The scopes of `wanted` that the token of the caller lacks. */
  readonly missing: ReadonlyArray<string>
}

/**
 * A demand for any token that can be sent.
 *
 * @internal
 */
export const forReason = (reason: OAuthEvent.Reason): Demand => ({ reason, wanted: [], missing: [] })

/**
 * Whether a token meets the demand: another token than the rejected one, with all wanted scopes.
 *
 * @internal
 */
export const isMetBy = (self: Demand, token: AccessToken.AccessToken): boolean =>
  (self.rejected === undefined || !AccessToken.isSame(token, self.rejected)) &&
  Scopes.missing(self.wanted, token.scopes).length === 0

/**
 * Whether the outcome of an acquisition for `other`, be it a token or an error, is the answer to this demand as well.
 *
 * @internal
 */
export const isAnsweredBy = (self: Demand, other: Demand): boolean =>
  (self.rejected === undefined ||
    (other.rejected !== undefined && AccessToken.isSame(other.rejected, self.rejected))) &&
  Scopes.missing(self.wanted, other.wanted).length === 0 &&
  (other.reason === "StepUp") === (self.reason === "StepUp")

/**
 * Whether callers wait out an outage for this demand. A step-up can return the server's 403 instead, and the background
 * can retry later.
 *
 * @internal
 */
export const waitsOutOutage = ({ reason }: Demand): boolean => reason !== "StepUp" && reason !== "Scheduled"

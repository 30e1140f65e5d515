import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as AccessToken from "../../AccessToken.ts"
import { type OAuthError, TokenEndpointError } from "../../OAuthError.ts"
import type * as OAuthEvent from "../../OAuthEvent.ts"
import { registeredCodes } from "../text/errorCodes.ts"

/**
 * The attributes of a metric, a span or a log line.
 *
 * @internal
 */
export type Attributes = Readonly<Record<string, string>>

/**
 * The values of `oauth.reason`.
 *
 * @internal
 */
export const reasons: Readonly<Record<OAuthEvent.Reason, string>> = {
  First: "first",
  Scheduled: "scheduled",
  Expired: "expired",
  Rejected: "rejected",
  StepUp: "step_up"
}

/**
 * The value of `error.type`. There are few of them, whatever a server sends, because each one costs memory in a metric.
 *
 * @internal
 */
export const errorType = (error: OAuthError): string => {
  if (error instanceof TokenEndpointError) {
    if (error.code !== undefined) return registeredCodes.has(error.code) ? error.code : "_OTHER"
    if (error.status !== undefined && error.status >= 300) return String(error.status)
  }
  return "reason" in error ? `${error._tag}.${error.reason}` : error._tag
}

/**
 * How an acquisition or a request ended.
 *
 * @internal
 */
export const outcomeOf = (exit: Exit.Exit<unknown, OAuthError>): Attributes => {
  if (Exit.isSuccess(exit)) return { "oauth.outcome": "success" }
  if (Cause.isInterruptedOnly(exit.cause)) return { "oauth.outcome": "interrupted" }
  const type = Option.match(Cause.failureOption(exit.cause), { onNone: () => "_OTHER", onSome: errorType })
  return { "oauth.outcome": "failure", "error.type": type }
}

/**
 * How long until a token expires, in seconds. Below 0 if the token has expired.
 *
 * @internal
 */
export const secondsToLive = (token: AccessToken.AccessToken, now: number): number => (token.expiresAt - now) / 1000

/**
 * The facts about a token that may be shown. The token itself must not be.
 *
 * @internal
 */
export const factsOf = (token: AccessToken.AccessToken, now: number): Readonly<Record<string, string | number>> => ({
  "oauth.issuer": token.issuer,
  "oauth.token.fingerprint": AccessToken.fingerprint(token),
  "oauth.token.expires_in": Math.floor(secondsToLive(token, now))
})

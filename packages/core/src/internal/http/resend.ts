import * as AccessToken from "../../AccessToken.ts"
import * as Challenge from "../../Challenge.ts"

/**
 * The reason for sending a request again: the server answered 401, or 403 with `insufficient_scope` (RFC 6750 §3.1).
 *
 * @internal
 */
export type Cause = "Unauthorized" | "InsufficientScope"

/**
 * The causes for which a request has been sent again already. Each cause counts once for a request.
 *
 * @internal
 */
export type Tried = ReadonlySet<Cause>

/** @internal */
export const nothingTried: Tried = new Set()

/**
 * The server's response goes to the caller.
 *
 * @internal
 */
export interface Return {
  readonly _tag: "Return"
}

/**
 * The provider must renew the token, as the challenge demands. Then `afterRenewal` or `afterFailure` decides.
 *
 * @internal
 */
export interface Renew {
  readonly _tag: "Renew"
  readonly cause: Cause
  readonly challenge: Challenge.Challenge | undefined
  readonly tried: Tried
}

/**
 * The request is sent again with the renewed token. `tried` holds the causes so far, this one included.
 *
 * @internal
 */
export interface Resend {
  readonly _tag: "Resend"
  readonly tried: Tried
}

/**
 * The call fails with the error of the renewal.
 *
 * @internal
 */
export interface Fail {
  readonly _tag: "Fail"
}

const returned: Return = { _tag: "Return" }
const failed: Fail = { _tag: "Fail" }

/**
 * The decision after a response: the response goes to the caller, or the token is renewed. A 403 asks for another token
 * only if its challenge says that the scope is insufficient (RFC 6750 §3.1). The token is renewed even if the body
 * cannot be sent again, so that the next call has a valid token.
 *
 * @param header the `WWW-Authenticate` header of the response
 *
 * @internal
 */
export const afterResponse = (status: number, header: string | null | undefined, tried: Tried): Return | Renew => {
  if (status !== 401 && status !== 403) return returned
  const challenge = Challenge.fromHeader(header)
  if (status === 403 && (challenge === undefined || !Challenge.isInsufficientScope(challenge))) return returned
  const cause = status === 401 ? "Unauthorized" : "InsufficientScope"
  return tried.has(cause) ? returned : { _tag: "Renew", cause, challenge, tried }
}

/**
 * The decision after a renewal: the request is sent again if there is another token and the body can be sent again.
 *
 * @internal
 */
export const afterRenewal = (
  { cause, tried }: Renew,
  rejected: AccessToken.AccessToken,
  renewed: AccessToken.AccessToken,
  body: unknown
): Return | Resend =>
  AccessToken.isSame(renewed, rejected) || !canBeSentAgain(body)
    ? returned
    : { _tag: "Resend", tried: new Set([...tried, cause]) }

/**
 * The decision after a failed renewal. The server's 403 explains more than the failure to widen the scope; a 401 alone
 * would explain less than the error.
 *
 * @internal
 */
export const afterFailure = ({ cause }: Renew): Return | Fail => cause === "InsufficientScope" ? returned : failed

/**
 * Whether a body can be sent a second time after the response to the first has arrived. Text, bytes and forms can; a
 * stream of any kind has been read by then.
 *
 * @internal
 */
export const canBeSentAgain = (body: unknown): boolean =>
  body === undefined || body === null || typeof body === "string" || body instanceof URLSearchParams ||
  body instanceof FormData || body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body)

import * as AccessToken from "../../AccessToken.ts"
import * as Challenge from "../../Challenge.ts"

/**
 * The reason for sending a request again: the server answered 401, or 403 with `invalid_token`, or 403 with
 * `insufficient_scope` (RFC 6750 §3.1). RFC 6750 recommends 401 for `invalid_token` (a SHOULD), and some servers answer
 * 403.
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
 * The provider must renew the token, as the challenge demands. Then `afterRenewal` or `failsCall` decides.
 *
 * @internal
 */
export interface Renewal {
  readonly _tag: "Renewal"
  readonly cause: Cause
  readonly challenge: Challenge.Challenge | undefined
  readonly tried: Tried
}

/**
 * The server rejected the renewed token as well. The response goes to the caller.
 *
 * @internal
 */
export interface RejectedAgain {
  readonly _tag: "RejectedAgain"
  readonly challenge: Challenge.Challenge | undefined
}

/**
 * The decision after a response: the token is renewed, or the response goes to the caller. A 403 asks for another token
 * only if its challenge says that the token is invalid or that the scope is insufficient (RFC 6750 §3.1). The token is
 * renewed even if the body cannot be sent again, so that the next call has a valid token.
 *
 * @param header the `WWW-Authenticate` header of the response
 *
 * @internal
 */
export const afterResponse = (
  status: number,
  header: string | null | undefined,
  tried: Tried
): Renewal | RejectedAgain | undefined => {
  if (status !== 401 && status !== 403) return undefined
  const challenge = Challenge.fromHeader(header)
  const cause = causeOf(status, challenge)
  if (cause === undefined) return undefined
  if (!tried.has(cause)) return { _tag: "Renewal", cause, challenge, tried }
  return cause === "Unauthorized" ? { _tag: "RejectedAgain", challenge } : undefined
}

const causeOf = (status: 401 | 403, challenge: Challenge.Challenge | undefined): Cause | undefined => {
  if (status === 401) return "Unauthorized"
  if (challenge === undefined) return undefined
  if (Challenge.isInvalidToken(challenge)) return "Unauthorized"
  return Challenge.isInsufficientScope(challenge) ? "InsufficientScope" : undefined
}

/**
 * The decision after a renewal: the request is sent again, with the result as its causes, if there is another token and
 * the body can be sent again. If the result is `undefined`, the response goes to the caller.
 *
 * @internal
 */
export const afterRenewal = (
  { cause, tried }: Renewal,
  rejected: AccessToken.AccessToken,
  renewed: AccessToken.AccessToken,
  body: unknown
): Tried | undefined =>
  AccessToken.isSame(renewed, rejected) || !canBeSentAgain(body) ? undefined : new Set([...tried, cause])

/**
 * Whether the provider has no other token than the rejected one: that token replaced a rejected one, so a further token
 * would be rejected too.
 *
 * @internal
 */
export const isRejectedAgain = (
  { cause }: Renewal,
  rejected: AccessToken.AccessToken,
  renewed: AccessToken.AccessToken
): boolean => cause === "Unauthorized" && AccessToken.isSame(renewed, rejected)

/**
 * Whether the call fails if the renewal fails. If not, the response goes to the caller: the server's 403 explains more
 * than the failure to widen the scope, and a 401 alone would explain less than the error.
 *
 * @internal
 */
export const failsCall = ({ cause }: Renewal): boolean => cause === "Unauthorized"

/**
 * The body as it is now, for a request that is sent later or a second time. `fetch` reads a body when it is called, so
 * its caller may change the object after the call.
 *
 * @internal
 */
export const copyOfBody = <A>(body: A): A | URLSearchParams | FormData | ArrayBuffer | Uint8Array<ArrayBuffer> => {
  if (body instanceof URLSearchParams) return new URLSearchParams(body)
  if (body instanceof ArrayBuffer) return body.slice(0)
  if (ArrayBuffer.isView(body)) return new Uint8Array(new Uint8Array(body.buffer, body.byteOffset, body.byteLength))
  if (!(body instanceof FormData)) return body
  const copy = new FormData()
  for (const [name, value] of body) copy.append(name, value)
  return copy
}

/**
 * Whether a body can be sent a second time after the response to the first has arrived. Text, bytes and forms can; a
 * stream of any kind has been read by then.
 *
 * @internal
 */
export const canBeSentAgain = (body: unknown): boolean =>
  body === undefined || body === null || typeof body === "string" || body instanceof URLSearchParams ||
  body instanceof FormData || body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body)

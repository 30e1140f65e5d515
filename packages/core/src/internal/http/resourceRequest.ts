import * as Challenge from "../../Challenge.ts"

/**
 * Whether a URL is on the origin, decided without parsing where it can be: it is asked at every request.
 *
 * @internal
 */
export const makeIsSameOrigin = (resource: string): (url: string) => boolean => {
  const { origin } = new URL(resource)
  return (url) => {
    if (url.startsWith(origin)) {
      const next = url.charCodeAt(origin.length)
      // End, "/", "?" or "#": anything else ("@", ":", a letter) may lead elsewhere and is for the parser to say.
      if (Number.isNaN(next) || next === 0x2f || next === 0x3f || next === 0x23) return true
    }
    return URL.canParse(url) && new URL(url).origin === origin
  }
}

/**
 * What an answer asks for: another token, and by which challenge. `undefined` if it goes to the caller as it is. A 403
 * asks for something only if it says that the scope is insufficient (RFC 6750 §3.1).
 *
 * @internal
 */
export const demandOf = (
  status: number,
  header: string | null | undefined
): { readonly challenge: Challenge.Challenge | undefined } | undefined => {
  if (status === 401) return { challenge: Challenge.fromHeader(header) }
  if (status !== 403) return undefined
  const challenge = Challenge.fromHeader(header)
  return challenge !== undefined && Challenge.isInsufficientScope(challenge) ? { challenge } : undefined
}

/**
 * Whether a body is there a second time when the answer to the first has come: text, bytes and forms are; a stream, of
 * whatever kind, has been read by then.
 *
 * @internal
 */
export const canBeSentAgain = (body: unknown): boolean =>
  body === undefined || body === null || typeof body === "string" || body instanceof URLSearchParams ||
  body instanceof FormData || body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body)

/**
 * What a request has already been sent again for: each cause once.
 *
 * @internal
 */
export const Tried = { none: 0, unauthorized: 1, insufficientScope: 2 }

/**
 * The cause of sending a request again.
 *
 * @internal
 */
export const causeOf = (status: number): number => status === 401 ? Tried.unauthorized : Tried.insufficientScope

/** Tokens and errors for the tests of the lifecycle's parts, which need no servers. */
import { Redacted } from "effect"
import { AccessToken, OAuthError, type OAuthEvent } from "../../../src/index.ts"

let tokens = 0

/** A token of its own, issued at 0 and good for an hour. */
export const makeToken = (
  { expiresAt = 3_600_000, issuedAt = 0, ...rest }: {
    readonly issuedAt?: number
    readonly expiresAt?: number
    readonly scopes?: ReadonlyArray<string>
    readonly refreshToken?: Redacted.Redacted<string>
  } = {}
): AccessToken.AccessToken =>
  new AccessToken.AccessToken({
    value: Redacted.make(`canary-token-${tokens++}`),
    tokenType: "Bearer",
    scopes: [],
    issuer: "https://auth.example.com",
    issuedAt,
    expiresAt,
    ...rest
  })

const endpointError = (reason: "Unavailable" | "Refused", retryAfter?: number) =>
  new OAuthError.TokenEndpointError({
    reason,
    url: "https://auth.example.com/token",
    description: "made up",
    ...(retryAfter === undefined ? {} : { retryAfter })
  })

/** An error after which the same request may succeed. `retryAfter` is in milliseconds. */
export const transientError = (retryAfter?: number): OAuthError.TokenEndpointError =>
  endpointError("Unavailable", retryAfter)

/** An error that the same request would get again. */
export const finalError = (): OAuthError.TokenEndpointError => endpointError("Refused")

export const tagsOf = (events: ReadonlyArray<OAuthEvent.OAuthEvent>): ReadonlyArray<string> =>
  events.map(({ _tag }) => _tag)

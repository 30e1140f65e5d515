/**
 * The challenge with which a protected server refuses a request.
 *
 * @since 0.1.0
 */

/**
 * Why a server refuses a request, and what the request needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChallengeDetails {
  /** `401`: the request has no token, or an invalid one. `403`: the token is valid and lacks a scope. */
  readonly status: 401 | 403
  /** `undefined` for a request without a token (RFC 6750 §3.1). */
  readonly error: "invalid_token" | "insufficient_scope" | undefined
  readonly errorDescription: string | undefined
  /** Where the metadata is served. `undefined` if it is served nowhere (RFC 9728 §5.1). */
  readonly resourceMetadata: string | undefined
  /** The scopes that this request needs. */
  readonly scopes: ReadonlyArray<string>
}

/**
 * The challenge of RFC 6750 §3 with the `resource_metadata` of RFC 9728 §5.1, as one field line.
 *
 * @since 0.1.0
 * @category challenges
 */
export const bearerChallenge = (details: ChallengeDetails): ReadonlyArray<string> => {
  const parameters = [
    ["error", details.error],
    ["error_description", details.errorDescription],
    ["resource_metadata", details.resourceMetadata],
    ["scope", details.scopes.length > 0 ? details.scopes.join(" ") : undefined]
  ].flatMap(([name, value]) => value === undefined ? [] : [`${name}="${value}"`])
  return [["Bearer", parameters.join(", ")].join(" ").trim()]
}

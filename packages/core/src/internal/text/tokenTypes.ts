/** The types of tokens that are useless without a proof of possession (RFC 9449; draft-ietf-oauth-v2-http-mac). */
const proofTypes: ReadonlySet<string> = new Set(["dpop", "mac", "pop"])

/**
 * Whether a token of this type needs a proof with each request, which this client does not send.
 *
 * @internal
 */
export const needsProof = (type: string): boolean => proofTypes.has(type.toLowerCase())

/**
 * Whether a token of this type is sent as a bearer token: `Bearer`, and the types that the caller names. Types are
 * compared without case (RFC 6749 §5.1).
 *
 * @internal
 */
export const isAccepted = (type: string, accepted: ReadonlyArray<string> = []): boolean =>
  ["Bearer", ...accepted].some((name) => name.toLowerCase() === type.toLowerCase())

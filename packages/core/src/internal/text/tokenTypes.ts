/** The types of tokens that are worth nothing without a proof of possession (RFC 9449; draft-ietf-oauth-v2-http-mac). */
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

/**
 * The names of token types that an error shows: short words (RFC 6749 §7.1), and the identifiers of RFC 8693 §3. Any
 * other value may be a token in the wrong place.
 */
const typeName = /^(?:[A-Za-z][A-Za-z_-]{0,19}|urn:ietf:params:oauth:token-type:[a-z0-9_-]{1,20})$/

/**
 * Why a token of this type cannot be used, as a part of a sentence.
 *
 * @param value the `access_token` beside it: some servers confuse the two
 *
 * @internal
 */
export const whyNotUsable = (type: string, value: string): string => {
  const shown = typeName.test(type) && !isAccepted(value) ? `"${type}"` : "another"
  return `\`token_type\` is ${shown}, and only Bearer can be used` + (needsProof(type)
    ? ", since this client sends no proof of possession"
    : ". If the MCP server takes such a token as a bearer token, name its type in `acceptedTokenTypes`")
}

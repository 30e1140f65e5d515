/**
 * Whether two issuer identifiers are equal character by character (RFC 8414 §3.3). The only difference that is
 * tolerated is one trailing slash.
 *
 * @internal
 */
export const isSameIssuer = (a: string, b: string): boolean => a === b || `${a}/` === b || a === `${b}/`

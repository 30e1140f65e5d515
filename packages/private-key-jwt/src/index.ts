/**
 * @since 0.1.0
 */

/**
 * The client credentials grant with a JWT in place of a secret (RFC 7523 §2.2). The client signs the JWT with its own
 * key, or its platform supplies it.
 *
 * @since 0.1.0
 */
export * as PrivateKeyJwt from "./PrivateKeyJwt.ts"

/**
 * @since 0.1.0
 */

/**
 * The client credentials grant with a JWT in place of a secret (RFC 7523 §2.2): signed with the client's own key, or
 * given to the workload by its platform.
 *
 * @since 0.1.0
 */
export * as PrivateKeyJwt from "./PrivateKeyJwt.ts"

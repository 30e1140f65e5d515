/**
 * @since 0.1.0
 */

/**
 * The client credentials grant with a client id and a secret (RFC 6749 §4.4).
 *
 * @since 0.1.0
 */
export * as ClientSecret from "./ClientSecret.ts"

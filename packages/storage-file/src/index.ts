/**
 * @since 0.1.0
 */

/**
 * Tokens in encrypted files that the processes of one machine share: one process renews a token, and the others read
 * it.
 *
 * @since 0.1.0
 */
export * as FileTokenStorage from "./FileTokenStorage.ts"

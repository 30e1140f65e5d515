/**
 * @since 0.1.0
 */

/**
 * Tokens in a Redis or Valkey that several machines share: one process renews a token, and the others read it.
 *
 * @since 0.1.0
 */
export * as RedisTokenStorage from "./RedisTokenStorage.ts"

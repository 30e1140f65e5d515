/**
 * @since 0.1.0
 */

/**
 * Tokens in a Redis or Valkey that a fleet of processes shares: one of them renews, and the others read.
 *
 * @since 0.1.0
 */
export * as RedisTokenStorage from "./RedisTokenStorage.ts"

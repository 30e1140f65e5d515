/**
 * The tool `follow`: a call whose answer is a stream that outlives the token that the call came with. A server checks the
 * token when a request arrives, and does not end the response when the token expires.
 */
import { setTimeout } from "node:timers/promises"
import type { Gate } from "./Gate.ts"

export interface Gates {
  /** Opened by the first call. */
  readonly following: Gate
  /** Calls wait until this gate is open. */
  readonly released: Gate
}

export const name = "follow"

export const description = "Follows the report until the token of the call has expired"

/**
 * Waits until the gate is open and the token has expired.
 *
 * @param expiresAt when the server stops accepting the token, in seconds since 1970
 * @param signal aborts when the client has left
 */
export const follow = async (
  { following, released }: Gates,
  expiresAt: number | undefined,
  signal: AbortSignal
): Promise<string> => {
  if (expiresAt === undefined) throw new Error("The token has no expiry")
  following.open()
  await released.passed
  await setTimeout(Math.max(0, expiresAt * 1_000 - Date.now()), undefined, { signal })
  return "Followed until the token had expired"
}

/**
 * Finds the authorization server of an MCP server. The result is found once, and remembered for as long as its
 * documents are fresh.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Discovered, Discovery, Options } from "./Discovery/Contract.ts"
import { PinnedIssuer } from "./Discovery/PinnedIssuer.ts"
import { ServerNamedIssuer } from "./Discovery/ServerNamedIssuer.ts"

export type {
  /**
   * @since 0.1.0
   */
  CallerOptions
} from "./Discovery/CallerOptions.ts"

export type {
  /**
   * @since 0.1.0
   */
  Discovered,
  /**
   * @since 0.1.0
   */
  Discovery,
  /**
   * @since 0.1.0
   */
  Failure,
  /**
   * @since 0.1.0
   */
  Memory,
  /**
   * @since 0.1.0
   */
  Options
} from "./Discovery/Contract.ts"

export type {
  /**
   * @since 0.1.0
   */
  Kind as ServerAnswerKind,
  /**
   * @since 0.1.0
   */
  ServerAnswer
} from "./Discovery/ServerAnswer.ts"

/**
 * A discovery, for one token request at a time. The caller pins the issuer, lets the server name it, or gives the whole
 * authorization server.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Discovery => {
  const { authorizationServer, issuer } = options
  if (authorizationServer !== undefined) return known(authorizationServer)
  return issuer === "discover" ? new ServerNamedIssuer(options) : new PinnedIssuer(options)
}

const known = (authorizationServer: Discovered["authorizationServer"]): Discovery => {
  const given = Effect.succeed<Discovered>({ authorizationServer, protectedResource: undefined, challenge: undefined })
  return { get: given, reread: () => given, bind: () => undefined, forgetAuthorizationServer: Effect.void }
}

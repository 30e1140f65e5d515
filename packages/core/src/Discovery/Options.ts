/**
 * The options of a discovery.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Effect from "effect/Effect"
import type { Limits } from "../authoring/HttpExchange.ts"
import type { AuthorizationServer } from "../AuthorizationServer.ts"
import type { DiscoveryCache } from "../DiscoveryCache.ts"
import type { ResourceIdentifier } from "../ResourceIdentifier.ts"

/**
 * The options of `Discovery.make`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The cache in which documents are looked up. The cache reads the documents that it does not have. */
  readonly cache: DiscoveryCache.Service
  /** The plain client: it must not follow redirects by itself. */
  readonly client: HttpClient.HttpClient
  /** The MCP server. */
  readonly server: ResourceIdentifier
  /** The issuer that the caller pinned, or `"discover"`. */
  readonly issuer: string
  /**
   * The authorization server, if the caller knows it. No request is made then.
   *
   * @default found by discovery
   */
  readonly authorizationServer?: AuthorizationServer | undefined
  /** Whether a server may change its authorization server. Counts only with `issuer: "discover"`. */
  readonly follow: boolean
  /** Called after the server has changed its authorization server. */
  readonly onChange: (from: string, to: string) => Effect.Effect<void>
  /** The limits of each request. */
  readonly limits: Limits
}

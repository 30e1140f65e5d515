/**
 * The options, the result and the errors of a discovery.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Limits } from "../authoring/HttpExchange.ts"
import type { AuthorizationServer } from "../AuthorizationServer.ts"
import type { Challenge } from "../Challenge.ts"
import type { DiscoveryRecord } from "../DiscoveryRecord.ts"
import type { DiscoveryCache } from "../DiscoveryCache.ts"
import type { DiscoveryError, InsecureEndpoint, IssuerMismatch, ResourceMismatch } from "../OAuthError.ts"
import type { ProtectedResource, ResourceMatch } from "../ProtectedResource.ts"
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
  /** The time limit of one whole discovery. */
  readonly timeout: Duration.Duration
  /**
   * The address of the server's metadata. No other address is requested then.
   *
   * @default the addresses in the server's challenges, and the well-known ones
   */
  readonly resourceMetadataUrl?: URL | undefined
  /**
   * The address of the authorization server's metadata. No other address is requested then.
   *
   * @default the well-known addresses of the issuer
   */
  readonly authorizationServerMetadataUrl?: URL | undefined
  /**
   * Which `resource` in the metadata names the server.
   *
   * @default "parent"
   */
  readonly resourceMatch?: ResourceMatch | undefined
  /**
   * The memory that outlives the process.
   *
   * @default nothing
   */
  readonly memory?: Memory | undefined
}

/**
 * The memory of a discovery that outlives the process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Memory {
  /** The record of an earlier process, if there is one. Only the first use reads the storage. */
  readonly load: Effect.Effect<DiscoveryRecord | undefined>
  /** Replaces the record as soon as a token has been obtained by the new record. */
  readonly keep: (record: DiscoveryRecord) => void
  /**
   * Reports that a stored document may no longer be right. The record loses the document unless a token is obtained
   * with a newer one.
   */
  readonly doubt: (document: "protectedResource" | "authorizationServer") => void
}

/**
 * The facts about the server and its authorization server that a token request needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Discovered {
  readonly authorizationServer: AuthorizationServer
  /** `undefined` if the issuer is pinned, and no metadata of the server could be read. */
  readonly protectedResource: ProtectedResource | undefined
  /** `undefined` if the server was not asked for its challenge. */
  readonly challenge: Challenge | undefined
}

/**
 * The errors of discovery.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = DiscoveryError | InsecureEndpoint | IssuerMismatch | ResourceMismatch

/**
 * The discovery of one provider.
 *
 * @since 0.1.0
 * @category models
 */
export interface Discovery {
  /**
   * The remembered result. A missing or stale document is read first; a stale one stays in use if it cannot be read
   * again.
   */
  readonly get: Effect.Effect<Discovered, Failure>
  /**
   * Reads the server's metadata again after the server rejected a token of `issuer`, because the server may have
   * changed its authorization server. The address in the challenge comes first. If the metadata cannot be read, the
   * remembered one stays in use.
   */
  readonly reread: (challenge: Challenge | undefined, issuer: string) => Effect.Effect<Discovered, Failure>
  /**
   * Reports the issuer of an earlier token, for a storage that has lost its discovery record or keeps none. If the server
   * names the authorization server, another one is a change. A discovery record counts before it.
   */
  readonly bind: (issuer: string) => void
  /** The next `get` reads the authorization server's metadata again, and uses what it reads. */
  readonly forgetAuthorizationServer: Effect.Effect<void>
}

/**
 * The options of a provider that say where, and how long, to look for metadata.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { ResourceMatch } from "../ProtectedResource.ts"

/**
 * The options of every provider about the search for metadata.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallerOptions {
  /**
   * The address of the authorization server's metadata, if it is not where the standards put it (RFC 8414 §3, OpenID
   * Connect Discovery 1.0 §4). No other address is requested then. The document must name the issuer, as at any other
   * address. Without effect if `authorizationServerMetadata` or `tokenEndpoint` is given.
   *
   * @default the well-known addresses of the issuer
   */
  readonly authorizationServerMetadataUrl?: string | URL | undefined
  /**
   * The address of the MCP server's metadata, if it is not where the standards put it (RFC 9728 §3.1). No other address
   * is requested then, not even one that a challenge names. The document must describe the server, as at any other
   * address.
   *
   * @default the address in the server's challenge, and the well-known ones
   */
  readonly resourceMetadataUrl?: string | URL | undefined
  /**
   * Which `resource` in the server's metadata names the server. `"parent"` accepts the server's own identifier and one
   * with a path above it, as many servers write it. `"identical"` accepts the server's own identifier alone (RFC 9728
   * §3.3): on a host that tenants share, the metadata of one tenant cannot claim the whole host then. A slash at the
   * end and a default port make no difference.
   *
   * @default "parent"
   */
  readonly resourceMatch?: ResourceMatch | undefined
  /**
   * The time limit of all discovery requests of one acquisition together. After it no further address is requested.
   *
   * @default 30 seconds, or `requestTimeout` if that is longer
   */
  readonly discoveryTimeout?: Duration.DurationInput | undefined
}

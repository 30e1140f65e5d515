import * as Discovery from "../../Discovery.ts"
import { RememberedDiscovery } from "../lifecycle/rememberedDiscovery.ts"
import type { StorageGuard } from "../lifecycle/storageGuard.ts"

interface Options extends Omit<Discovery.Options, "follow" | "memory"> {
  /** Whether the caller's options permit that the server changes its authorization server. */
  readonly mayFollow: boolean
  readonly guard: StorageGuard
  /** Whether the storage keeps discovery records. */
  readonly hasRecords: boolean
}

/**
 * The discovery of a provider with its record in the storage. The MCP server names the authorization server, and may
 * change it, only if the caller has given neither an issuer nor an authorization server.
 *
 * @internal
 */
export const discoveryOf = ({ guard, hasRecords, mayFollow, ...options }: Options): {
  readonly discovery: Discovery.Discovery
  readonly remembered: RememberedDiscovery
  readonly isNamedByServer: boolean
} => {
  const isNamedByServer = options.issuer === "discover" && options.authorizationServer === undefined
  const follow = isNamedByServer && mayFollow
  const remembered = new RememberedDiscovery(guard, isNamedByServer && !mayFollow)
  const memory = hasRecords ? remembered : undefined
  return { discovery: Discovery.make({ ...options, follow, memory }), remembered, isNamedByServer }
}

import * as Effect from "effect/Effect"
import * as Discovery from "../../Discovery.ts"
import * as ServerAnswer from "../../Discovery/ServerAnswer.ts"
import { RememberedDiscovery } from "../lifecycle/rememberedDiscovery.ts"
import type { StorageGuard } from "../lifecycle/storageGuard.ts"
import type * as TokenRequests from "./tokenRequests.ts"

interface Options extends Omit<Discovery.Options, "follow" | "memory"> {
  /** Whether the caller's options permit that the server changes its authorization server. */
  readonly mayFollow: boolean
  /** Whether the caller neither named an issuer nor wrote `"discover"`. */
  readonly issuerUnnamed: boolean | undefined
  readonly guard: StorageGuard
  /** Whether the storage keeps discovery records. */
  readonly hasRecords: boolean
}

interface Found
  extends Pick<TokenRequests.Options, "askChallenge" | "discovery" | "issuerNamedByServer" | "issuerUnnamed">
{
  readonly remembered: RememberedDiscovery
}

/**
 * The discovery of a provider with its record in the storage. The MCP server names the authorization server, and may
 * change it, only if the caller has given neither an issuer nor an authorization server.
 *
 * @internal
 */
export const discoveryOf = ({ guard, hasRecords, issuerUnnamed, mayFollow, ...options }: Options): Found => {
  const issuerNamedByServer = options.issuer === "discover" && options.authorizationServer === undefined
  const follow = issuerNamedByServer && mayFollow
  const remembered = new RememberedDiscovery(guard, issuerNamedByServer && !mayFollow)
  return {
    discovery: Discovery.make({ ...options, follow, memory: hasRecords ? remembered : undefined }),
    remembered,
    askChallenge: Effect.map(options.cache.serverAnswer(options), ServerAnswer.challengeOf),
    issuerNamedByServer,
    // An assertion that follows the server must be of no use to others than its receiver.
    issuerUnnamed: issuerUnnamed === true || follow
  }
}

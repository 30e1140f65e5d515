import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type { AccessToken } from "../../AccessToken.ts"
import type { OwnedFibers } from "../../authoring/OwnedFibers.ts"
import type { OAuthError } from "../../OAuthError.ts"
import type { RefreshPolicy } from "../../RefreshPolicy.ts"
import type { RememberedDiscovery } from "./rememberedDiscovery.ts"
import type { PermittedScopes } from "./permittedScopes.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"
import type { Demand } from "./demand.ts"
import type { LifecycleState } from "./lifecycleState.ts"
import type { StorageGuard } from "./storageGuard.ts"

/**
 * A token that can be sent, or why there is none.
 *
 * @internal
 */
export type Acquired = Effect.Effect<AccessToken, OAuthError>

/**
 * The parts that the rooms of one lifecycle share.
 *
 * @internal
 */
export interface LifecycleParts {
  readonly policy: RefreshPolicy
  /** The scopes that the caller's options permit. */
  readonly permitted: PermittedScopes
  /** How long one acquisition may take, in milliseconds (see `RefreshPolicy.acquisitionLimit`). */
  readonly acquisitionLimit: number
  /** The MCP server, without its query, for an error that has no other address. */
  readonly resource: string
  /** Asks the authorization server. The lifecycle makes one call at a time. */
  readonly obtain: (demand: Demand) => Acquired
  readonly telemetry: Telemetry
  readonly state: Readonly<LifecycleState>
  readonly storage: StorageGuard
  /** The discovery record in the storage. */
  readonly remembered: Pick<RememberedDiscovery, "forget" | "isInDoubt" | "save">
  /** The fibers of the provider. An acquisition belongs to the provider, not to the caller that starts it. */
  readonly fibers: OwnedFibers
  /** The clock of the provider's own fibers, whose timers do not keep the process running. */
  readonly clock: Clock.Clock
  /** The current time, in milliseconds since the epoch. */
  readonly now: () => number
}

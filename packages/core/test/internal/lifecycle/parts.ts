/** The parts of a lifecycle without servers: the tests say what the authorization server and the storage answer. */
import { Duration, Effect } from "effect"
import { type OAuthEvent, RefreshPolicy, TokenStorage } from "../../../src/index.ts"
import * as OwnedFibers from "../../../src/authoring/OwnedFibers.ts"
import type { LifecycleParts } from "../../../src/internal/lifecycle/lifecycleParts.ts"
import { LifecycleState } from "../../../src/internal/lifecycle/lifecycleState.ts"
import { PermittedScopes } from "../../../src/internal/lifecycle/permittedScopes.ts"
import { StorageGuard } from "../../../src/internal/lifecycle/storageGuard.ts"
import { EventHub } from "../../../src/internal/telemetry/eventHub.ts"
import * as Telemetry from "../../../src/internal/telemetry/telemetry.ts"

const key = {
  issuer: "https://auth.example.com",
  clientId: "client",
  authenticationMethod: "none",
  grantType: "client_credentials",
  resource: "https://mcp.example.com",
  subject: "",
  scopes: [],
  parameters: []
}

/** Parts with an empty storage in memory, which last as long as the scope. */
export const makeParts = (
  obtain: LifecycleParts["obtain"],
  { acquisitionLimit = Duration.toMillis("2 minutes"), policy = RefreshPolicy.standard }: {
    readonly acquisitionLimit?: number
    readonly policy?: RefreshPolicy.RefreshPolicy
  } = {}
) =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const telemetry = yield* Telemetry.make({
      resource: key.resource,
      clientId: key.clientId,
      events: new EventHub<OAuthEvent.OAuthEvent>()
    })
    const parts: LifecycleParts = {
      policy,
      permitted: new PermittedScopes({}),
      acquisitionLimit,
      resource: key.resource,
      obtain,
      telemetry,
      state: new LifecycleState(policy, () => {}),
      storage: new StorageGuard({
        storage: yield* TokenStorage.makeMemory,
        key,
        policy,
        clock,
        publish: telemetry.publish
      }),
      remembered: { forget: Effect.void, isInDoubt: () => false, save: Effect.void },
      fibers: yield* OwnedFibers.make(),
      clock,
      now: () => clock.unsafeCurrentTimeMillis()
    }
    return parts
  })

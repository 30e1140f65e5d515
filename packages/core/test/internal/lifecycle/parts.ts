/** The parts of a lifecycle without servers: the tests say what the authorization server and the storage answer. */
import { Duration, Effect, TestClock } from "effect"
import { type OAuthEvent, RefreshPolicy, TokenStorage } from "../../../src/index.ts"
import * as OwnedFibers from "../../../src/authoring/OwnedFibers.ts"
import type { Demand } from "../../../src/internal/lifecycle/demand.ts"
import type { Acquired, LifecycleParts } from "../../../src/internal/lifecycle/lifecycleParts.ts"
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

/** When the tests of `makeAnswered` begin, in milliseconds since the epoch. */
export const start = 1_000_000

/** Parts whose authorization server gives these answers, one after the other, and then `last`; and what was asked. */
export const makeAnswered = (answers: ReadonlyArray<Acquired>, last: Acquired) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(start)
    const left = [...answers]
    const asked: Array<Demand> = []
    const parts = yield* makeParts((demand) =>
      Effect.suspend(() => {
        asked.push(demand)
        return left.shift() ?? last
      })
    )
    return { parts, asked }
  })

/**
 * Runs one attack against one client.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Client } from "../../ClientUnderAttack.ts"
import { ContractViolation } from "../../ContractViolation.ts"
import type { Limits, Scene, ServerAttack } from "../../ServerAttack.ts"
import * as TestNetwork from "../../TestNetwork.ts"
import { type Connected, evidenceOf, judge } from "./judgement.ts"
import * as SceneOf from "./scene.ts"
import * as VirtualTime from "./virtualTime.ts"

const defaults: Limits = { tokenRequests: 12, requests: 60, bytes: 4 * 1024 * 1024, duration: "10 minutes" }

/**
 * Succeeds if the client withstands the attack.
 *
 * @internal
 */
export const run = (attack: ServerAttack, client: Client): Effect.Effect<void, ContractViolation> =>
  Effect.suspend(() => {
    const limits = { ...defaults, ...attack.limits }
    const connected: Array<Connected> = []
    let scene: Scene | undefined
    let ended = false
    const program = Effect.gen(function*() {
      const made = yield* SceneOf.make(attack, client, connected)
      scene = made
      if (attack.prepare !== undefined) yield* attack.prepare(made)
      // A client may fail in any way: the requests are judged, and that the calls end.
      yield* Effect.exit(Effect.flatMap(made.connect(), (send) => attack.calls?.(send, made) ?? send(made.serverUrl)))
      ended = true
    }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer))
    const { duration } = limits
    return Effect.gen(function*() {
      const exit = yield* VirtualTime.run(program, { duration, patience: client.patience ?? "250 millis" })
      if (exit !== undefined) yield* exit
      const late = ended ? undefined : `a call did not end within ${Duration.format(Duration.decode(duration))}`
      const found = (yield* violationOf(attack, limits, scene, connected)) ?? late
      if (found !== undefined) {
        yield* new ContractViolation({ message: `${attack.name} (${attack.section}): ${found}.` })
      }
    })
  })

const violationOf = (
  attack: ServerAttack,
  limits: Limits,
  scene: Scene | undefined,
  connected: ReadonlyArray<Connected>
): Effect.Effect<string | undefined> =>
  Effect.gen(function*() {
    if (scene === undefined) return undefined
    const requests = yield* scene.network.requests
    const issued = yield* scene.authorizationServer.issued
    return judge(attack, limits, evidenceOf(scene, requests), connected, issued.map(({ value }) => value))
  })

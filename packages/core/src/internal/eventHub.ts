import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/** How many events a slow reader may fall behind before it loses the oldest. */
const CAPACITY = 32

/**
 * Where events go: nowhere, and at no cost, until somebody watches.
 *
 * @internal
 */
export interface EventHub<A> {
  readonly publish: (event: A) => Effect.Effect<void>
  /** What happens from the moment of subscription on. Ends with the hub. */
  readonly stream: Stream.Stream<A>
  readonly shutdown: Effect.Effect<void>
}

/** @internal */
export const make = <A>(): EventHub<A> => {
  let hub: PubSub.PubSub<A> | undefined
  let closed = false
  return {
    publish: (event) => hub === undefined ? Effect.void : Effect.asVoid(PubSub.publish(hub, event)),
    stream: Stream.unwrap(Effect.suspend(() => {
      if (closed) return Effect.succeed(Stream.empty)
      if (hub !== undefined) return Effect.succeed(Stream.fromPubSub(hub))
      return Effect.map(PubSub.sliding<A>(CAPACITY), (made) => {
        hub ??= made
        return Stream.fromPubSub(hub)
      })
    })),
    shutdown: Effect.suspend(() => {
      closed = true
      return hub === undefined ? Effect.void : PubSub.shutdown(hub)
    })
  }
}

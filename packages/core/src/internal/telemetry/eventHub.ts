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
export class EventHub<A> {
  #hub: PubSub.PubSub<A> | undefined
  #closed = false

  publish(event: A): Effect.Effect<void> {
    return this.#hub === undefined ? Effect.void : Effect.asVoid(PubSub.publish(this.#hub, event))
  }

  /** What happens from the moment of subscription on. Ends with the hub. */
  subscribe(): Stream.Stream<A> {
    return Stream.unwrap(Effect.suspend(() => {
      if (this.#closed) return Effect.succeed(Stream.empty)
      if (this.#hub !== undefined) return Effect.succeed(Stream.fromPubSub(this.#hub))
      return Effect.map(PubSub.sliding<A>(CAPACITY), (made) => {
        this.#hub ??= made
        return Stream.fromPubSub(this.#hub)
      })
    }))
  }

  shutdown(): Effect.Effect<void> {
    this.#closed = true
    return this.#hub === undefined ? Effect.void : PubSub.shutdown(this.#hub)
  }
}

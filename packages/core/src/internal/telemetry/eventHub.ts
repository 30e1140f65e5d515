import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/** How many events a slow subscriber may fall behind before it loses the oldest. */
const CAPACITY = 32

/**
 * Passes events to subscribers. Publishing costs nothing until the first one subscribes.
 *
 * @internal
 */
export class EventHub<A> {
  #hub: PubSub.PubSub<A> | undefined
  #closed = false

  publish(event: A): Effect.Effect<void> {
    return this.#hub === undefined ? Effect.void : Effect.asVoid(PubSub.publish(this.#hub, event))
  }

  /** The events from the moment of subscription on. The stream ends when the hub is shut down. */
  subscribe(): Stream.Stream<A> {
    const hub = Effect.suspend(() => this.#hub === undefined ? PubSub.sliding<A>(CAPACITY) : Effect.succeed(this.#hub))
    return Stream.unwrap(Effect.map(hub, (hub) => {
      if (this.#closed) return Stream.empty
      this.#hub ??= hub
      return Stream.fromPubSub(this.#hub)
    }))
  }

  shutdown(): Effect.Effect<void> {
    this.#closed = true
    return this.#hub === undefined ? Effect.void : PubSub.shutdown(this.#hub)
  }
}

import * as Effect from "effect/Effect"

/**
 * The defect that callers of a closed provider die of.
 *
 * @internal
 */
export const providerClosed: Effect.Effect<never> = Effect.suspend(() =>
  Effect.die(
    new Error(
      "This OAuthProvider is closed: its Layer, or scope, has ended. Keep it open for as long as its clients " +
        "and its fetch are used."
    )
  )
)

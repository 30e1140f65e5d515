import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/**
 * The assertions of a grant or a proof that were refused, until the provider of assertions has been told. Many providers
 * of tokens may share a grant or a proof, so the refused assertion need not be the last that was given.
 *
 * @internal
 */
export interface Refusals {
  /** Asks for an assertion, telling what was refused. That is forgotten when the question is answered, not if it fails. */
  readonly tell: <A, E>(
    ask: (refused: ReadonlyArray<Redacted.Redacted<string>>) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** The value of a form's parameter. */
  readonly add: (assertion: string | Redacted.Redacted<string> | undefined) => Effect.Effect<void>
}

/** @internal */
export const make = (): Refusals => {
  const pending = new Set<Redacted.Redacted<string>>()
  return {
    tell: (ask) =>
      Effect.suspend(() => {
        const told = [...pending]
        return Effect.tap(ask(told), () =>
          Effect.sync(() => {
            for (const assertion of told) pending.delete(assertion)
          }))
      }),
    add: (assertion) =>
      Effect.sync(() => {
        if (Redacted.isRedacted(assertion)) pending.add(assertion)
      })
  }
}

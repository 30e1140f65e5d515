/** Tests of properties: fast-check makes inputs, and the check must pass for each of them. */
// oxlint-disable vitest/valid-title, vitest/expect-expect -- each property has a title and a check of its own
import { it } from "@effect/vitest"
import { Effect, TestContext } from "effect"
import * as FastCheck from "effect/FastCheck"

type Arbitraries<A extends ReadonlyArray<unknown>> = { readonly [K in keyof A]: FastCheck.Arbitrary<A[K]> }

export interface Settings {
  readonly numRuns?: number
}

/** A check that throws for inputs that break the property. */
export const property = <A extends [unknown, ...Array<unknown>]>(
  name: string,
  arbitraries: Arbitraries<A>,
  check: (inputs: A) => void,
  settings: Settings = {}
): void => it(name, () => FastCheck.assert(FastCheck.property(FastCheck.tuple<A>(...arbitraries), check), settings))

/** A check that is an effect. Each input has new services of tests, such as a `TestClock`. */
export const effectProperty = <A extends [unknown, ...Array<unknown>]>(
  name: string,
  arbitraries: Arbitraries<A>,
  check: (inputs: A) => Effect.Effect<unknown, unknown>,
  settings: Settings = {}
): void =>
  it(name, () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.tuple<A>(...arbitraries), async (inputs) => {
        await Effect.runPromise(Effect.provide(check(inputs), TestContext.TestContext))
      }),
      settings
    ))

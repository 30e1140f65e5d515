import * as Cause from "effect/Cause"
import * as Runtime from "effect/Runtime"

/**
 * The values in a `Cause`, failures first, or the `Cause` in the error that `Effect.runPromise` rejects with.
 * `undefined` for any other value.
 *
 * @internal
 */
export const valuesIn = (value: unknown): ReadonlyArray<unknown> | undefined => {
  if (Runtime.isFiberFailure(value)) return [value[Runtime.FiberFailureCauseId]]
  return Cause.isCause(value) ? [...Cause.failures(value), ...Cause.defects(value)] : undefined
}

/**
 * The same cause with other failures and defects.
 *
 * @internal
 */
export const mapValues = (cause: Cause.Cause<unknown>, f: (value: unknown) => unknown): Cause.Cause<unknown> =>
  Cause.match(cause, {
    onEmpty: Cause.empty,
    onFail: (error): Cause.Cause<unknown> => Cause.fail(f(error)),
    onDie: (defect) => Cause.die(f(defect)),
    onInterrupt: Cause.interrupt,
    onSequential: Cause.sequential,
    onParallel: Cause.parallel
  })

import * as Cause from "effect/Cause"

/**
 * The values in a `Cause`, failures first. `undefined` for any other value. `Effect.runPromise` rejects with such a
 * value itself.
 *
 * @internal
 */
export const valuesIn = (value: unknown): ReadonlyArray<unknown> | undefined =>
  Cause.isCause(value)
    ? [
      ...value.reasons.filter(Cause.isFailReason).map(({ error }) => error),
      ...value.reasons.filter(Cause.isDieReason).map(({ defect }) => defect)
    ]
    : undefined

/**
 * The same cause with other failures and defects.
 *
 * @internal
 */
export const mapValues = (cause: Cause.Cause<unknown>, f: (value: unknown) => unknown): Cause.Cause<unknown> =>
  Cause.fromReasons(cause.reasons.map((reason) => {
    const changed = Cause.isFailReason(reason)
      ? Cause.makeFailReason(f(reason.error))
      : Cause.isDieReason(reason)
      ? Cause.makeDieReason(f(reason.defect))
      : reason
    return changed === reason ? reason : changed.annotate(Cause.reasonAnnotations(reason))
  }))

import * as Causes from "./causes.ts"

/** How many wrappers are opened. Errors may wrap each other without end. */
const MAX_DEPTH = 16

/**
 * The first value that passes the test, among an error and what it wraps: its `cause`, the failures and defects of a
 * `Cause`, and the `Cause` of the error that `Effect.runPromise` rejects with.
 *
 * @internal
 */
export const findWrapped = <A>(
  error: unknown,
  is: (value: unknown) => value is A,
  depth: number = MAX_DEPTH,
  seen: Set<object> = new Set()
): A | undefined => {
  if (is(error)) return error
  if (depth === 0 || typeof error !== "object" || error === null || seen.has(error)) return undefined
  // Without this, two errors that hold each other twice would be looked at 65,536 times.
  seen.add(error)
  for (const inner of Causes.valuesIn(error) ?? ("cause" in error ? [error.cause] : [])) {
    const found = findWrapped(inner, is, depth - 1, seen)
    if (found !== undefined) return found
  }
  return undefined
}

import type * as Redacted from "effect/Redacted"

/** The secrets that are read anew for every token request. */
const readEachTime = new WeakSet<Redacted.Redacted<string>>()

/**
 * Marks a secret whose source is read anew for every token request.
 *
 * @internal
 */
export const markReadEachTime = <A extends Redacted.Redacted<string>>(secret: A): A => {
  readEachTime.add(secret)
  return secret
}

/** @internal */
export const isReadEachTime = (secret: Redacted.Redacted<string>): boolean => readEachTime.has(secret)

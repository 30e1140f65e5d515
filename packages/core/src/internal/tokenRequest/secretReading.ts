import * as Redacted from "effect/Redacted"

/** The secrets whose source is read for every token request, and the name of that source if it has one. */
const readEachTime = new WeakMap<object, string | undefined>()

/**
 * Marks a secret whose source is read for every token request. A value that is no secret stays what it is.
 *
 * @param source the name of the source in error messages
 *
 * @internal
 */
export const markReadEachTime = <A>(secret: A, source?: string): A => {
  if (Redacted.isRedacted(secret) && !readEachTime.has(secret)) readEachTime.set(secret, source)
  return secret
}

/** @internal */
export const isReadEachTime = (secret: Redacted.Redacted<string>): boolean => readEachTime.has(secret)

/** @internal */
export const sourceOf = (secret: unknown): string | undefined =>
  Redacted.isRedacted(secret) ? readEachTime.get(secret) : undefined

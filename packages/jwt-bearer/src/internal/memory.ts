import type * as Assertion from "@effect-mcp-auth/core/Assertion"
import type { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as Redacted from "effect/Redacted"

/**
 * An ID-JAG. Times in milliseconds since the epoch. `once`: it may be presented once.
 *
 * @internal
 */
export interface Issued {
  readonly idJag: Redacted.Redacted<string>
  readonly once: boolean
  readonly issuedAt: number
  readonly freshUntil: number
  readonly expiresAt: number
}

/**
 * The ID-JAGs that may still be given out, by what they are for.
 *
 * @internal
 */
export interface Remembered {
  readonly get: (key: string) => Issued | undefined
  readonly add: (key: string, issued: Issued, now: number) => void
  /** Whether the caller may have it. In one step, so that no other may. */
  readonly take: (key: string, issued: Issued) => boolean
  readonly forget: (refused: Assertion.AssertionRequest["refused"]) => void
}

/** @internal */
export const makeRemembered = (): Remembered => {
  const remembered = new Map<string, Issued>()
  const presented = new WeakSet<Issued>()
  return {
    get: (key) => remembered.get(key),
    add: (key, issued, now) => {
      for (const [other, { expiresAt }] of remembered) if (expiresAt <= now) remembered.delete(other)
      if (now < issued.freshUntil) remembered.set(key, issued)
    },
    take: (key, issued) => {
      if (!issued.once) return true
      if (presented.has(issued)) return false
      presented.add(issued)
      if (remembered.get(key) === issued) remembered.delete(key)
      return true
    },
    forget: (refused) => {
      for (const [key, { idJag }] of remembered) {
        if (refused.some((assertion) => isSame(assertion, idJag))) remembered.delete(key)
      }
    }
  }
}

/** How many requests are known to be refused for good. */
const MAX_FINAL = 1000

/** `until`: when it may be asked again, in milliseconds since the epoch. */
interface Refusal {
  readonly error: AssertionError
  readonly subjectToken: Redacted.Redacted<string>
  readonly until: number
}

/**
 * What the identity provider refused, by what it was asked for and with which subject token.
 *
 * @internal
 */
export interface Refusals {
  /** The error that answers for the identity provider, if it is not to be asked. */
  readonly find: (key: string, subjectToken: Redacted.Redacted<string>, now: number) => AssertionError | undefined
  readonly add: (key: string, refusal: Refusal, now: number) => void
  /** This subject token is of no more use for this: it is not shown again, whatever the time. */
  readonly addFinal: (key: string, refusal: Omit<Refusal, "until">) => void
}

/** @internal */
export const makeRefusals = (): Refusals => {
  const refusals = new Map<string, Refusal>()
  /** The oldest first. */
  let final: ReadonlyArray<Omit<Refusal, "until"> & { readonly key: string }> = []
  return {
    find: (key, subjectToken, now) => {
      const forGood = final.find((one) => one.key === key && isSame(one.subjectToken, subjectToken))
      if (forGood !== undefined) return forGood.error
      const refusal = refusals.get(key)
      if (refusal === undefined) return undefined
      // Retry-After holds for all, a refusal for the one subject token.
      if (now < refusal.until && (refusal.error.transient || isSame(refusal.subjectToken, subjectToken))) {
        return refusal.error
      }
      refusals.delete(key)
      return undefined
    },
    add: (key, refusal, now) => {
      for (const [other, { until }] of refusals) if (until <= now) refusals.delete(other)
      refusals.set(key, refusal)
    },
    addFinal: (key, refusal) => {
      final = [...final, { ...refusal, key }].slice(-MAX_FINAL)
    }
  }
}

const isSame = (a: Redacted.Redacted<string>, b: Redacted.Redacted<string>): boolean =>
  a === b || Redacted.value(a) === Redacted.value(b)

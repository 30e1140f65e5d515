import { AssertionError, isTransient, type OAuthError, TokenEndpointError } from "@effect-mcp-auth/core/OAuthError"
import * as RefreshPolicy from "@effect-mcp-auth/core/RefreshPolicy"
import * as Redacted from "effect/Redacted"

/** The largest number of final refusals that are remembered. The oldest is forgotten first. */
const MAX_FINAL = 1000

interface FinalRefusal {
  readonly key: string
  readonly error: AssertionError
  readonly subjectToken: Redacted.Redacted<string>
}

interface Refusal extends FinalRefusal {
  /** When the identity provider may be asked again, in milliseconds since the epoch. */
  readonly until: number
}

/**
 * The refusals of the identity provider, by what was requested (the key) and by subject token.
 *
 * @internal
 */
export class Refusals {
  readonly #refusals = new Map<string, Refusal>()
  /** The final refusals, the oldest first. */
  #final: ReadonlyArray<FinalRefusal> = []

  /** The error in place of an answer, if the identity provider must not be asked. */
  find(key: string, subjectToken: Redacted.Redacted<string>, now: number): AssertionError | undefined {
    const forGood = this.#final.find((one) => one.key === key && isSame(one.subjectToken, subjectToken))
    if (forGood !== undefined) return forGood.error
    const refusal = this.#refusals.get(key)
    if (refusal === undefined) return undefined
    // Retry-After applies to every subject token, a refusal to one.
    if (now < refusal.until && (refusal.error.transient || isSame(refusal.subjectToken, subjectToken))) {
      return withRest(refusal.error, refusal.until - now)
    }
    this.#refusals.delete(key)
    return undefined
  }

  /** Remembers why the exchange failed. Returns the reason as the error of the provider. */
  add(key: string, subjectToken: Redacted.Redacted<string>, cause: OAuthError, now: number): AssertionError {
    const error = failed(cause)
    for (const [other, { until }] of this.#refusals) if (until <= now) this.#refusals.delete(other)
    const until = now + RefreshPolicy.memory(RefreshPolicy.standard, cause)
    this.#refusals.set(key, { key, error, subjectToken, until })
    // The identity provider will never accept this subject token for this request, so it is not sent again.
    if (cause instanceof TokenEndpointError && cause.code === "invalid_grant" && !error.transient) {
      this.#final = [...this.#final, { key, error, subjectToken }].slice(-MAX_FINAL)
    }
    return error
  }
}

const failed = (cause: OAuthError): AssertionError =>
  cause instanceof AssertionError ? cause : new AssertionError({
    reason: reasonOf(cause),
    description: `The identity provider returned no ID-JAG. ${cause.message}`,
    ...("retryAfter" in cause && cause.retryAfter !== undefined ? { retryAfter: cause.retryAfter } : {}),
    cause
  })

const reasonOf = (cause: OAuthError): AssertionError["reason"] => {
  if (isTransient(cause)) return "Unavailable"
  return "reason" in cause && cause.reason === "CannotSend" ? "CannotSend" : "Refused"
}

/** The remembered error, with what is left of the wait that the identity provider asked for. */
const withRest = (error: AssertionError, rest: number): AssertionError => {
  const { cause, description, reason, retryAfter } = error
  return retryAfter === undefined || retryAfter <= rest
    ? error
    : new AssertionError({ reason, description, retryAfter: rest, ...(cause === undefined ? {} : { cause }) })
}

const isSame = (a: Redacted.Redacted<string>, b: Redacted.Redacted<string>): boolean =>
  a === b || Redacted.value(a) === Redacted.value(b)

import { AssertionError, isTransient, type OAuthError, TokenEndpointError } from "@effect-mcp-auth/core/OAuthError"
import * as RefreshPolicy from "@effect-mcp-auth/core/RefreshPolicy"
import * as Redacted from "effect/Redacted"

/** The largest number of refusals that are remembered. The oldest is forgotten first. */
const MAX = 1000

interface Refusal {
  readonly key: string
  readonly error: AssertionError
  readonly subjectToken: Redacted.Redacted<string>
  /** When the identity provider may be asked again, in milliseconds since the epoch. */
  readonly until: number
}

/**
 * The refusals of the identity provider, by what was requested (the key) and by subject token.
 *
 * @internal
 */
export class Refusals {
  /** The oldest first. */
  // Stryker disable next-line ArrayDeclaration: the first `add` removes an entry that has no end
  #refusals: ReadonlyArray<Refusal> = []

  /** The error in place of an answer, if the identity provider must not be asked. */
  find(key: string, subjectToken: Redacted.Redacted<string>, now: number): AssertionError | undefined {
    const refusal = this.#refusals.find((one) =>
      one.key === key && isValid(one, now) &&
      // Retry-After applies to every subject token, a refusal to one.
      (one.error.transient || Redacted.value(one.subjectToken) === Redacted.value(subjectToken))
    )
    return refusal === undefined ? undefined : withRest(refusal.error, refusal.until - now)
  }

  /** Remembers why the exchange failed. Returns the reason as the error of the provider. */
  add(key: string, subjectToken: Redacted.Redacted<string>, cause: OAuthError, now: number): AssertionError {
    const error = failed(cause)
    // The identity provider will never accept this subject token for this request, so it is not sent again.
    const isForGood = cause instanceof TokenEndpointError && cause.code === "invalid_grant" && !error.transient
    const until = isForGood ? Number.POSITIVE_INFINITY : now + RefreshPolicy.memory(RefreshPolicy.standard, cause)
    const valid = this.#refusals.filter((one) => isValid(one, now))
    this.#refusals = [...valid, { key, error, subjectToken, until }].slice(-MAX)
    return error
  }
}

const isValid = ({ until }: Refusal, now: number): boolean => now < until

const failed = (cause: OAuthError): AssertionError =>
  cause instanceof AssertionError ? cause : new AssertionError({
    reason: reasonOf(cause),
    description: `The identity provider returned no ID-JAG. ${cause.message}`,
    // Stryker disable next-line ConditionalExpression: an error without the field has no value there either
    retryAfter: "retryAfter" in cause ? cause.retryAfter : undefined,
    cause
  })

const reasonOf = (cause: OAuthError): AssertionError["reason"] => {
  if (isTransient(cause)) return "Unavailable"
  return "reason" in cause && cause.reason === "CannotSend" ? "CannotSend" : "Refused"
}

/** The remembered error, with what is left of the wait that the identity provider asked for. */
const withRest = (error: AssertionError, rest: number): AssertionError => {
  const { cause, description, reason, retryAfter } = error
  return retryAfter === undefined ? error : new AssertionError({ reason, description, retryAfter: rest, cause })
}

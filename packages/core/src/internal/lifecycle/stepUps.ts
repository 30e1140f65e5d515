import * as Scopes from "../text/scopeList.ts"

/** The most step-ups per token, however many scopes a server names one after the other. */
const MAX_PER_TOKEN = 8

/** The most scopes that renewals ask for again, however many a server names over time. */
const MAX_GAINED = 64

/**
 * The scopes that step-ups have gained, and those that the authorization server has refused. Renewals ask for the
 * gained scopes again. A refused combination of scopes is requested at most once per token.
 *
 * @internal
 */
export class StepUps {
  #gained: ReadonlyArray<string> = []
  /** The names of the refused combinations. */
  readonly #refused = new Set<string>()
  #attempts = 0

  /** The scopes that every renewal asks for again. */
  get gained(): ReadonlyArray<string> {
    return this.#gained
  }

  /** Whether to ask for these scopes, none of which the caller's token has. */
  isWorthTrying(missing: ReadonlyArray<string>): boolean {
    return missing.length > 0 && this.#attempts < MAX_PER_TOKEN && !this.#refused.has(nameOf(missing))
  }

  /** A step-up asked for the `wanted` scopes, and the new token has the `granted` ones. */
  granted(wanted: ReadonlyArray<string>, granted: ReadonlyArray<string>): void {
    const denied = Scopes.missing(wanted, granted)
    const gained = Scopes.missing(wanted, denied)
    this.#gained = Scopes.union(this.#gained, gained).slice(0, MAX_GAINED)
    this.refused(denied)
  }

  /**
   * The authorization server gave a final refusal. The refusal is of these scopes together: each of them alone may
   * still be granted.
   */
  refused(missing: ReadonlyArray<string>): void {
    this.#attempts++
    this.#refused.add(nameOf(missing))
  }

  /** The authorization server no longer grants the gained scopes. */
  withdrawn(): void {
    this.#gained = []
  }

  /** Allows refused scopes again: with a new token the authorization server may decide otherwise. */
  forgetRefusals(): void {
    this.#refused.clear()
  }

  /** Starts the count of step-ups anew, for another token. */
  forgetAttempts(): void {
    this.#attempts = 0
  }
}

const nameOf = (scopes: ReadonlyArray<string>): string => scopes.toSorted().join(" ")

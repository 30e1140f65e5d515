import * as Scopes from "../text/scopeList.ts"

/** However many scopes a server names one after the other. */
const MAX_PER_TOKEN = 8

/** However many it names in the course of time. */
const MAX_WON = 64

/**
 * What step-ups have won and what they have tried, so that renewals keep the one and nothing of the other is asked for
 * twice in a token's life.
 *
 * @internal
 */
export class StepUps {
  #won: ReadonlyArray<string> = []
  #failed: ReadonlyArray<string> = []
  #attempts = 0

  /** The scopes that every renewal asks for again. */
  get won(): ReadonlyArray<string> {
    return this.#won
  }

  /** Whether it is worth asking for these scopes, none of which is held. */
  isWorthTrying(missing: ReadonlyArray<string>): boolean {
    return missing.length > 0 && this.#attempts < MAX_PER_TOKEN && !this.#failed.includes(nameOf(missing))
  }

  /** A token came of asking for `wanted`. */
  granted(wanted: ReadonlyArray<string>, granted: ReadonlyArray<string>): void {
    this.#attempts++
    const denied = Scopes.missing(wanted, granted)
    this.#won = Scopes.union(this.#won, wanted.filter((scope) => !denied.includes(scope))).slice(0, MAX_WON)
    if (denied.length > 0) this.#failed = [...this.#failed, nameOf(denied)]
  }

  /** The authorization server refused, finally. What it refused is the whole, and says nothing of its parts. */
  refused(missing: ReadonlyArray<string>): void {
    this.#attempts++
    this.#failed = [...this.#failed, nameOf(missing)]
  }

  /** The authorization server no longer grants what was won. */
  lost(): void {
    this.#won = []
  }

  /** A new token: the authorization server may have changed its mind. */
  forgetFailures(): void {
    this.#failed = []
  }

  /** Another life, in which a server may again name some scopes. */
  forgetAttempts(): void {
    this.#attempts = 0
  }
}

const nameOf = (scopes: ReadonlyArray<string>): string => scopes.toSorted().join(" ")

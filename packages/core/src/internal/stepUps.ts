import * as Scopes from "./scopes.ts"

/** However many scopes a server names one after the other. */
const MAX_PER_TOKEN = 8

/**
 * What step-ups have won and what they have tried, so that renewals keep the one and nothing of the other is asked for
 * twice in a token's life.
 *
 * @internal
 */
export class StepUps {
  readonly #won = new Set<string>()
  readonly #failed = new Set<string>()
  #attempts = 0

  /** The scopes that every renewal asks for again. */
  get won(): ReadonlySet<string> {
    return this.#won
  }

  /** Whether it is worth asking for these scopes, none of which is held. */
  isWorthTrying(missing: ReadonlyArray<string>): boolean {
    return missing.length > 0 && this.#attempts < MAX_PER_TOKEN && !this.#failed.has(nameOf(missing))
  }

  /** A token came of asking for `wanted`. */
  granted(wanted: ReadonlyArray<string>, granted: ReadonlyArray<string>): void {
    this.#attempts++
    const denied = Scopes.missing(wanted, granted)
    for (const scope of wanted) {
      if (!denied.includes(scope)) this.#won.add(scope)
    }
    if (denied.length > 0) this.#failed.add(nameOf(denied))
  }

  /** The authorization server refused, finally. What it refused is the whole, and says nothing of its parts. */
  refused(missing: ReadonlyArray<string>): void {
    this.#attempts++
    this.#failed.add(nameOf(missing))
  }

  /** The authorization server no longer grants what was won. */
  lost(): void {
    this.#won.clear()
  }

  /** A new token: the authorization server may have changed its mind. */
  forgetFailures(): void {
    this.#attempts = 0
    this.#failed.clear()
  }
}

const nameOf = (scopes: ReadonlyArray<string>): string => scopes.toSorted().join(" ")

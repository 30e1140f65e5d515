import type { StepUp } from "../../ScopeSelection.ts"

/**
 * Which scopes the caller's options `scopes` and `stepUp` permit. A set makes each question independent of the number
 * of permitted scopes, because the MCP server decides how many scopes it names.
 *
 * @internal
 */
export class PermittedScopes {
  /** Whether the provider makes no step-up at all, even for a configured scope that the token lacks. */
  readonly isStepUpOff: boolean
  readonly #isConfigured: boolean
  readonly #configured: ReadonlySet<string>
  /** `undefined` if every scope is permitted. */
  readonly #permitted: ReadonlySet<string> | undefined

  constructor({ scopes, stepUp = scopes === undefined ? "any" : { allow: [] } }: {
    readonly scopes?: ReadonlyArray<string> | undefined
    readonly stepUp?: StepUp | undefined
  }) {
    this.isStepUpOff = stepUp === false
    this.#isConfigured = scopes !== undefined
    this.#configured = new Set(scopes)
    this.#permitted = stepUp === "any"
      ? undefined
      : new Set([...this.#configured, ...(stepUp === false ? [] : stepUp.allow)])
  }

  /** The scopes for which no step-up may ask. */
  forbiddenInStepUp(scopes: ReadonlyArray<string>): ReadonlyArray<string> {
    const permitted = this.#permitted
    return permitted === undefined ? [] : scopes.filter((scope) => !permitted.has(scope))
  }

  /**
   * The scopes of the list that a token request may ask for. A token may hold others: an authorization server can grant
   * more than was asked for. Without `scopes` the caller leaves the choice to the server, so that all are permitted.
   */
  requestable(scopes: ReadonlyArray<string>): ReadonlyArray<string> {
    const permitted = this.#permitted
    return permitted === undefined || !this.#isConfigured ? scopes : scopes.filter((scope) => permitted.has(scope))
  }

  /**
   * The name of the scopes that the caller permits beyond those of the default; `undefined` for the default. Providers
   * that differ here must not share tokens, since a token may be wider than the options of one of them permit.
   */
  get name(): string | undefined {
    if (this.#permitted === undefined) return this.#isConfigured ? "any" : undefined
    const beyond = [...this.#permitted].filter((scope) => !this.#configured.has(scope))
    return this.#isConfigured && beyond.length === 0 ? undefined : `allow ${beyond.toSorted().join(" ")}`
  }
}

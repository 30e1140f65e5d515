/**
 * The choice of the scopes that a token request asks for. RFC 6749 §3.3 leaves it to the client; MCP authorization,
 * "Scope Selection Strategy", puts the sources in order.
 *
 * @since 0.1.0
 */
import * as Challenge from "./Challenge.ts"
import * as Scopes from "./internal/text/scopeList.ts"

/**
 * The sources of scopes. The first source that has any decides: `configured`, then `challenges`, then `supported`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sources {
  /** The caller's own `scopes` option. If set, even to an empty list, no other source counts. */
  readonly configured?: ReadonlyArray<string> | undefined
  /**
   * The server's challenges, whose `scope` (RFC 6750 §3) says what the request needs. The first one with a scope
   * counts.
   */
  readonly challenges?: ReadonlyArray<Challenge.Challenge | undefined> | undefined
  /** `scopes_supported` of the server's metadata (RFC 9728 §2). Entries that are not scope tokens are left out. */
  readonly supported?: ReadonlyArray<string> | undefined
  /**
   * Scopes to ask for in any case: those that a step-up needs (RFC 6750 §3.1) and those that an earlier one was
   * granted.
   */
  readonly additional?: ReadonlyArray<string> | undefined
}

/**
 * The scopes that a provider may ask for when the server answers 403 with `insufficient_scope` (RFC 6750 §3.1):
 *
 * - `"any"`: every scope that the server names. A server that was taken over can then get a token of any scope that the
 *   authorization server grants to the client.
 * - `{ allow }`: the scopes of the `scopes` option and those of `allow`.
 * - `false`: none.
 *
 * @since 0.1.0
 * @category models
 */
export type StepUp = "any" | { readonly allow: ReadonlyArray<string> } | false

/**
 * The scopes to ask for, each once. An empty list means that the request leaves the `scope` parameter out: an empty
 * `scope` would be malformed (RFC 6749 §3.3).
 *
 * @since 0.1.0
 * @category getters
 * @example
 * ```ts
 * import { Challenge, ScopeSelection } from "@effect-mcp-auth/core"
 *
 * const challenge = Challenge.fromHeader(`Bearer scope="files:read"`)
 * ScopeSelection.select({ challenges: [challenge], supported: ["files:read", "files:write"] }) // ["files:read"]
 * ```
 */
export const select = (sources: Sources): ReadonlyArray<string> =>
  Scopes.union(baseScopes(sources), sources.additional ?? [])

const baseScopes = ({ challenges, configured, supported }: Sources): ReadonlyArray<string> => {
  if (configured !== undefined) return configured
  for (const challenge of challenges ?? []) {
    const required = challenge === undefined ? [] : Challenge.requiredScopes(challenge)
    if (required.length > 0) return required
  }
  return supported?.filter(Scopes.isScope) ?? []
}

/**
 * Whether a text is one scope token (RFC 6749 §3.3).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isScope: (text: string) => boolean = Scopes.isScope

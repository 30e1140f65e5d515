/**
 * Attacks by servers on an OAuth client of any make, as cases that any test runner can run.
 *
 * Each case puts hostile or broken servers on a network in memory and lets the client talk to them: an MCP server that
 * was taken over, a hostile authorization server, something in between. A case judges what is on the wire alone: where
 * a secret or a token went, what was asked for, how many requests were sent, and that the client's calls ended.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { availability } from "./attacks/availability.ts"
import { binding } from "./attacks/binding.ts"
import { challenges } from "./attacks/challenges.ts"
import { internalAddresses } from "./attacks/internalAddresses.ts"
import { issuerMetadata } from "./attacks/issuerMetadata.ts"
import { mixUp } from "./attacks/mixUp.ts"
import { requests } from "./attacks/requests.ts"
import { resourceMetadata } from "./attacks/resourceMetadata.ts"
import { tenants } from "./attacks/tenants.ts"
import { tokenEndpoint } from "./attacks/tokenEndpoint.ts"
import { withoutAttack } from "./attacks/withoutAttack.ts"
import type { Client } from "./ClientUnderAttack.ts"
import { ContractViolation } from "./ContractViolation.ts"
import { run } from "./internal/attacks/run.ts"
import type { ServerAttack } from "./ServerAttack.ts"

export { ContractViolation } from "./ContractViolation.ts"

/**
 * One attack on one client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly name: string
  /** The group of attacks that the case belongs to. */
  readonly family: string
  /** The section whose rule the case proves, as in `RFC 9728 §3.3`. */
  readonly section: string
  /** Succeeds if the client withstands the attack. Needs no clock of the test: hours pass at once. */
  readonly check: (client: Client) => Effect.Effect<void, ContractViolation>
}

/**
 * A case of an attack of your own.
 *
 * @example
 * ```ts
 * import { Answer, HostileServersContract } from "@effect-mcp-auth/testing"
 *
 * const redirected = HostileServersContract.fromAttack("our gateway", {
 *   name: "the gateway redirects the token request to a page of its own",
 *   section: "RFC 9110 §15.4",
 *   prepare: ({ network }) => network.always("token", Answer.redirect("https://gateway.example.com/login")),
 *   onlyOrigins: ["https://mcp.example.com", "https://auth.example.com"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromAttack = (family: string, attack: ServerAttack): Case => ({
  name: attack.name,
  family,
  section: attack.section,
  check: (client) => run(attack, client)
})

const families: Readonly<Record<string, ReadonlyArray<ServerAttack>>> = {
  "without an attack": withoutAttack,
  "internal addresses": internalAddresses,
  "metadata of the MCP server": resourceMetadata,
  "metadata of the authorization server": issuerMetadata,
  challenges,
  "mix-up": mixUp,
  "token endpoint": tokenEndpoint,
  "requests with a token": requests,
  "binding to an authorization server": binding,
  tenants,
  availability
}

/**
 * All attacks. The cases of the family `without an attack` show that the client works at all: without them a client that
 * sends nothing would withstand everything.
 *
 * @example
 * ```ts
 * import { ClientUnderAttack, HostileServersContract } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * // Your client: its requests go to `fetch`, and its credentials are `clientId` and `clientSecret`.
 * declare const makeClient: (options: ClientUnderAttack.Setting) => typeof globalThis.fetch
 *
 * const client = ClientUnderAttack.fromFetch(makeClient)
 *
 * const cases = HostileServersContract.withDeviations(HostileServersContract.cases, {
 *   "metadata whose issuer is the issuer with a slash at its end names a hostile token endpoint":
 *     "our identity provider writes the slash in one place and not in the other"
 * })
 *
 * for (const { check, name, section } of cases) {
 *   test(`${name} (${section})`, () => Effect.runPromise(check(client)))
 * }
 * declare const test: (name: string, body: () => Promise<void>) => void
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const cases: ReadonlyArray<Case> = Object.entries(families).flatMap(([family, attacks]) =>
  attacks.map((attack) => fromAttack(family, attack))
)

/**
 * The same cases for a client that does not claim to withstand some of the attacks. Each deviation has the name of its
 * case and a reason, which becomes part of the name. A case of a deviation succeeds if the client does not withstand the
 * attack, and fails if it does: a list of deviations never hides a case and never outlives its cause.
 *
 * Throws if a deviation has the name of no case.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withDeviations = (
  cases: ReadonlyArray<Case>,
  deviations: Readonly<Record<string, string>>
): ReadonlyArray<Case> => {
  const unknown = Object.keys(deviations).find((name) => !cases.some((one) => one.name === name))
  if (unknown !== undefined) throw new Error(`No case has the name of this deviation: ${unknown}`)
  return cases.map((one) => {
    const reason = deviations[one.name]
    return reason === undefined ? one : {
      ...one,
      name: `${one.name} [deviation: ${reason}]`,
      check: (client) =>
        Effect.matchEffect(one.check(client), {
          onFailure: () => Effect.void,
          onSuccess: () =>
            new ContractViolation({
              message: `${one.name} (${one.section}): the client withstands the attack. Remove the deviation.`
            })
        })
    }
  })
}

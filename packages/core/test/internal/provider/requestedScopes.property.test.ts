import { describe, expect } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as FastCheck from "effect/FastCheck"
import { AccessToken, Challenge, OAuthError, type ScopeSelection } from "../../../src/index.ts"
import { type Demand, forReason } from "../../../src/internal/lifecycle/demand.ts"
import { PermittedScopes } from "../../../src/internal/lifecycle/permittedScopes.ts"
import { RequestedScopes } from "../../../src/internal/provider/requestedScopes.ts"
import { makeToken } from "../lifecycle/fixtures.ts"
import { property } from "../../support/property.ts"

const name = FastCheck.constantFrom("a", "b", "c", "d", "e")

const names = FastCheck.uniqueArray(name, { maxLength: 5 })

/** One demand of the life cycle, by what the server and the token have. */
interface Asked {
  readonly reason: "Scheduled" | "Rejected" | "StepUp"
  readonly held: ReadonlyArray<string>
  readonly needed: ReadonlyArray<string>
  readonly gained: ReadonlyArray<string>
}

const asked = FastCheck.record<Asked>({
  reason: FastCheck.constantFrom("Scheduled", "Rejected", "StepUp"),
  held: names,
  needed: names,
  gained: names
})

interface World {
  readonly configured: ReadonlyArray<string> | undefined
  readonly stepUp: ScopeSelection.StepUp | undefined
  readonly supported: ReadonlyArray<string>
  readonly challenge: ReadonlyArray<string> | undefined
  /** The scopes that the authorization server accepts in a request. */
  readonly accepted: ReadonlyArray<string>
  readonly demands: ReadonlyArray<Asked>
}

const world = FastCheck.record<World>({
  configured: FastCheck.option(names, { nil: undefined }),
  stepUp: FastCheck.oneof(
    FastCheck.constantFrom(undefined, "any" as const, false as const),
    names.map((allow) => ({ allow }))
  ),
  supported: names,
  challenge: FastCheck.option(names, { nil: undefined }),
  accepted: names,
  demands: FastCheck.array(asked, { minLength: 1, maxLength: 5 })
})

const challengeWith = (scopes: ReadonlyArray<string>) =>
  Challenge.fromHeader(scopes.length === 0 ? "Bearer" : `Bearer scope="${scopes.join(" ")}"`)

const demandOf = ({ gained, held, needed, reason }: Asked): Demand => {
  if (reason === "Scheduled") return { ...forReason(reason), wanted: gained }
  const challenge = challengeWith(needed)
  if (reason === "Rejected") return { reason, rejected: tokenWith(held), challenge, wanted: gained, missing: [] }
  return { reason, challenge, wanted: [...new Set([...held, ...needed])], missing: needed }
}

const template = makeToken()

const tokenWith = (scopes: ReadonlyArray<string>) => AccessToken.copy(template, { scopes })

const refused = new OAuthError.TokenEndpointError({
  reason: "Refused",
  url: "https://auth.example.com/token",
  description: "made up",
  code: "invalid_scope"
})

/** The scopes of the token requests of each demand. */
const run = ({ accepted, challenge, configured, demands, stepUp, supported }: World) => {
  const requested = new RequestedScopes({
    scopes: configured,
    permitted: new PermittedScopes({ scopes: configured, stepUp }),
    askChallenge: Effect.succeed(challenge && challengeWith(challenge))
  })
  return demands.map((asked) => {
    const requests: Array<ReadonlyArray<string>> = []
    const send = (scopes: ReadonlyArray<string>) =>
      Effect.suspend(() => {
        requests.push(scopes)
        return scopes.every((scope) => accepted.includes(scope)) ? Effect.succeed(tokenWith(scopes)) : refused
      })
    const found = {
      authorizationServer: {
        issuer: "https://auth.example.com",
        tokenEndpoint: new URL("https://auth.example.com/token"),
        metadata: { issuer: "https://auth.example.com", token_endpoint: "https://auth.example.com/token" }
      },
      challenge: undefined,
      protectedResource: {
        authorizationServers: [],
        scopesSupported: supported,
        url: "https://mcp.example.com",
        metadata: { resource: "https://mcp.example.com" }
      }
    }
    const exit = Effect.runSyncExit(requested.request(demandOf(asked), found, send))
    return { asked, requests, exit }
  })
}

const isWithin = (scopes: ReadonlyArray<string>, of: ReadonlyArray<string>) =>
  scopes.every((scope) => of.includes(scope))

describe("the scopes of token requests, whatever the servers name and refuse", () => {
  property(
    "with configured scopes: contain them, and nothing that neither `scopes` nor `stepUp` permits",
    [world, names],
    ([world, configured]) => {
      const { stepUp } = world
      const allowed = stepUp === undefined || stepUp === false || stepUp === "any" ? [] : stepUp.allow
      for (const { requests } of run({ ...world, configured })) {
        for (const scopes of requests) {
          expect(isWithin(configured, scopes)).toBe(true)
          if (stepUp !== "any") expect(isWithin(scopes, [...configured, ...allowed])).toBe(true)
        }
      }
    }
  )

  property(
    "of a step-up contain at first all that is held and needed, as far as it is permitted",
    [world],
    ([world]) => {
      for (const { asked, requests: [first = []] } of run(world)) {
        if (asked.reason !== "StepUp") continue
        const permitted = new PermittedScopes({ scopes: world.configured, stepUp: world.stepUp })
        expect(isWithin(permitted.requestable([...asked.held, ...asked.needed]), first)).toBe(true)
      }
    }
  )

  property(
    "are each named once, in at most three requests for a demand, of which the last decides",
    [world],
    ([world]) => {
      for (const { exit, requests } of run(world)) {
        for (const scopes of requests) expect(new Set(scopes).size).toBe(scopes.length)
        expect(requests.length).toBeGreaterThanOrEqual(1)
        expect(requests.length).toBeLessThanOrEqual(3)
        expect(Exit.isSuccess(exit)).toBe(isWithin(requests.at(-1) ?? [], world.accepted))
      }
    }
  )

  property("are not sent again for the same demand after they were refused", [world], ([world]) => {
    for (const { requests } of run(world)) {
      const sent = requests.map((scopes) => scopes.toSorted().join(" "))
      expect(new Set(sent).size).toBe(sent.length)
    }
  })
})

import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import { AccessToken, Challenge, OAuthError, type ScopeSelection } from "../../../src/index.ts"
import { type Demand, forReason } from "../../../src/internal/lifecycle/demand.ts"
import { PermittedScopes } from "../../../src/internal/lifecycle/permittedScopes.ts"
import { RequestedScopes } from "../../../src/internal/provider/requestedScopes.ts"

const issuer = "https://auth.example.com"
const words = (text: string): ReadonlyArray<string> => text.split(" ").filter((word) => word !== "")

const tokenWith = (scopes: string) =>
  new AccessToken.AccessToken({
    value: Redacted.make("canary-token"),
    tokenType: "Bearer",
    scopes: words(scopes),
    issuer,
    issuedAt: 0,
    expiresAt: 1
  })

const challengeWith = (scope: string) => Challenge.fromHeader(scope === "" ? "Bearer" : `Bearer scope="${scope}"`)

/** The first token, or a scheduled renewal with the scopes that step-ups have gained. */
const renewal = (gained = ""): Demand => ({ ...forReason("Scheduled"), wanted: words(gained) })

/** A 401 for a token with these scopes, with a challenge. */
const rejected = (held: string, challenge = "", gained = ""): Demand => ({
  ...forReason("Rejected"),
  rejected: tokenWith(held),
  challenge: challengeWith(challenge),
  wanted: words(gained)
})

/** A 403 for a token with these scopes, whose challenge names others. */
const stepUp = (held: string, needed: string): Demand => ({
  reason: "StepUp",
  challenge: challengeWith(needed),
  wanted: words(`${held} ${needed}`),
  missing: words(needed)
})

interface History {
  readonly name: string
  /** The caller's own `scopes`. */
  readonly configured?: string
  /** The caller's own `stepUp`; `"any"` if it is left out here. */
  readonly stepUp?: ScopeSelection.StepUp
  /** `scopes_supported` of the server's metadata. */
  readonly supported?: string
  /** The scope of the server's challenge to a request without a token. `false`: the server does not answer. */
  readonly challenge?: string | false
  /** The scopes that may be requested. `none`: the authorization server demands a scope. */
  readonly allowed: string
  /** The scopes that may be requested after the first demand, if they are others. */
  readonly allowedLater?: string
  readonly demands: ReadonlyArray<Demand>
  /** The scope of each token request; `!` at its end if it was refused. */
  readonly asked: ReadonlyArray<string>
  /** How often the server was asked for its challenge. */
  readonly probes?: number
  /** How many demands fail. */
  readonly failures?: number
}

const histories: ReadonlyArray<History> = [
  {
    name: "scopes_supported that is allowed is requested once per renewal, and the server is not asked",
    supported: "a b",
    allowed: "a b",
    demands: [renewal(), renewal()],
    asked: ["a b", "a b"]
  },
  {
    name: "scopes_supported that is refused is replaced by the challenge's scope, which later renewals begin with",
    supported: "a b admin",
    challenge: "a b",
    allowed: "a b",
    demands: [renewal(), renewal(), renewal()],
    asked: ["a b admin!", "a b", "a b", "a b"],
    probes: 1
  },
  {
    name: "scopes_supported that is refused is left out if the challenge names no scope",
    supported: "a admin",
    challenge: "",
    allowed: "a",
    demands: [renewal(), renewal()],
    asked: ["a admin!", "", ""],
    probes: 1
  },
  {
    name: "scopes_supported that is refused is left out if the challenge names the same scopes in another order",
    supported: "a admin",
    challenge: "admin a",
    allowed: "a",
    demands: [renewal(), renewal()],
    asked: ["a admin!", "", ""],
    probes: 1
  },
  {
    name: "scopes_supported that is refused is left out if the server does not answer",
    supported: "a admin",
    challenge: false,
    allowed: "a",
    demands: [renewal()],
    asked: ["a admin!", ""],
    probes: 1
  },
  {
    name: "scopes that replaced a refused selection are forgotten once they are refused themselves",
    supported: "a b admin",
    challenge: "a b",
    allowed: "a b",
    allowedLater: "none",
    demands: [renewal(), renewal(), renewal()],
    asked: ["a b admin!", "a b", "a b!", "!", "a b admin!", "a b!"],
    probes: 3,
    failures: 2
  },
  {
    name: "no scope that is refused is replaced by the challenge's (Okta)",
    challenge: "a",
    allowed: "none a",
    demands: [renewal(), renewal()],
    asked: ["!", "a", "a"],
    probes: 1
  },
  {
    name: "no scope that is refused stays refused if the challenge names none: the same request is not sent again",
    challenge: "",
    allowed: "none a",
    demands: [renewal()],
    asked: ["!"],
    probes: 1,
    failures: 1
  },
  {
    name: "a challenge's scope that is refused as well is the last request",
    supported: "a admin",
    challenge: "admin",
    allowed: "a",
    demands: [renewal(), renewal()],
    asked: ["a admin!", "admin!", "a admin!", "admin!"],
    probes: 2,
    failures: 2
  },
  {
    name: "configured scopes that are refused are the last request, and the server is not asked",
    configured: "a admin",
    supported: "a",
    challenge: "a",
    allowed: "a",
    demands: [renewal()],
    asked: ["a admin!"],
    failures: 1
  },
  {
    name: "an empty list of configured scopes that is refused is the last request",
    configured: "",
    challenge: "a",
    allowed: "none a",
    demands: [renewal()],
    asked: ["!"],
    failures: 1
  },
  {
    name: "a step-up asks for the scopes so far and the challenge's",
    configured: "a",
    allowed: "a b c",
    demands: [renewal(), stepUp("a b", "c")],
    asked: ["a", "a b c"]
  },
  {
    name: "a step-up whose union is refused asks once more for the configured and the challenge's scopes",
    configured: "a",
    allowed: "a c",
    demands: [stepUp("a b", "c")],
    asked: ["a b c!", "a c"]
  },
  {
    name: "a step-up whose union is refused without configured scopes asks once more for the challenge's scopes",
    supported: "a",
    allowed: "a c",
    demands: [stepUp("a b", "c")],
    asked: ["c a b!", "c"]
  },
  {
    name: "a step-up that is refused twice is the last request, and the server is not asked",
    configured: "a",
    allowed: "a",
    demands: [stepUp("a b", "c")],
    asked: ["a b c!", "a c!"],
    failures: 1
  },
  {
    name: "a step-up whose union has no other scopes than the configured and the challenge's is sent once",
    configured: "a",
    allowed: "a",
    demands: [stepUp("a", "c")],
    asked: ["a c!"],
    failures: 1
  },
  {
    name: "after a 401 the scopes held so far stay in the request although the challenge names fewer",
    supported: "a b",
    allowed: "a b",
    demands: [renewal(), rejected("a b", "a")],
    asked: ["a b", "a b"]
  },
  {
    name: "after a 401 the scopes held so far are left out once they are refused",
    supported: "a b",
    allowed: "a b",
    demands: [renewal(), rejected("a b", "c"), rejected("a b", "c")],
    asked: ["a b", "c a b!", "c!", "", ""],
    probes: 1
  },
  {
    name: "after a 401 a scope that was granted but never requested is not requested (Entra, Google)",
    configured: "api/.default",
    allowed: "api/.default",
    demands: [renewal(), rejected("Reports.Read")],
    asked: ["api/.default", "api/.default"]
  },
  {
    name: "after a 401 the scopes of a token from the storage stay in the request",
    configured: "a",
    allowed: "a b",
    demands: [rejected("a b"), rejected("a b")],
    asked: ["a b", "a b"]
  },
  {
    name: "after a 401 the scopes of a token from the storage are left out for good once they are refused (Entra)",
    configured: "api/.default",
    allowed: "api/.default",
    demands: [rejected("Reports.Read"), rejected("Reports.Read")],
    asked: ["api/.default Reports.Read!", "api/.default", "api/.default"]
  },
  {
    name: "after a 401 gained and held scopes are one request, and the life cycle decides about a refusal",
    configured: "a",
    allowed: "a b",
    demands: [stepUp("a", "b"), rejected("a b", "", "b")],
    asked: ["a b", "a b"]
  },
  {
    name: "gained scopes that are refused after a 401 are not requested again as scopes held so far",
    configured: "a",
    allowed: "a b",
    allowedLater: "a",
    demands: [stepUp("a", "b"), rejected("a b", "", "b"), rejected("a b")],
    asked: ["a b", "a b!", "a"],
    failures: 1
  },
  {
    name: "gained scopes that are refused fail the request without asking the server",
    supported: "a",
    challenge: "a",
    allowed: "a",
    demands: [renewal("b")],
    asked: ["a b!"],
    failures: 1
  },
  {
    name: "with `allow` a step-up leaves out the held scopes that are not permitted",
    configured: "a",
    stepUp: { allow: ["c"] },
    allowed: "a b c",
    demands: [stepUp("a b", "c")],
    asked: ["a c"]
  },
  {
    name: "with `allow` the second request of a step-up leaves out the needed scopes that are not permitted",
    configured: "a",
    stepUp: { allow: ["c"] },
    allowed: "none",
    demands: [stepUp("a b", "b c")],
    asked: ["a c!"],
    failures: 1
  },
  {
    name: "with `allow` the scopes of a wider token from the storage do not stay in the request after a 401",
    configured: "a",
    stepUp: { allow: ["c"] },
    allowed: "a b c",
    demands: [rejected("a b c")],
    asked: ["a c"]
  },
  {
    name: "with configured scopes a 401 whose challenge names others is answered with the configured ones",
    configured: "a",
    stepUp: { allow: [] },
    supported: "a b",
    challenge: "a b",
    allowed: "a b",
    demands: [rejected("a b", "a b admin"), renewal("b")],
    asked: ["a", "a"]
  },
  {
    name: "with an empty list of configured scopes nothing is asked for after a 401",
    configured: "",
    stepUp: { allow: [] },
    supported: "a",
    allowed: "a",
    demands: [rejected("a b", "a b")],
    asked: [""]
  },
  {
    name: "without configured scopes `stepUp: false` leaves the choice of the first scopes to the server",
    stepUp: false,
    supported: "a b",
    allowed: "a b",
    demands: [renewal(), rejected("a b", "b")],
    asked: ["a b", "b a"]
  }
]

/** A server without metadata. */
const nowhere = {
  authorizationServer: { issuer, tokenEndpoint: new URL(issuer), metadata: { issuer, token_endpoint: issuer } },
  protectedResource: undefined,
  challenge: undefined
}

/** A server whose metadata has these `scopes_supported`. */
const supporting = (supported: string) => ({
  ...nowhere,
  protectedResource: {
    authorizationServers: [issuer],
    scopesSupported: words(supported),
    url: "https://mcp.example.com",
    metadata: { resource: "https://mcp.example.com" }
  }
})

const permittedBy = (configured: string | undefined, stepUp: ScopeSelection.StepUp | undefined) =>
  new PermittedScopes({ scopes: configured === undefined ? undefined : words(configured), stepUp })

/** Runs the demands of a history against an authorization server that allows some scopes. */
const run = (history: History) =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    let probes = 0
    let allowed = words(history.allowed)
    const refusal = new OAuthError.TokenEndpointError({
      reason: "Refused",
      url: issuer,
      description: "no",
      code: "invalid_scope"
    })
    const requested = new RequestedScopes({
      ...(history.configured === undefined ? {} : { scopes: words(history.configured) }),
      permitted: permittedBy(history.configured, history.stepUp ?? "any"),
      askChallenge: Effect.suspend(() => {
        probes++
        return Effect.succeed(history.challenge === false ? undefined : challengeWith(history.challenge ?? ""))
      })
    })
    const found = history.supported === undefined ? nowhere : supporting(history.supported)
    let failures = 0
    for (const demand of history.demands) {
      const outcome = yield* Effect.either(requested.request(demand, found, (scopes) =>
        Effect.suspend(() => {
          const fits = scopes.every((scope) => allowed.includes(scope)) &&
            !(scopes.length === 0 && allowed.includes("none"))
          asked.push(`${scopes.join(" ")}${fits ? "" : "!"}`)
          return fits ? Effect.succeed(tokenWith(scopes.join(" "))) : refusal
        })))
      if (Either.isLeft(outcome)) failures++
      if (history.allowedLater !== undefined) allowed = words(history.allowedLater)
    }
    return { asked, probes, failures }
  })

describe("the scopes of a refresh", () => {
  it.each(
    [
      ["the granted ones", "a b", undefined, "a", "a"],
      ["the granted ones that are permitted", "a", undefined, "a admin", "a"],
      ["the granted ones with those of `allow`", "a", { allow: ["c"] }, "a c admin", "a c"],
      [
        "the configured ones if none of the granted ones is permitted",
        "api/.default",
        undefined,
        "Reports.Read",
        "api/.default"
      ],
      ["all granted ones with `\"any\"`", "a", "any" as const, "a admin", "a admin"],
      ["all granted ones without configured scopes", undefined, false as const, "a admin", "a admin"],
      ["none if nothing was configured or granted", "", undefined, "admin", ""]
    ] as const
  )("are %s", (_, configured, option, granted, asked) => {
    const requested = new RequestedScopes({
      scopes: configured === undefined ? undefined : words(configured),
      permitted: permittedBy(configured, option),
      askChallenge: Effect.die("the server must not be asked")
    })
    expect(requested.ofRefresh(words(granted))).toEqual(words(asked))
  })
})

describe("the scopes of token requests over time", () => {
  it.effect.each(histories)("$name", (history) =>
    Effect.gen(function*() {
      expect(yield* run(history)).toEqual({
        asked: history.asked,
        probes: history.probes ?? 0,
        failures: history.failures ?? 0
      })
    }))

  it.effect.each([["invalid_request", 2], ["access_denied", 2], ["invalid_client", 1], ["invalid_target", 1]] as const)(
    "after a 401 a request with the scopes held so far that is refused as %s is one of %i requests",
    ([code, requests]) =>
      Effect.gen(function*() {
        const error = new OAuthError.TokenEndpointError({ reason: "Refused", url: issuer, description: "no", code })
        const asked: Array<string> = []
        const requested = new RequestedScopes({
          scopes: ["a"],
          permitted: permittedBy("a", "any"),
          askChallenge: Effect.die("the server must not be asked")
        })
        const sent = requested.request(rejected("a b"), nowhere, (scopes) =>
          Effect.suspend(() => {
            asked.push(scopes.join(" "))
            return error
          }))
        expect(yield* Effect.flip(sent)).toBe(error)
        expect(asked).toEqual(["a b", "a"].slice(0, requests))
      })
  )

  it.effect.each<readonly [answer: string, challenge: string, code: string, index: number]>([
    ["the first refusal if the challenge names no scope and no scope is refused too", "", "invalid_scope", 0],
    ["the second refusal if the challenge's scopes are refused too", "b", "invalid_scope", 1],
    ["the second error if the request without a scope fails for another reason", "", "invalid_client", 1]
  ])("without configured scopes the caller gets %s", ([, challenge, code, index]) =>
    Effect.gen(function*() {
      const errors = ["invalid_scope", code].map((code) =>
        new OAuthError.TokenEndpointError({ reason: "Refused", url: issuer, description: "no", code })
      )
      let requests = 0
      const requested = new RequestedScopes({
        permitted: permittedBy(undefined, "any"),
        askChallenge: Effect.succeed(challengeWith(challenge))
      })
      const failing = requested.request(renewal(), supporting("a"), () =>
        Effect.suspend(() =>
          errors[requests++] ?? Effect.dieMessage("one request too many")
        ))
      expect(yield* Effect.flip(failing)).toBe(errors[index])
      expect(requests).toBe(2)
    }))

  it.effect("the accepted scopes of eight refused selections are remembered, and the ninth starts the memory anew", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const requested = new RequestedScopes({
        permitted: permittedBy(undefined, "any"),
        askChallenge: Effect.succeed(challengeWith(""))
      })
      const request = (selection: string) => {
        asked.length = 0
        const sent = requested.request(renewal(), supporting(selection), (scopes) =>
          Effect.suspend(() => {
            asked.push(scopes.join(" "))
            return scopes.length === 0
              ? Effect.succeed(tokenWith(""))
              : new OAuthError.TokenEndpointError({
                reason: "Refused",
                url: issuer,
                description: "no",
                code: "invalid_scope"
              })
          }))
        return Effect.map(sent, () => [...asked])
      }
      const selections = Array.from({ length: 8 }, (_, index) => `scope-${index}`)
      for (const selection of selections) expect(yield* request(selection)).toEqual([selection, ""])
      for (const selection of selections) expect(yield* request(selection)).toEqual([""])
      expect(yield* request("ninth")).toEqual(["ninth", ""])
      expect(yield* request("ninth")).toEqual([""])
      expect(yield* request("scope-0")).toEqual(["scope-0", ""])
    }))

  it.effect("another error than invalid_scope, and a transient one, lead to no further request", () =>
    Effect.gen(function*() {
      for (const [reason, code] of [["Refused", "invalid_client"], ["Unavailable", "invalid_scope"]] as const) {
        let count = 0
        const requested = new RequestedScopes({
          permitted: permittedBy(undefined, "any"),
          askChallenge: Effect.die("the server must not be asked")
        })
        const error = new OAuthError.TokenEndpointError({ reason, url: issuer, description: "no", code })
        for (const demand of [renewal(), stepUp("a b", "c"), rejected("a")]) {
          const sent = requested.request(demand, nowhere, () =>
            Effect.suspend(() => {
              count++
              return error
            }))
          expect(yield* Effect.flip(sent)).toBe(error)
        }
        expect(count).toBe(3)
      }
    }))
})

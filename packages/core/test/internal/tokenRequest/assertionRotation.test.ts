import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Encoding, Redacted, TestClock } from "effect"
import type { Assertion, TokenRequestContext } from "../../../src/index.ts"
import { make, makeRefusals, type Refusals } from "../../../src/internal/tokenRequest/assertionRotation.ts"
import { authorizationServer } from "../../support/tokenEndpoint.ts"

const context: TokenRequestContext.TokenRequestContext = {
  authorizationServer,
  resource: "https://mcp.example.com/mcp",
  resourceParameter: undefined,
  scopes: []
}

const reported = (refusals: Refusals) => refusals.report((refused) => Effect.succeed(refused.map(Redacted.value)))

describe("refused assertions", () => {
  it.effect("are reported to the provider once, all together", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      const first = Redacted.make("canary-1")
      for (const assertion of [first, first, Redacted.make("canary-2")]) yield* refusals.add(assertion)
      expect(yield* reported(refusals)).toEqual(["canary-1", "canary-2"])
      expect(yield* reported(refusals)).toEqual([])
    }))

  it.effect("are reported to every request that begins before one has succeeded", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      yield* refusals.add(Redacted.make("canary"))
      const both = yield* refusals.report(() => reported(refusals))
      expect(both).toEqual(["canary"])
    }))

  it.effect("are `Redacted`: other values are not reported", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      yield* refusals.add(undefined)
      yield* refusals.add("canary")
      expect(yield* reported(refusals)).toEqual([])
    }))
})

describe("an assertion for a token endpoint (RFC 9700 §4.4)", () => {
  const at = (issuer: string, endpoint: string, isEndpointGiven?: boolean) => ({
    ...context,
    authorizationServer: {
      issuer,
      tokenEndpoint: new URL(endpoint),
      metadata: { issuer, token_endpoint: endpoint },
      ...(isEndpointGiven === undefined ? {} : { isEndpointGiven })
    }
  })
  const next = (audience: Assertion.Audience, at: TokenRequestContext.TokenRequestContext) => {
    const requests: Array<Assertion.AssertionRequest> = []
    const assertionProvider = (request: Assertion.AssertionRequest) => {
      requests.push(request)
      return Effect.succeed(Redacted.make("canary-assertion"))
    }
    return Effect.map(Effect.either(make({ assertionProvider, audience }).next(at)), (result) => ({ requests, result }))
  }

  it.effect.each<readonly [where: string, context: TokenRequestContext.TokenRequestContext]>([
    ["the issuer's origin", at("https://auth.example.com/tenant", "https://auth.example.com/tenant/token")],
    ["another origin, given by the caller", at("https://auth.example.com", "https://other.example/token", true)]
  ])("is made if the endpoint is on %s", ([_, context]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* next("token_endpoint", context)
      expect(Either.isRight(result)).toBe(true)
      expect(requests.map(({ audience }) => audience)).toEqual([context.authorizationServer.tokenEndpoint.href])
    }))

  it.effect.each<readonly [where: string, endpoint: string]>([
    ["another host", "https://other.example/token"],
    ["another port", "https://auth.example.com:8443/token"],
    ["a sub-domain", "https://login.auth.example.com/token"]
  ])("is not made if metadata alone names an endpoint on %s", ([_, endpoint]) =>
    Effect.gen(function*() {
      const context = at("https://auth.example.com", endpoint, false)
      const { requests, result } = yield* next("token_endpoint", context)
      const error = yield* Effect.flip(result)
      expect(error.reason).toBe("WrongAudience")
      expect(error.message).toContain(`The token endpoint ${endpoint} is not on the origin of the issuer`)
      expect(error.message).toContain("give it as `tokenEndpoint` together with `issuer`")
      expect(requests).toEqual([])
      // An assertion for the issuer is of no use at that endpoint's own authorization server.
      for (const audience of ["issuer", { value: "https://auth.example.com" }] as const) {
        const { requests, result } = yield* next(audience, context)
        expect(Either.isRight(result)).toBe(true)
        // Providers with assertions of other parties learn it too.
        expect(requests.map(({ endpointUnnamed }) => endpointUnnamed)).toEqual([true])
      }
    }))
})

describe("an assertion with several audiences", () => {
  const encode = (value: unknown) => Encoding.encodeBase64Url(JSON.stringify(value))
  const source = (aud: unknown) => () =>
    Effect.succeed(Redacted.make(`${encode({ alg: "ES256" })}.${encode({ aud })}.canary-signature`))
  const several = ["https://auth.example.com", "https://elsewhere.example"]

  it.effect("of a provider that checks nothing is not sent to an authorization server that the MCP server named", () =>
    Effect.gen(function*() {
      const assertions = make({ assertionProvider: source(several) })
      const error = yield* Effect.flip(assertions.next({ ...context, issuerNamedByServer: true }))
      expect(error.reason).toBe("WrongAudience")
      expect(error.message).toContain("has several audiences")
    }))

  it.effect("is sent if the caller named the authorization server, and so is one for one audience in any case", () =>
    Effect.gen(function*() {
      yield* make({ assertionProvider: source(several) }).next(context)
      for (const aud of ["https://auth.example.com", ["https://auth.example.com"], "api://exchange"]) {
        yield* make({ assertionProvider: source(aud) }).next({ ...context, issuerNamedByServer: true })
      }
    }))
})

describe("an assertion for an authorization server that only the MCP server names", () => {
  const encode = (value: unknown) => Encoding.encodeBase64Url(JSON.stringify(value))
  const jwt = (claims: object) => `${encode({ alg: "ES256" })}.${encode(claims)}.canary-signature`
  const next = (text: string, exact: Partial<TokenRequestContext.TokenRequestContext>) =>
    make({ assertionProvider: () => Effect.succeed(Redacted.make(text)), audience: { value: "api://exchange" } })
      .next({ ...context, ...exact })

  it.effect("is sent if it is for that server and has not expired, whichever provider made it", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      yield* next(jwt({ aud: "https://auth.example.com", exp: 1001 }), { issuerUnnamed: true })
      const expired = next(jwt({ aud: "https://auth.example.com", exp: 1000 }), { issuerUnnamed: true })
      expect((yield* Effect.flip(expired)).reason).toBe("Expired")
    }))

  it.effect.each<readonly [what: string, text: string]>([
    ["a JWT for a fixed audience", jwt({ aud: "api://exchange" })],
    ["opaque text", "canary-opaque"]
  ])("is not sent if it is %s, which the caller's own authorization server gets", ([, text]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(next(text, { issuerUnnamed: true }))
      expect(error.reason).toBe("WrongAudience")
      expect(error.message).not.toContain("canary")
      yield* next(text, {})
    }))
})

describe("a refused assertion", () => {
  const source = Object.assign(() => Effect.succeed(Redacted.make("canary-assertion")), {
    rotated: (refused: Redacted.Redacted<string>) => Effect.succeed(Redacted.value(refused) === "canary-old")
  })

  it.effect("is worth another request if its provider has another key by now", () =>
    Effect.gen(function*() {
      const { refused } = make({ assertionProvider: source })
      expect(yield* refused(Redacted.make("canary-old"))).toBe(true)
      expect(yield* refused(Redacted.make("canary-new"))).toBe(false)
    }))

  it.effect("is final if its provider has no keys, or the parameter is not an assertion", () =>
    Effect.gen(function*() {
      const assertionProvider = () => Effect.succeed(Redacted.make("canary-assertion"))
      expect(yield* make({ assertionProvider }).refused(Redacted.make("canary-old"))).toBe(false)
      expect(yield* make({ assertionProvider: source }).refused("canary-old")).toBe(false)
      expect(yield* make({ assertionProvider: source }).refused(undefined)).toBe(false)
    }))
})

describe("a value that is not an assertion", () => {
  it.effect.each<readonly [what: string, value: unknown, says: string]>([
    ["undefined", undefined, "it is undefined. Give a value"],
    ["a plain string", "canary-assertion", "it is a plain string. Wrap it in `Redacted.make`."],
    ["a wrapped undefined", Redacted.make(undefined), "its `Redacted` holds undefined"],
    ["empty", Redacted.make(""), "it is empty. Check where it comes from."],
    ["with a line break at the end", Redacted.make("canary-assertion\n"), "it ends with a line break"]
  ])("is not sent: %s", ([_, value, says]) =>
    Effect.gen(function*() {
      for (const issuerUnnamed of [true, false]) {
        const untyped = Object.assign({ value: Redacted.make("") }, { value }).value
        const assertions = make({ assertionProvider: () => Effect.succeed(untyped) })
        const error = yield* Effect.flip(assertions.next({ ...context, issuerUnnamed }))
        expect(error.reason).toBe("Malformed")
        expect(error.message).toContain(`The \`AssertionProvider\` returned an assertion that was not sent: ${says}`)
        expect(error.message).not.toContain("canary")
      }
    }))
})

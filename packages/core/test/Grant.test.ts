import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import {
  type Assertion,
  type AssertionProvider,
  ClientAuthentication,
  Grant,
  OAuthError,
  TokenEndpoint,
  type TokenRequestContext
} from "../src/index.ts"

const issuer = "https://auth.example.com"
const tokenEndpoint = new URL(`${issuer}/oauth/token`)

const context: TokenRequestContext.TokenRequestContext = {
  authorizationServer: { issuer, tokenEndpoint, metadata: { issuer, token_endpoint: tokenEndpoint.href } },
  resource: "https://mcp.example.com/mcp",
  resourceParameter: undefined,
  scopes: ["mcp", "admin"]
}

const parametersOf = (grant: Grant.Grant) =>
  Effect.map(grant.parameters(context), (parameters) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [
        name,
        typeof value === "string" ? value : Redacted.value(value)
      ])
    ))

/** A provider that numbers its assertions and remembers their requests. */
const numbered = () => {
  const asked: Array<Assertion.AssertionRequest> = []
  const assertionProvider: AssertionProvider.AssertionProvider.Service = (request) =>
    Effect.sync(() => Redacted.make(`canary-assertion-${asked.push(request)}`))
  return { asked, assertionProvider }
}

describe("client_credentials (RFC 6749 §4.4)", () => {
  it.effect("has no parameters, and uses no refresh token (§4.4.3)", () =>
    Effect.gen(function*() {
      expect(Grant.clientCredentials.type).toBe("client_credentials")
      expect(Grant.clientCredentials.refreshable).not.toBe(true)
      assert.deepStrictEqual(yield* parametersOf(Grant.clientCredentials), {})
    }))
})

describe("jwt-bearer (RFC 7523 §2.1)", () => {
  it.effect("presents an assertion that is requested for the token's server, resource and scopes", () =>
    Effect.gen(function*() {
      const { asked, assertionProvider } = numbered()
      const grant = Grant.jwtBearer({ assertionProvider })
      expect(grant.type).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer")
      expect(grant.refreshable).toBe(true)
      assert.deepStrictEqual(yield* parametersOf(grant), { assertion: "canary-assertion-1" })
      assert.deepStrictEqual(asked, [{
        audience: issuer,
        issuer,
        tokenEndpoint: tokenEndpoint.href,
        resource: "https://mcp.example.com/mcp",
        scopes: ["mcp", "admin"],
        refused: []
      }])
      expect(JSON.stringify(yield* grant.parameters(context))).not.toContain("canary")
    }))

  it.effect.each(
    [
      ["issuer", issuer],
      ["token_endpoint", tokenEndpoint.href],
      [{ value: "urn:somebody" }, "urn:somebody"]
    ] as const
  )("with audience %j requests an assertion for %s", ([audience, expected]) =>
    Effect.gen(function*() {
      const { asked, assertionProvider } = numbered()
      yield* parametersOf(Grant.jwtBearer({ assertionProvider, audience }))
      expect(asked.map(({ audience }) => audience)).toEqual([expected])
    }))

  it.effect("requests an assertion with the resource parameter", () =>
    Effect.gen(function*() {
      const { asked, assertionProvider } = numbered()
      yield* Grant.jwtBearer({ assertionProvider }).parameters({ ...context, resourceParameter: "urn:api" })
      expect(asked.map(({ resource, resourceParameter }) => [resource, resourceParameter])).toEqual([
        ["https://mcp.example.com/mcp", "urn:api"]
      ])
    }))

  it.effect("requests a new assertion for every attempt, and reports a refused one until a request succeeds", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "no identity." })
      const refusals: Array<ReadonlyArray<string>> = []
      const grant = Grant.jwtBearer({
        assertionProvider: ({ refused }) => {
          const attempt = refusals.push(refused.map(Redacted.value))
          return attempt === 2 ? Effect.fail(failure) : Effect.succeed(Redacted.make(`canary-${attempt}`))
        }
      })
      assert(grant.refused !== undefined)
      yield* grant.refused(yield* grant.parameters(context))
      expect(yield* Effect.flip(parametersOf(grant))).toBe(failure)
      yield* parametersOf(grant)
      yield* parametersOf(grant)
      expect(refusals).toEqual([[], ["canary-1"], ["canary-1"], []])
    }))
})

describe("refresh_token (RFC 6749 §6)", () => {
  it.effect("presents the refresh token, and hides it", () =>
    Effect.gen(function*() {
      const grant = Grant.refreshToken(Redacted.make("canary-refresh"))
      expect(grant.type).toBe("refresh_token")
      expect(grant.refreshable).not.toBe(true)
      assert.deepStrictEqual(yield* parametersOf(grant), { refresh_token: "canary-refresh" })
      expect(JSON.stringify(yield* grant.parameters(context))).not.toContain("canary")
    }))
})

describe("a token request with a grant and a proof (RFC 6749 §5.2)", () => {
  it.effect.each(
    [
      ["invalid_client", 400, ["canary-assertion-1"], []],
      ["invalid_client", 401, ["canary-assertion-1"], []],
      ["unauthorized_client", 401, ["canary-assertion-1"], []],
      ["Unauthorized", 401, ["canary-assertion-1"], []],
      ["invalid_grant", 400, [], ["canary-assertion-1"]],
      ["invalid_grant", 401, [], ["canary-assertion-1"]],
      ["unauthorized_client", 400, [], []],
      ["access_denied", 403, [], []],
      ["invalid_scope", 400, [], []],
      ["invalid_request", 400, [], []],
      ["temporarily_unavailable", 400, [], []],
      ["temporarily_unavailable", 401, [], []],
      ["invalid_client", 503, [], []]
    ] as const
  )(
    "reports an assertion as refused to its own provider only, after %s with status %i",
    ([code, status, clientRefused, grantRefused]) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        const answer = Answer.json({ error: code }, { status })
        yield* network.serve(issuer, () => Effect.dieMessage("not reached"), "token")
        yield* network.always("token", answer)
        const grant = numbered()
        const client = numbered()
        const request = TokenEndpoint.request(network.httpClient, {
          ...context,
          grant: Grant.jwtBearer(grant),
          clientAuthentication: ClientAuthentication.privateKeyJwt({ clientId: "client", ...client }),
          resourceParameter: undefined,
          defaultLifetime: 1000
        })
        yield* Effect.flip(request)
        yield* Effect.flip(request)
        const reported = ({ asked }: typeof grant) => asked.map(({ refused }) => refused.map(Redacted.value))
        expect(reported(client)).toEqual([[], clientRefused])
        expect(reported(grant)).toEqual([[], grantRefused])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(
    [
      ["invalid_client", 401, ["canary-assertion-1"]],
      ["unauthorized_client", 401, ["canary-assertion-1"]],
      ["invalid_client", 400, ["canary-assertion-1"]],
      ["unauthorized_client", 400, []],
      ["temporarily_unavailable", 401, []]
    ] as const
  )(
    "reports the grant's assertion as refused, if the client does not authenticate, after %s with status %i",
    ([code, status, refused]) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        yield* network.serve(issuer, () => Effect.dieMessage("not reached"), "token")
        yield* network.always("token", Answer.json({ error: code }, { status }))
        for (const clientAuthentication of [ClientAuthentication.anonymous, ClientAuthentication.none("client")]) {
          const grant = numbered()
          const request = TokenEndpoint.request(network.httpClient, {
            ...context,
            grant: Grant.jwtBearer(grant),
            clientAuthentication,
            resourceParameter: undefined,
            defaultLifetime: 1000
          })
          yield* Effect.flip(request)
          yield* Effect.flip(request)
          expect(grant.asked.map((asked) => asked.refused.map(Redacted.value))).toEqual([[], refused])
        }
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("a 401 for a client with a secret says nothing about the grant's assertion", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(issuer, () => Effect.dieMessage("not reached"), "token")
      yield* network.always("token", Answer.json({ error: "unauthorized_client" }, { status: 401 }))
      const grant = numbered()
      const request = TokenEndpoint.request(network.httpClient, {
        ...context,
        grant: Grant.jwtBearer(grant),
        clientAuthentication: ClientAuthentication.clientSecretBasic({
          clientId: "client",
          clientSecret: Redacted.make("canary-secret")
        }),
        resourceParameter: undefined,
        defaultLifetime: 1000
      })
      yield* Effect.flip(request)
      yield* Effect.flip(request)
      expect(grant.asked.map((asked) => asked.refused)).toEqual([[], []])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("has both assertions, each in its own parameter (RFC 7523 §2)", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(issuer, () => Effect.dieMessage("not reached"), "token")
      yield* network.always("token", Answer.json({ access_token: "canary-token", token_type: "Bearer" }))
      const one = numbered()
      yield* TokenEndpoint.request(network.httpClient, {
        ...context,
        grant: Grant.jwtBearer(one),
        clientAuthentication: ClientAuthentication.privateKeyJwt({ clientId: "client", ...one }),
        resourceParameter: context.resource,
        defaultLifetime: 1000
      })
      const [request] = yield* network.requestsTo("token")
      assert.deepStrictEqual(Object.fromEntries(new URLSearchParams(request?.body)), {
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        scope: "mcp admin",
        resource: "https://mcp.example.com/mcp",
        assertion: "canary-assertion-2",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: "canary-assertion-1"
      })
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("requests no assertion for the grant if the proof fails", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "The vault is sealed." })
      const grant = numbered()
      const error = yield* Effect.flip(TokenEndpoint.request(network.httpClient, {
        ...context,
        grant: Grant.jwtBearer(grant),
        clientAuthentication: ClientAuthentication.privateKeyJwt({
          clientId: "client",
          assertionProvider: () => Effect.fail(failure)
        }),
        resourceParameter: undefined,
        defaultLifetime: 1000
      }))
      expect(error).toBe(failure)
      expect(grant.asked).toEqual([])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("hides an assertion that the authorization server repeats in an error", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(issuer, () => Effect.dieMessage("not reached"), "token")
      yield* network.always(
        "token",
        Answer.json({
          error: "invalid_grant",
          error_description: "canary-assertion-1 and canary-assertion-2 are no good",
          error_uri: `${issuer}/?jwt=canary-assertion-1`
        }, { status: 400 })
      )
      const one = numbered()
      const error = yield* Effect.flip(TokenEndpoint.request(network.httpClient, {
        ...context,
        grant: Grant.jwtBearer(one),
        clientAuthentication: ClientAuthentication.privateKeyJwt({ clientId: "client", ...one }),
        resourceParameter: undefined,
        defaultLifetime: 1000
      }))
      assert(error._tag === "TokenEndpointError")
      expect(error.message).toContain("(<redacted> and <redacted> are no good)")
      expect(error.errorUri).toBe(`${issuer}/?jwt=<redacted>`)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

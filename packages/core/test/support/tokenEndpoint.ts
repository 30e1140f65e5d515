import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { ClientAuthentication, Grant, OAuthError, TokenEndpoint } from "../../src/index.ts"

export const issuer = "https://auth.example.com"
export const url = `${issuer}/token`
export const secret = "canary+p%c:d/s xü"
export const credentials = { clientId: "nightly report", clientSecret: Redacted.make(secret) }

export const authorizationServer = {
  issuer,
  tokenEndpoint: new URL(url),
  metadata: { issuer, token_endpoint: url }
}

export const tokenRequest = (changes: Partial<TokenEndpoint.TokenRequest> = {}): TokenEndpoint.TokenRequest => ({
  authorizationServer,
  resource: "https://mcp.example.com/mcp",
  resourceParameter: "https://mcp.example.com/mcp",
  scopes: ["reports:read", "reports:write"],
  grant: Grant.clientCredentials,
  clientAuthentication: ClientAuthentication.clientSecretBasic(credentials),
  defaultLifetime: 300_000,
  ...changes
})

/** One request to a token endpoint that returns this answer. */
export const request = (answer: Answer.Answer, changes?: Partial<TokenEndpoint.TokenRequest>) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.serve(url, () => Effect.sync(() => new Response(null, { status: 404 })), "token")
    yield* network.always("token", answer)
    return yield* TokenEndpoint.request(network.httpClient, tokenRequest(changes))
  })

export const fails = (answer: Answer.Answer, changes?: Partial<TokenEndpoint.TokenRequest>) =>
  Effect.map(Effect.flip(request(answer, changes)), (error) => {
    assert(error instanceof OAuthError.TokenEndpointError)
    return error
  })

export const token = (changes: object = {}) =>
  Answer.json({ access_token: "canary-token", token_type: "Bearer", expires_in: 3600, ...changes })

export const arrived = Effect.map(
  Effect.flatMap(TestNetwork.TestNetwork, ({ requestsTo }) => requestsTo("token")),
  ([first, ...others]) => {
    assert(first !== undefined)
    assert.deepStrictEqual(others, [])
    return first
  }
)

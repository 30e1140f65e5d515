import { TestAuthorizationServer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { Effect } from "effect"

export const server = "https://mcp.example.com/mcp"
export const resourceAtPath = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
export const resourceAtRoot = "https://mcp.example.com/.well-known/oauth-protected-resource"
export const issuerMetadata = "https://auth.example.com/.well-known/oauth-authorization-server"
export const tokenEndpoint = "https://auth.example.com/token"

export const network = TestNetwork.TestNetwork
export const clear = Effect.flatMap(network, ({ clear }) => clear)

/** The methods and URLs of all requests so far. */
export const traffic = Effect.map(
  Effect.flatMap(network, ({ requests }) => requests),
  (all) => all.map(({ method, url }) => `${method} ${url}`)
)

/** The URLs of requests with a credential: with an `Authorization` header, or with a form as the body. */
export const credentialed = Effect.map(
  Effect.flatMap(network, ({ requests }) => requests),
  (all) =>
    all.filter(({ body, headers }) => headers["authorization"] !== undefined || body.includes("client_secret"))
      .map(({ url }) => url)
)

export const parametersOf = Effect.map(
  Effect.flatMap(network, ({ requestsTo }) => requestsTo("token")),
  (all) => Object.fromEntries(new URLSearchParams(all.at(-1)?.body))
)

/** A second authorization server that knows the same client. */
export const secondAuthorizationServer = (issuer = "https://new-auth.example.com") =>
  Effect.flatMap(
    TestServers.TestServers,
    ({ clientId, clientSecret }) =>
      TestAuthorizationServer.make({ issuer, clients: [{ clientId, clientSecret, scopes: ["mcp"] }] })
  )

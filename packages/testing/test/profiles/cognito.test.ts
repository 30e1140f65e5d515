import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TokenStorage } from "@effect-mcp-auth/core"
import { IdentityProviderProfile, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { auth } from "./configurations/cognito.ts"
import { isRefused, resource, secret, works } from "./support.ts"

const clientId = "4k1tq9v0n7b2m5x8z3c6"

const cognito = IdentityProviderProfile.cognito({
  region: "eu-west-1",
  userPoolId: "eu-west-1_Ab12Cd34E",
  domainPrefix: "acme",
  resourceServer: "reports",
  resource,
  scopes: ["read", "write"],
  clients: [
    { clientId, clientSecret: secret },
    { clientId: "reader", clientSecret: secret, scopes: ["read"], defaultScopes: [] }
  ]
})

const wrong = (options: Partial<ClientSecret.Options>) =>
  ClientSecret.layer({
    serverUrl: resource,
    issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
    clientId,
    clientSecret: secret,
    scopes: ["reports/read"],
    ...options
  }).pipe(Layer.provide(TokenStorage.layerMemory))

describe("Cognito", () => {
  it.effect("takes a secret, past the addresses that it answers 400", () =>
    works(
      Effect.tap(cognito, () =>
        Effect.gen(function*() {
          const { httpClient } = yield* TestNetwork.TestNetwork
          const answer = yield* Effect.orDie(httpClient.get(
            "https://cognito-idp.eu-west-1.amazonaws.com/.well-known/oauth-authorization-server/eu-west-1_Ab12Cd34E"
          ))
          assert.strictEqual(answer.status, 400)
        })),
      auth(secret),
      ["reports/read"]
    ))

  it.effect("refuses a scope without its resource server", () =>
    isRefused(cognito, wrong({ scopes: ["read"] }), { code: "invalid_scope", says: "read" }))

  it.effect("refuses a scope that the client has not", () =>
    isRefused(cognito, wrong({ clientId: "reader", scopes: ["reports/write"] }), {
      code: "invalid_scope",
      says: "reports/write"
    }))

  it.effect("has no metadata at the token endpoint's host", () =>
    isRefused(cognito, wrong({ issuer: "https://acme.auth.eu-west-1.amazoncognito.com" }), {
      tag: "IssuerMismatch",
      says: "lists the authorization servers",
      requests: 0
    }))
})

import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TokenStorage } from "@effect-mcp-auth/core"
import { IdentityProviderProfile } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { Layer, Redacted } from "effect"
import { auth } from "./configurations/keycloak.ts"
import { auth as withKey } from "./configurations/keycloakKey.ts"
import { es256, isRefused, isRefusedAgain, privateKeyJwt, resource, secret, works } from "./support.ts"

const clientId = "nightly-report"
const issuer = "https://sso.example.com/realms/acme"

const keycloak = IdentityProviderProfile.keycloak({
  baseUrl: "https://sso.example.com",
  realm: "acme",
  resource,
  scopes: ["reports:read"],
  clients: [{ clientId, clientSecret: secret, keys: [{ publicKey: es256.publicKey, keyId: "nightly-2026" }] }]
})

const wrong = privateKeyJwt({ serverUrl: resource, issuer, clientId, scopes: ["reports:read"] }, {
  signingKey: es256.pem,
  signingAlgorithm: "ES256",
  keyId: "nightly-2026"
})

describe("Keycloak", () => {
  it.effect("takes a secret with the characters that need care", () => works(keycloak, auth(secret), ["reports:read"]))

  it.effect("takes a key", () => works(keycloak, withKey(es256.pem), ["reports:read"]))

  it.effect("takes the token endpoint as the assertion's audience", () =>
    works(keycloak, wrong({ audience: "token_endpoint" }), ["reports:read"]))

  it.effect("refuses a secret that was encoded beforehand", () =>
    isRefused(
      keycloak,
      ClientSecret.layer({
        serverUrl: resource,
        issuer,
        clientId,
        clientSecret: Redacted.make(encodeURIComponent(Redacted.value(secret)))
      }).pipe(Layer.provide(TokenStorage.layerMemory)),
      { code: "invalid_client", says: "not its secret" }
    ))

  it.effect("refuses two audiences", () =>
    isRefused(keycloak, wrong({}, { claimOverrides: { aud: [issuer, `${issuer}/protocol/openid-connect/token`] } }), {
      code: "invalid_client",
      says: "and nothing else"
    }))

  it.effect("takes an assertion once", () =>
    isRefusedAgain(keycloak, wrong({}, { claimOverrides: { jti: "the-only-one" } }), {
      code: "invalid_client",
      says: "jti was used before"
    }))

  it.effect("refuses a scope that is not the client's", () =>
    isRefused(keycloak, wrong({ scopes: ["billing:read"] }), { code: "invalid_scope", says: "billing:read" }))
})

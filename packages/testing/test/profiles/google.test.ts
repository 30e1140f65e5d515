import type { SignedAssertion } from "@effect-mcp-auth/core"
import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { IdentityProviderProfile } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { Layer } from "effect"
import { auth } from "./configurations/google.ts"
import { anonymous, isRefused, otherRs256, resource, rs256, works } from "./support.ts"

const account = "nightly-report@acme.iam.gserviceaccount.com"
const scope = "https://www.googleapis.com/auth/cloud-platform"

const google = IdentityProviderProfile.google({
  resource,
  clients: [
    { clientId: account, scopes: [scope], keys: [{ publicKey: rs256.publicKey, keyId: "5f2d8c1a9b7e" }] },
    { clientId: "none@acme.iam.gserviceaccount.com", keys: [{ publicKey: rs256.publicKey, keyId: "5f2d8c1a9b7e" }] }
  ]
})

const wrong = (options: Partial<JwtBearer.Options>, assertion: Partial<SignedAssertion.Options> = {}) =>
  JwtBearer.layer({
    serverUrl: resource,
    issuer: "https://accounts.google.com",
    tokenEndpoint: "https://oauth2.googleapis.com/token",
    audience: "token_endpoint",
    scopes: [],
    resourceParameter: "omit",
    ...options
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: account,
      signingKey: rs256.pem,
      signingAlgorithm: "RS256",
      keyId: "5f2d8c1a9b7e",
      additionalClaims: { scope },
      ...assertion
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

describe("Google", () => {
  it.effect("takes a service account's key", () => works(google, auth(rs256.pem), [scope]))

  it.effect("wants the scope inside the JWT", () =>
    isRefused(google, wrong({ scopes: [scope] }, { additionalClaims: {} }), {
      code: "invalid_scope",
      says: "it is a claim of the JWT"
    }))

  it.effect("refuses a scope that it does not know, and one the account has not", () =>
    isRefused(google, wrong({}, { additionalClaims: { scope: "reports:read" } }), {
      code: "invalid_scope",
      says: "reports:read"
    }))

  it.effect("refuses an account without scopes", () =>
    isRefused(google, wrong({}, { issuer: "none@acme.iam.gserviceaccount.com" }), {
      code: "invalid_scope",
      says: scope
    }))

  it.effect("wants the token endpoint as the audience", () =>
    isRefused(google, wrong({ audience: "issuer" }), { code: "invalid_grant", says: "Failed audience check" }))

  it.effect("wants an assertion for an hour at most", () =>
    isRefused(google, wrong({}, { lifetime: "2 hours" }), { code: "invalid_grant", says: "short-lived token" }))

  it.effect("wants iat", () =>
    isRefused(google, wrong({}, { claimOverrides: { iat: undefined } }), { code: "invalid_grant", says: "iat" }))

  it.effect("refuses another subject without delegation", () =>
    isRefused(google, wrong({}, { subject: "user@acme.example" }), {
      code: "unauthorized_client",
      says: "user@acme.example"
    }))

  it.effect("refuses a stranger, and a stranger's key", () =>
    isRefused(google, wrong({}, { issuer: "stranger@acme.iam.gserviceaccount.com" }), {
      code: "invalid_grant",
      says: "account not found"
    }))

  it.effect("refuses another key's signature", () =>
    isRefused(google, wrong({}, { signingKey: otherRs256.pem }), {
      code: "invalid_grant",
      says: "Invalid JWT Signature"
    }))

  it.effect("has no client_credentials", () =>
    isRefused(google, anonymous("https://accounts.google.com"), {
      code: "unsupported_grant_type",
      says: "client_credentials"
    }))
})

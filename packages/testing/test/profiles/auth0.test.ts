import { IdentityProviderProfile } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { auth } from "./configurations/auth0.ts"
import { isRefused, privateKeyJwt, resource, rs256, works } from "./support.ts"

const clientId = "Xk29sJ4mT8vQ1wZ6"
const issuer = "https://acme.eu.auth0.com/"

const auth0 = IdentityProviderProfile.auth0({
  domain: "acme.eu.auth0.com",
  resource,
  scopes: ["reports:read"],
  clients: [{ clientId, keys: [{ publicKey: rs256.publicKey }] }]
})

const wrong = privateKeyJwt({
  serverUrl: resource,
  issuer,
  clientId,
  scopes: ["reports:read"],
  additionalParameters: { audience: resource }
}, { signingKey: rs256.pem, signingAlgorithm: "RS256" })

describe("Auth0", () => {
  it.effect("takes a key", () => works(auth0, auth(rs256.pem), ["reports:read"]))

  it.effect("takes the issuer without its slash, which its metadata puts right", () =>
    works(auth0, wrong({ issuer: issuer.slice(0, -1) }), ["reports:read"]))

  it.effect("wants audience, whatever resource says", () =>
    isRefused(auth0, wrong({ additionalParameters: {} }), { code: "access_denied", says: "No audience parameter" }))

  it.effect("wants the audience of an API that it knows", () =>
    isRefused(auth0, wrong({ additionalParameters: { audience: "https://mcp.example.com" } }), {
      code: "access_denied",
      says: "Service not found: https://mcp.example.com"
    }))

  for (
    const [what, options] of [
      ["the token endpoint", { audience: "token_endpoint" }],
      ["the issuer without its slash", { audience: { value: issuer.slice(0, -1) } }]
    ] as const
  ) {
    it.effect(`refuses ${what} as the assertion's audience`, () =>
      isRefused(auth0, wrong(options), { code: "invalid_client", says: `aud must be ${issuer}, and nothing else` }))
  }

  it.effect("wants an assertion for 5 minutes at most", () =>
    isRefused(auth0, wrong({}, { lifetime: "10 minutes" }), { code: "invalid_client", says: "at most 300 seconds" }))

  it.effect("wants a jti", () =>
    isRefused(auth0, wrong({}, { claimOverrides: { jti: undefined } }), {
      code: "invalid_client",
      says: "jti is required"
    }))
})

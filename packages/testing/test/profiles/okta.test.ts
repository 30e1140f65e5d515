import { IdentityProviderProfile } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { auth } from "./configurations/okta.ts"
import { isRefused, otherRs256, privateKeyJwt, resource, rs256, works } from "./support.ts"

const clientId = "0oa1b2c3d4E5f6G7h8i9"

const okta = IdentityProviderProfile.okta({
  domain: "acme.okta.com",
  resource,
  scopes: ["reports.read"],
  clients: [{ clientId, keys: [{ publicKey: rs256.publicKey, keyId: "nightly-2026" }] }]
})

const wrong = privateKeyJwt({
  serverUrl: resource,
  issuer: "https://acme.okta.com/oauth2/default",
  clientId,
  scopes: ["reports.read"],
  audience: "token_endpoint"
}, { signingKey: rs256.pem, signingAlgorithm: "RS256", keyId: "nightly-2026" })

describe("Okta", () => {
  it.effect("takes a key", () => works(okta, auth(rs256.pem), ["reports.read"]))

  it.effect("wants a scope", () =>
    isRefused(okta, wrong({ scopes: [] }), { code: "invalid_scope", says: "'scope' must be provided" }))

  it.effect("wants the token endpoint as the assertion's audience", () =>
    isRefused(okta, wrong({ audience: "issuer" }), { code: "invalid_client", says: "must be the endpoint invoked" }))

  it.effect("wants an assertion for an hour at most", () =>
    isRefused(okta, wrong({}, { lifetime: "61 minutes" }), { code: "invalid_client", says: "at most 3600 seconds" }))

  it.effect("wants a kid", () =>
    isRefused(okta, wrong({}, { keyId: undefined }), { code: "invalid_client", says: "kid is invalid" }))

  it.effect("wants the signature of the key of that kid", () =>
    isRefused(okta, wrong({}, { signingKey: otherRs256.pem }), { code: "invalid_client", says: "signature" }))
})

import { IdentityProviderProfile } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { auth } from "./configurations/pingOne.ts"
import { isRefused, privateKeyJwt, resource, rs256, works } from "./support.ts"

const clientId = "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d"
const environmentId = "5c1d2e3f-6a7b-4c8d-9e0f-1a2b3c4d5e6f"

const pingOne = IdentityProviderProfile.pingOne({
  host: "auth.pingone.eu",
  environmentId,
  resource,
  scopes: ["reports:read"],
  clients: [{ clientId, keys: [{ publicKey: rs256.publicKey, keyId: "nightly-2026" }] }]
})

const wrong = privateKeyJwt({
  serverUrl: resource,
  issuer: `https://auth.pingone.eu/${environmentId}/as`,
  clientId,
  scopes: ["reports:read"]
}, { signingKey: rs256.pem, signingAlgorithm: "RS256", keyId: "nightly-2026" })

describe("PingOne", () => {
  it.effect("takes a key", () => works(pingOne, auth(rs256.pem), ["reports:read"]))

  it.effect("takes the token endpoint as the assertion's audience", () =>
    works(pingOne, wrong({ audience: "token_endpoint" }), ["reports:read"]))

  it.effect("refuses any other audience", () =>
    isRefused(pingOne, wrong({ audience: { value: "https://auth.pingone.eu" } }), {
      code: "invalid_client",
      says: `aud must be https://auth.pingone.eu/${environmentId}/as or`
    }))

  it.effect("wants an assertion for an hour at most", () =>
    isRefused(pingOne, wrong({}, { lifetime: "1 day" }), { code: "invalid_client", says: "at most 3600 seconds" }))
})

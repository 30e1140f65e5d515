import { IdentityProviderProfile } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { auth } from "./configurations/hydra.ts"
import { call, isRefused, isRefusedAgain, privateKeyJwt, resource, rs256, works } from "./support.ts"

const clientId = "nightly-report"
const issuer = "https://hydra.example.com/"

const hydra = IdentityProviderProfile.hydra({
  issuer,
  resource,
  scopes: ["reports:read"],
  clients: [{ clientId, keys: [{ publicKey: rs256.publicKey, keyId: "nightly-2026" }] }]
})

const wrong = privateKeyJwt({
  serverUrl: resource,
  issuer,
  clientId,
  scopes: ["reports:read"],
  audience: "token_endpoint",
  additionalParameters: { audience: resource }
}, { signingKey: rs256.pem, signingAlgorithm: "RS256", keyId: "nightly-2026" })

describe("Ory Hydra", () => {
  it.effect("takes a key", () => works(hydra, auth(rs256.pem), ["reports:read"]))

  it.effect("gives no scope that was not asked for", () => works(hydra, wrong({ scopes: [] }), []))

  it.effect("refuses an audience that the client has not", () =>
    isRefused(hydra, wrong({ additionalParameters: { audience: "https://billing.example.com" } }), {
      code: "invalid_request",
      says: "https://billing.example.com"
    }))

  it.effect("takes resource for no audience: the MCP server turns the token away", () =>
    Effect.map(
      call(hydra, wrong({ additionalParameters: {} }), []),
      ({ scopes, status }) => assert.deepStrictEqual([status, scopes], [401, undefined])
    ))

  it.effect("wants the token endpoint as the assertion's audience", () =>
    isRefused(hydra, wrong({ audience: "issuer" }), {
      code: "invalid_client",
      says: "https://hydra.example.com/oauth2/token"
    }))

  it.effect("wants a jti", () =>
    isRefused(hydra, wrong({}, { claimOverrides: { jti: undefined } }), {
      code: "invalid_client",
      says: "jti is required"
    }))

  it.effect("takes an assertion once", () =>
    isRefusedAgain(hydra, wrong({}, { claimOverrides: { jti: "the-only-one" } }), {
      code: "jti_known",
      says: "jti was used before"
    }))
})

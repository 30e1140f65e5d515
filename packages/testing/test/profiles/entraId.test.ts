import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TokenStorage } from "@effect-mcp-auth/core"
import { IdentityProviderProfile, TestNetwork } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { auth } from "./configurations/entraId.ts"
import { auth as withSecret } from "./configurations/entraIdSecret.ts"
import { isRefused, privateKeyJwt, ps256, resource, rs256, secret, works } from "./support.ts"

const tenantId = "7e1f0a52-4b0c-4d43-9d1c-2f6c0c3b8a11"
const clientId = "0c3f7a4e-5b1d-4c52-8f0e-9a6d2b7e4c10"
const x5tS256 = "pNmQ0vGkqTfB2y1nZ4sXcW8eRu5oLhJ7iA3dKbVtM6E"
const x5t = "hJ7iA3dKbVtM6EpNmQ0vGkqTfB0"

const entraId = IdentityProviderProfile.entraId({
  tenantId,
  applicationIdUri: "api://reports",
  resource,
  scopes: ["Reports.Read"],
  clients: [{
    clientId,
    clientSecret: secret,
    keys: [{ publicKey: ps256.publicKey, x5tS256 }, { publicKey: rs256.publicKey, x5t }]
  }]
})

const wrong = privateKeyJwt({
  serverUrl: resource,
  issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
  clientId,
  clientIdParameter: "send",
  scopes: ["api://reports/.default"],
  resourceParameter: "omit",
  audience: "token_endpoint"
}, { signingKey: ps256.pem, signingAlgorithm: "PS256", x5tS256 })

/** An MCP server that publishes nothing, so that the issuer is what the client was told. */
const silentServer = Effect.flatMap(
  TestNetwork.TestNetwork,
  (network) => network.serve("https://other.example.com", () => Effect.sync(() => new Response(null, { status: 404 })))
)

describe("Entra ID", () => {
  it.effect("takes a certificate", () => works(entraId, auth(ps256.pem), ["Reports.Read"]))

  it.effect("takes RS256 with x5t", () =>
    works(entraId, wrong({}, { signingKey: rs256.pem, signingAlgorithm: "RS256", x5tS256: undefined, x5t }), [
      "Reports.Read"
    ]))

  it.effect("takes a secret", () => works(entraId, withSecret(secret), ["Reports.Read"]))

  it.effect("refuses the resource parameter", () =>
    isRefused(entraId, wrong({ resourceParameter: "send" }), { code: "invalid_target", says: "AADSTS9010010" }))

  it.effect("refuses the resource parameter, whatever it says", () =>
    isRefused(entraId, wrong({ resourceParameter: { value: "api://reports" } }), {
      code: "invalid_target",
      says: "AADSTS901002"
    }))

  for (
    const [what, scopes, code, says] of [
      ["a scope without /.default", ["Reports.Read"], "invalid_scope", "AADSTS1002012"],
      ["a second scope", ["api://reports/.default", "Reports.Read"], "invalid_scope", "AADSTS1002012"],
      ["the scope of another resource", ["api://billing/.default"], "invalid_resource", "AADSTS500011"],
      ["no scope", [], "invalid_request", "'scope'"]
    ] as const
  ) {
    it.effect(`refuses ${what}`, () => isRefused(entraId, wrong({ scopes }), { code, says }))
  }

  it.effect("wants client_id beside the assertion", () =>
    isRefused(entraId, wrong({ clientIdParameter: "omit" }), { code: "invalid_request", says: "'client_id'" }))

  it.effect("wants the token endpoint as the assertion's audience", () =>
    isRefused(entraId, wrong({ audience: "issuer" }), { code: "invalid_client", says: "AADSTS700023" }))

  it.effect("wants the assertion of an application that it knows", () =>
    isRefused(entraId, wrong({}, { issuer: "nightly" }), { code: "invalid_client", says: "AADSTS700021" }))

  it.effect("wants typ JWT", () =>
    isRefused(entraId, wrong({}, { type: "client-authentication+jwt" }), {
      code: "invalid_client",
      says: "typ must be JWT"
    }))

  it.effect("wants the certificate's thumbprint", () =>
    isRefused(entraId, wrong({}, { x5tS256: undefined, keyId: "nightly" }), {
      code: "invalid_client",
      says: "AADSTS700027"
    }))

  it.effect("wants one of its two algorithms", () =>
    isRefused(entraId, wrong({}, { signingKey: rs256.pem, signingAlgorithm: "RS512" }), {
      code: "invalid_client",
      says: "AADSTS700027"
    }))

  it.effect("has a template for the issuer of common, which is no issuer", () =>
    isRefused(
      Effect.zipLeft(entraId, silentServer),
      ClientSecret.layer({
        serverUrl: "https://other.example.com/mcp",
        issuer: "https://login.microsoftonline.com/common/v2.0",
        clientId,
        clientSecret: secret
      }).pipe(Layer.provide(TokenStorage.layerMemory)),
      { tag: "IssuerMismatch", says: "{tenantid}", requests: 0 }
    ))
})

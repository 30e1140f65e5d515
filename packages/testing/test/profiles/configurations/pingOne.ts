import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (signingKey: Redacted.Redacted) =>
  PrivateKeyJwt.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://auth.pingone.eu/5c1d2e3f-6a7b-4c8d-9e0f-1a2b3c4d5e6f/as",
    clientId: "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d",
    scopes: ["reports:read"]
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d",
      signingKey,
      signingAlgorithm: "RS256",
      keyId: "nightly-2026"
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

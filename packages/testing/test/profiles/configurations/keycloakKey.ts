import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (signingKey: Redacted.Redacted) =>
  PrivateKeyJwt.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://sso.example.com/realms/acme",
    clientId: "nightly-report",
    scopes: ["reports:read"]
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: "nightly-report",
      signingKey,
      signingAlgorithm: "ES256",
      keyId: "nightly-2026"
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

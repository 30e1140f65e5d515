import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (signingKey: Redacted.Redacted) =>
  PrivateKeyJwt.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://hydra.example.com/",
    clientId: "nightly-report",
    scopes: ["reports:read"],
    audience: "token_endpoint",
    additionalParameters: { audience: "https://mcp.example.com/mcp" }
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: "nightly-report",
      signingKey,
      signingAlgorithm: "RS256",
      keyId: "nightly-2026"
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (signingKey: Redacted.Redacted) =>
  PrivateKeyJwt.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://acme.okta.com/oauth2/default",
    clientId: "0oa1b2c3d4E5f6G7h8i9",
    scopes: ["reports.read"],
    audience: "token_endpoint"
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: "0oa1b2c3d4E5f6G7h8i9",
      signingKey,
      signingAlgorithm: "RS256",
      keyId: "nightly-2026"
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (signingKey: Redacted.Redacted) =>
  PrivateKeyJwt.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://login.microsoftonline.com/7e1f0a52-4b0c-4d43-9d1c-2f6c0c3b8a11/v2.0",
    clientId: "0c3f7a4e-5b1d-4c52-8f0e-9a6d2b7e4c10",
    clientIdParameter: "send",
    scopes: ["api://reports/.default"],
    resourceParameter: "omit",
    audience: "token_endpoint",
    stepUp: false
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: "0c3f7a4e-5b1d-4c52-8f0e-9a6d2b7e4c10",
      signingKey,
      signingAlgorithm: "PS256",
      x5tS256: "pNmQ0vGkqTfB2y1nZ4sXcW8eRu5oLhJ7iA3dKbVtM6E"
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

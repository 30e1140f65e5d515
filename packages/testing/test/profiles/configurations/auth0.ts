import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (signingKey: Redacted.Redacted) =>
  PrivateKeyJwt.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://acme.eu.auth0.com/",
    clientId: "Xk29sJ4mT8vQ1wZ6",
    scopes: ["reports:read"],
    additionalParameters: { audience: "https://mcp.example.com/mcp" }
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: "Xk29sJ4mT8vQ1wZ6",
      signingKey,
      signingAlgorithm: "RS256",
      lifetime: "1 minute"
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (signingKey: Redacted.Redacted) =>
  JwtBearer.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://accounts.google.com",
    tokenEndpoint: "https://oauth2.googleapis.com/token",
    audience: "token_endpoint",
    scopes: [],
    resourceParameter: "omit",
    stepUp: false
  }).pipe(
    Layer.provide(AssertionProvider.layerSigned({
      issuer: "nightly-report@acme.iam.gserviceaccount.com",
      signingKey,
      signingAlgorithm: "RS256",
      keyId: "5f2d8c1a9b7e",
      additionalClaims: { scope: "https://www.googleapis.com/auth/cloud-platform" },
      claimOverrides: { sub: undefined }
    })),
    Layer.provide(TokenStorage.layerMemory)
  )

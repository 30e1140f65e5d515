import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TokenStorage } from "@effect-mcp-auth/core"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (clientSecret: Redacted.Redacted) =>
  ClientSecret.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E",
    clientId: "4k1tq9v0n7b2m5x8z3c6",
    clientSecret,
    scopes: ["reports/read"],
    resourceParameter: "omit"
  }).pipe(Layer.provide(TokenStorage.layerMemory))

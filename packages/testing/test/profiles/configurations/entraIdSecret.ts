import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TokenStorage } from "@effect-mcp-auth/core"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (clientSecret: Redacted.Redacted) =>
  ClientSecret.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://login.microsoftonline.com/7e1f0a52-4b0c-4d43-9d1c-2f6c0c3b8a11/v2.0",
    clientId: "0c3f7a4e-5b1d-4c52-8f0e-9a6d2b7e4c10",
    clientSecret,
    tokenEndpointAuthMethod: "client_secret_post",
    scopes: ["api://reports/.default"],
    resourceParameter: "omit",
    stepUp: false
  }).pipe(Layer.provide(TokenStorage.layerMemory))

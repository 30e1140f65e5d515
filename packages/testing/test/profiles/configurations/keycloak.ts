import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TokenStorage } from "@effect-mcp-auth/core"
import type { Redacted } from "effect"
import { Layer } from "effect"

export const auth = (clientSecret: Redacted.Redacted) =>
  ClientSecret.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://sso.example.com/realms/acme",
    clientId: "nightly-report",
    clientSecret,
    scopes: ["reports:read"]
  }).pipe(Layer.provide(TokenStorage.layerMemory))

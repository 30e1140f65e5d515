/** A script that gets a token and does not close its provider. */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer, Logger, ManagedRuntime, Redacted } from "effect"

const issuer = process.env["ISSUER"] ?? ""

const runtime = ManagedRuntime.make(
  ClientSecret.layer({
    serverUrl: "https://mcp.example.com/mcp",
    issuer,
    tokenEndpoint: `${issuer}/token`,
    clientId: "script",
    clientSecret: Redacted.make("canary-secret-of-the-script")
  }).pipe(Layer.provide([TokenStorage.layerMemory, FetchHttpClient.layer, Logger.remove(Logger.defaultLogger)]))
)
const token = await runtime.runPromise(Effect.map(OAuthProvider.accessToken, ({ value }) => Redacted.value(value)))
if (token !== "") process.stdout.write("has a token\n")

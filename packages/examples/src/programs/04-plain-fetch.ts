/**
 * Use the authenticated `fetch` in a program that is not written with Effect.
 *
 * Environment: MCP_SERVER_URL, MCP_ISSUER, MCP_CLIENT_ID, MCP_CLIENT_SECRET, REPORT_URL
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthError, OAuthFetch, TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient } from "@effect/platform"
import { Layer, ManagedRuntime, Redacted } from "effect"

const setting = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`Set the environment variable ${name}`)
  return value
}

const runtime = ManagedRuntime.make(
  ClientSecret.layer({
    serverUrl: setting("MCP_SERVER_URL"),
    issuer: setting("MCP_ISSUER"),
    clientId: setting("MCP_CLIENT_ID"),
    clientSecret: Redacted.make(setting("MCP_CLIENT_SECRET"))
  }).pipe(Layer.provide([TokenStorage.layerMemory, FetchHttpClient.layer]))
)

try {
  const fetch = await runtime.runPromise(OAuthFetch.make)
  const response = await fetch(setting("REPORT_URL"))
  if (!response.ok) throw new Error(`The server answered with status ${response.status}`)
  console.log(await response.text())
} catch (error) {
  process.exitCode = 1
  // The promise rejects with the OAuthError itself, whose message says what to do.
  console.error(error instanceof OAuthError.TokenEndpointError ? `No token: ${error.message}` : error)
} finally {
  // Ends the renewal in the background.
  await runtime.dispose()
}

/**
 * Calls a tool of a protected MCP server with Effect 4's own MCP client, and prints what the tool answered.
 *
 * Environment: MCP_SERVER_URL, MCP_ISSUER, MCP_CLIENT_ID, MCP_CLIENT_SECRET
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthError, OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
import { Config, Console, Effect, Layer, Option } from "effect"
import { McpClient, McpProtocol } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import { callTool } from "./callTool.ts"

/** Finds the authorization server, requests a token, and renews it while the program runs. */
const Auth = ClientSecret.layerConfig({
  serverUrl: Config.String("MCP_SERVER_URL"),
  issuer: Config.String("MCP_ISSUER"),
  clientId: Config.String("MCP_CLIENT_ID"),
  clientSecret: Config.Redacted("MCP_CLIENT_SECRET"),
  scopes: Config.succeed(["reports:read"])
}).pipe(Layer.provide(TokenStorage.layerMemory))

const Client = Effect.map(
  Config.String("MCP_SERVER_URL"),
  (url) => McpClient.layerHttp({ name: "nightly-report", version: "1.0.0", protocol: McpProtocol.v2025_11_25, url })
).pipe(
  Layer.unwrap,
  Layer.provide(OAuthHttpClient.layer),
  Layer.provide(Auth),
  Layer.provide(FetchHttpClient.layer)
)

callTool("report", { day: "today" }).pipe(
  Effect.flatMap((content) => Console.log(JSON.stringify(content))),
  Effect.provide(Client),
  // If no token can be obtained, the McpClientError wraps an OAuthError, whose message says what to do.
  Effect.mapError((error) => Option.getOrElse(OAuthError.fromUnknown(error), () => error)),
  Effect.runPromise
)

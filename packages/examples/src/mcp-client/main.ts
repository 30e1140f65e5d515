/**
 * The nightly job as a program: its work, the MCP client, and the credentials from the environment.
 *
 * Environment: MCP_SERVER_URL, MCP_ISSUER, MCP_CLIENT_ID, MCP_CLIENT_SECRET
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient } from "@effect/platform"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer } from "effect"
import * as McpClient from "./McpClient.ts"
import { nightlyReport } from "./nightlyReport.ts"

const Auth = ClientSecret.layerConfig({
  serverUrl: Config.string("MCP_SERVER_URL"),
  issuer: Config.string("MCP_ISSUER"),
  clientId: Config.string("MCP_CLIENT_ID"),
  clientSecret: Config.redacted("MCP_CLIENT_SECRET"),
  scopes: Config.succeed(["reports:read"]),
  stepUp: Config.succeed({ allow: ["reports:write"] } as const)
}).pipe(Layer.provide([TokenStorage.layerMemory, FetchHttpClient.layer]))

const Mcp = Config.string("MCP_SERVER_URL").pipe(
  Effect.map((serverUrl) => McpClient.layer({ serverUrl })),
  Layer.unwrapEffect,
  Layer.provide(Auth)
)

nightlyReport("today").pipe(
  Effect.flatMap((answers) => Console.log(answers.join("\n"))),
  Effect.provide(Mcp),
  Effect.tapErrorTag("TokenEndpointError", ({ message }) => Console.error(`The client got no token: ${message}`)),
  Effect.tapErrorTag("McpError", ({ message }) => Console.error(`The MCP server is not available: ${message}`)),
  Effect.tapErrorTag("ToolError", ({ message, tool }) => Console.error(`Check the input of ${tool}: ${message}`)),
  NodeRuntime.runMain
)

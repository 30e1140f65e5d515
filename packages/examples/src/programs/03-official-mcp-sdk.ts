/**
 * Call a tool through the official MCP SDK, whose transport uses our `fetch`.
 *
 * Environment: MCP_SERVER_URL, MCP_ISSUER, MCP_CLIENT_ID, MCP_CLIENT_SECRET
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { McpExtension, OAuthError, OAuthFetch, TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient } from "@effect/platform"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Config, Console, Data, Effect, Layer, Option } from "effect"

class McpFailed extends Data.TaggedError("McpFailed")<{ readonly cause: unknown }> {}

const attempt = <A>(call: () => Promise<A>) =>
  Effect.tryPromise({
    try: call,
    catch: (cause) => Option.getOrElse(OAuthError.fromUnknown(cause), () => new McpFailed({ cause }))
  })

const Auth = ClientSecret.layerConfig({
  serverUrl: Config.string("MCP_SERVER_URL"),
  issuer: Config.string("MCP_ISSUER"),
  clientId: Config.string("MCP_CLIENT_ID"),
  clientSecret: Config.redacted("MCP_CLIENT_SECRET")
}).pipe(Layer.provide([TokenStorage.layerMemory, FetchHttpClient.layer]))

const program = Effect.gen(function*() {
  const capabilities = { extensions: McpExtension.clientCredentials }
  const open = Effect.sync(() => new Client({ name: "nightly-report", version: "1.0.0" }, { capabilities }))
  const client = yield* Effect.acquireRelease(open, (client) => Effect.promise(() => client.close()))
  const url = new URL(yield* Config.string("MCP_SERVER_URL"))
  const transport = new StreamableHTTPClientTransport(url, { fetch: yield* OAuthFetch.make })
  yield* attempt(() => client.connect(transport))
  const { content } = yield* attempt(() => client.callTool({ name: "report", arguments: { day: "today" } }))
  yield* Console.log(JSON.stringify(content))
}).pipe(Effect.tapErrorTag("TokenEndpointError", ({ message }) => Console.error(`No token: ${message}`)))

program.pipe(Effect.scoped, Effect.provide(Auth), NodeRuntime.runMain)

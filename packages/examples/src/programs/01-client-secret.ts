/**
 * Read a protected report as a client with an id and a secret.
 *
 * Environment: MCP_SERVER_URL, MCP_ISSUER, MCP_CLIENT_ID, MCP_CLIENT_SECRET, REPORT_URL
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthError, OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer, Option } from "effect"

/** Finds the authorization server, requests a token, and renews it while the program runs. */
const Auth = ClientSecret.layerConfig({
  serverUrl: Config.string("MCP_SERVER_URL"),
  issuer: Config.string("MCP_ISSUER"),
  clientId: Config.string("MCP_CLIENT_ID"),
  clientSecret: Config.redacted("MCP_CLIENT_SECRET"),
  scopes: Config.succeed(["reports:read"])
}).pipe(Layer.provide(TokenStorage.layerMemory))

/** The program itself does not handle tokens. */
const program = Effect.gen(function*() {
  const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
  const response = yield* client.get(yield* Config.string("REPORT_URL"))
  yield* Console.log(yield* response.text)
}).pipe(
  // If no token can be obtained, the RequestError wraps an OAuthError, whose message says what to do.
  Effect.mapError((error) => Option.getOrElse(OAuthError.fromUnknown(error), () => error)),
  Effect.tapErrorTag("TokenEndpointError", ({ message }) => Console.error(`No token: ${message}`))
)

program.pipe(
  Effect.provide(OAuthHttpClient.layer.pipe(Layer.provide(Auth), Layer.provide(FetchHttpClient.layer))),
  NodeRuntime.runMain
)

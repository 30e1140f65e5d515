/**
 * Keep the token in an encrypted file, so that the next run of a job, or another process of the machine, needs no new
 * one.
 *
 * Environment: MCP_SERVER_URL, MCP_ISSUER, MCP_CLIENT_ID, MCP_CLIENT_SECRET, REPORT_URL, TOKEN_DIRECTORY,
 * TOKEN_ENCRYPTION_KEY (openssl rand -base64 32)
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient } from "@effect-mcp-auth/core"
import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer } from "effect"

const Storage = FileTokenStorage.layerConfig({
  directory: Config.string("TOKEN_DIRECTORY"),
  encryptionKey: Config.redacted("TOKEN_ENCRYPTION_KEY")
}).pipe(Layer.provide(NodeContext.layer))

const Auth = ClientSecret.layerConfig({
  serverUrl: Config.string("MCP_SERVER_URL"),
  issuer: Config.string("MCP_ISSUER"),
  clientId: Config.string("MCP_CLIENT_ID"),
  clientSecret: Config.redacted("MCP_CLIENT_SECRET"),
  scopes: Config.succeed(["reports:read"])
}).pipe(Layer.provide(Storage))

const program = Effect.gen(function*() {
  const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
  const response = yield* client.get(yield* Config.string("REPORT_URL"))
  yield* Console.log(yield* response.text)
}).pipe(Effect.tapErrorTag("RequestError", ({ message }) => Console.error(`No report: ${message}`)))

program.pipe(
  Effect.provide(OAuthHttpClient.layer.pipe(Layer.provide(Auth), Layer.provide(FetchHttpClient.layer))),
  NodeRuntime.runMain
)

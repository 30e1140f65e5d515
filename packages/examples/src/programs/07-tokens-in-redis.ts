/**
 * Keep the token, encrypted, in a Redis that many machines share: one process renews it, and the others read it.
 *
 * Environment: MCP_SERVER_URL, MCP_ISSUER, MCP_CLIENT_ID, MCP_CLIENT_SECRET, REPORT_URL, REDIS_URL,
 * TOKEN_ENCRYPTION_KEY (openssl rand -base64 32)
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient } from "@effect-mcp-auth/core"
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer } from "effect"

const Storage = RedisTokenStorage.layerConfig({
  url: Config.redacted("REDIS_URL"),
  encryptionKey: Config.redacted("TOKEN_ENCRYPTION_KEY")
})

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

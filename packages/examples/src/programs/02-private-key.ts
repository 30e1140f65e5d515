/**
 * Read a protected report as a client with a private key in place of a secret.
 *
 * Environment: MCP_SERVER_URL, MCP_CLIENT_ID, MCP_PRIVATE_KEY (PKCS#8, PEM), REPORT_URL
 */
import { AssertionProvider, OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer } from "effect"

/** Signs a short-lived JWT for each token request. Only the public key is registered with the authorization server. */
const Assertions = Config.all({
  issuer: Config.string("MCP_CLIENT_ID"),
  signingKey: Config.redacted("MCP_PRIVATE_KEY")
})
  .pipe(
    Effect.map((options) => AssertionProvider.layerSigned({ ...options, signingAlgorithm: "ES256" })),
    Layer.unwrapEffect
  )

const Auth = PrivateKeyJwt.layerConfig({
  serverUrl: Config.string("MCP_SERVER_URL"),
  clientId: Config.string("MCP_CLIENT_ID"),
  scopes: Config.succeed(["reports:read"])
}).pipe(Layer.provide([Assertions, TokenStorage.layerMemory]))

const program = Effect.gen(function*() {
  // Obtaining the token first reports a wrong key before the job begins, as a TokenEndpointError.
  yield* OAuthProvider.accessToken
  const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
  const response = yield* client.get(yield* Config.string("REPORT_URL"))
  yield* Console.log(yield* response.text)
}).pipe(Effect.tapErrorTag("TokenEndpointError", ({ code }) => Console.error(`The authorization server said: ${code}`)))

program.pipe(
  Effect.provide(OAuthHttpClient.layer.pipe(Layer.provideMerge(Auth), Layer.provide(FetchHttpClient.layer))),
  NodeRuntime.runMain
)

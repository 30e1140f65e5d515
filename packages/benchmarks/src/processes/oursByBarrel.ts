/**
 * One authenticated call with this project; imported as in the README, through barrels.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { Effect, Layer, Redacted } from "effect"
import { clientId, clientSecret, expectOk, issuer, resource, scope } from "./given.ts"

const Auth = ClientSecret.layer({
  serverUrl: resource,
  issuer,
  clientId,
  clientSecret: Redacted.make(clientSecret),
  scopes: [scope]
}).pipe(Layer.provide(TokenStorage.layerMemory))

const program = Effect.flatMap(HttpClient.get(resource), (response) => Effect.as(response.text, response.status))

await program.pipe(
  Effect.provide(OAuthHttpClient.layer.pipe(Layer.provide(Auth), Layer.provide(FetchHttpClient.layer))),
  Effect.runPromise
).then(expectOk)

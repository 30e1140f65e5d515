/**
 * One authenticated call with this project; each module imported by its path.
 */
import * as ClientSecret from "@effect-mcp-auth/client-secret/ClientSecret"
import * as OAuthHttpClient from "@effect-mcp-auth/core/OAuthHttpClient"
import * as TokenStorage from "@effect-mcp-auth/core/TokenStorage"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
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

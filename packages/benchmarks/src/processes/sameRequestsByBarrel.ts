/**
 * The requests that a first authenticated call consists of, each written by hand: the metadata of both servers, the
 * token, and the call; imported through Effect's barrels.
 */
import { FetchHttpClient, HttpBody, HttpClient, UrlParams } from "@effect/platform"
import { Effect } from "effect"
import { clientId, clientSecret, expectOk, issuer, resource, scope, token } from "./given.ts"

const read = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.json)

const metadata = Effect.all([
  read(new URL("/.well-known/oauth-protected-resource/mcp", resource).href),
  read(`${issuer}/.well-known/oauth-authorization-server`)
], { concurrency: 2 })

const askForToken = Effect.flatMap(
  HttpClient.post(`${issuer}/token`, {
    headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    body: HttpBody.urlParams(UrlParams.fromInput({ grant_type: "client_credentials", scope, resource }))
  }),
  (response) => response.json
)

const call = Effect.flatMap(
  HttpClient.get(resource, { headers: { authorization: `Bearer ${token}` } }),
  (response) => Effect.as(response.text, response.status)
)

const program = metadata.pipe(Effect.zipRight(askForToken), Effect.zipRight(call))

await program.pipe(Effect.provide(FetchHttpClient.layer), Effect.runPromise).then(expectOk)

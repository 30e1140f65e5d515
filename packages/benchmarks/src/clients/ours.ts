/**
 * This project: one provider, behind a `fetch` and behind an `HttpClient`.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthFetch, OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { fromFetch, fromHttpClient } from "../client.ts"
import type { Client, Competitor, Endpoints } from "../client.ts"
import { credentials } from "../control.ts"

const provider = ({ fetch, issuer, resource }: Endpoints) =>
  ClientSecret.layer({
    serverUrl: resource,
    issuer,
    clientId: credentials.clientId,
    clientSecret: Redacted.make(credentials.clientSecret),
    scopes: [credentials.scope]
  }).pipe(
    Layer.provide(TokenStorage.layerMemory),
    Layer.provideMerge(FetchHttpClient.layer),
    Layer.provideMerge(Layer.succeed(FetchHttpClient.Fetch, fetch))
  )

type Runtime<R> = ManagedRuntime.ManagedRuntime<OAuthProvider.OAuthProvider | R, unknown>

const life = (runtime: Runtime<never>): Pick<Client, "askForToken" | "close"> => ({
  askForToken: async (signal) => {
    const { accessToken } = await runtime.runPromise(OAuthProvider.OAuthProvider)
    return runtime.runPromise(accessToken, { signal })
  },
  close: () => runtime.dispose()
})

export const oauthFetch: Competitor = {
  name: "OAuthFetch",
  renews: true,
  make: async (endpoints) => {
    const runtime = ManagedRuntime.make(provider(endpoints))
    const fetch = await runtime.runPromise(OAuthFetch.make)
    return { ...fromFetch(fetch, endpoints.resource), ...life(runtime) }
  }
}

export const oauthHttpClient: Competitor = {
  name: "OAuthHttpClient",
  renews: true,
  make: async (endpoints) => {
    const runtime = ManagedRuntime.make(Layer.provideMerge(OAuthHttpClient.layer, provider(endpoints)))
    const client = await runtime.runPromise(HttpClient.HttpClient)
    return { ...fromHttpClient(client, endpoints.resource), ...life(runtime) }
  }
}

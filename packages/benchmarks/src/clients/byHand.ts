/**
 * No OAuth: the token is set in a header by hand. The base for the cost of the other clients.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fromFetch, fromHttpClient } from "../client.ts"
import type { Competitor } from "../client.ts"

const authorization = (token: string) => ({ authorization: `Bearer ${token}` })

const nothingToClose = { close: () => Promise.resolve() }

export const plainFetch: Competitor = {
  name: "fetch, by hand",
  renews: false,
  make: async ({ fetch, issueToken, resource }) => ({
    ...fromFetch(fetch, resource, authorization(await issueToken())),
    ...nothingToClose
  })
}

/** The same client again. The difference between its figures and those of the first is the noise of the machine. */
export const plainFetchAgain: Competitor = { ...plainFetch, name: "fetch, by hand, again" }

export const bareHttpClient: Competitor = {
  name: "HttpClient, by hand",
  renews: false,
  make: async ({ fetch, issueToken, resource }) => {
    const layer = Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.Fetch, fetch))
    const client = await Effect.runPromise(Effect.provide(HttpClient.HttpClient, layer))
    return { ...fromHttpClient(client, resource, authorization(await issueToken())), ...nothingToClose }
  }
}

/**
 * No OAuth at all: somebody wrote a token into a header. The base of what the others cost, and the picture of what
 * they spare.
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

/** The same once more: how far its figures are from the first is what the machine's noise does to all of them. */
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

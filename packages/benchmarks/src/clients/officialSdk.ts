/**
 * The official TypeScript SDK, as its documentation puts it together.
 */
import { auth, ClientCredentialsProvider, withOAuth } from "@modelcontextprotocol/client"
import { fromFetch } from "../client.ts"
import type { Competitor } from "../client.ts"
import { credentials } from "../control.ts"

export const officialSdk: Competitor = {
  name: "official SDK, withOAuth",
  renews: true,
  make: async ({ fetch, issuer, resource }) => {
    const provider = new ClientCredentialsProvider({ ...credentials, expectedIssuer: issuer })
    return {
      ...fromFetch(withOAuth(provider, resource)(fetch), resource),
      askForToken: (signal) =>
        auth(provider, {
          serverUrl: resource,
          fetchFn: (url, init) => fetch(url, { ...init, signal })
        }),
      close: () => Promise.resolve()
    }
  }
}

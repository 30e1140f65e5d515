/**
 * openid-client with the token in a variable: what a program without further help does.
 */
import * as openid from "openid-client"
import { fromFetch } from "../client.ts"
import type { Competitor } from "../client.ts"
import { credentials } from "../control.ts"

interface CachedToken {
  readonly value: string
  readonly expiresAt: number
}

const interrupted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("interrupted")))
  })

export const openidClient: Competitor = {
  name: "openid-client + cache",
  renews: true,
  make: async ({ fetch, issuer, resource }) => {
    let configuration: Promise<openid.Configuration> | undefined
    let cached: CachedToken | undefined

    const getToken = async (): Promise<string> => {
      if (cached !== undefined && Date.now() < cached.expiresAt) return cached.value
      configuration ??= openid.discovery(
        new URL(issuer),
        credentials.clientId,
        undefined,
        openid.ClientSecretBasic(credentials.clientSecret),
        // Its authors marked it as deprecated so that nobody uses it in production. Loopback has no TLS.
        // oxlint-disable-next-line typescript/no-deprecated
        { algorithm: "oauth2", execute: [openid.allowInsecureRequests] }
      )
      const response = await openid.clientCredentialsGrant(await configuration, { scope: credentials.scope, resource })
      cached = { value: response.access_token, expiresAt: Date.now() + (response.expiresIn() ?? 0) * 1000 }
      return cached.value
    }

    return {
      ...fromFetch(async (url, init) => {
        const headers = new Headers(init.headers)
        headers.set("authorization", `Bearer ${await getToken()}`)
        return fetch(url, { ...init, headers })
      }, resource),
      askForToken: (signal) => Promise.race([getToken(), interrupted(signal)]),
      close: () => Promise.resolve()
    }
  }
}

/**
 * Many providers in one program: one for each tenant, all of them clients of one authorization server.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import type { OAuthProvider } from "@effect-mcp-auth/core"
import { OAuthProviders, TokenStorage } from "@effect-mcp-auth/core"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { credentials } from "./control.ts"
import { issuer, resourceOrigin } from "./memoryServers.ts"

export type Provider = OAuthProvider.OAuthProvider.Service

/** The provider of one tenant. */
const makeProvider = (tenant: number) =>
  ClientSecret.make({
    serverUrl: `${resourceOrigin}/tenants/${tenant}/mcp`,
    issuer,
    clientId: `${credentials.clientId}-${tenant}`,
    clientSecret: Redacted.make(`${credentials.clientSecret}-${tenant}`),
    scopes: [credentials.scope]
  })

/** One provider for each tenant, sharing a storage and a client, for as long as the scope lasts. */
export const make = (
  client: HttpClient.HttpClient,
  tenants: number
): Effect.Effect<ReadonlyArray<Provider>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const storage = yield* TokenStorage.makeMemory
    const providers = yield* OAuthProviders.make({ lookup: makeProvider }).pipe(
      Effect.provideService(TokenStorage.TokenStorage, storage),
      Effect.provideService(HttpClient.HttpClient, client)
    )
    return yield* Effect.forEach(Array.from({ length: tenants }, (_, i) => i), (tenant) => providers.get(tenant)).pipe(
      Effect.orDie
    )
  })

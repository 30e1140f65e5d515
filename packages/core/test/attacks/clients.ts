/** The clients of this project, as the attacks of `HostileServersContract` meet them. */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { ClientUnderAttack } from "@effect-mcp-auth/testing"
import { HttpClient } from "@effect/platform"
import { Effect, Layer } from "effect"
import { OAuthFetch, OAuthHttpClient, TokenStorage } from "../../src/index.ts"

const optionsOf = (
  { clientId, clientSecret, issuer, scopes, serverUrl }: ClientUnderAttack.Setting
): ClientSecret.Options => ({ serverUrl, issuer, clientId, clientSecret, scopes })

const environmentOf = ({ httpClient }: ClientUnderAttack.Setting) =>
  Layer.merge(TokenStorage.layerMemory, Layer.succeed(HttpClient.HttpClient, httpClient))

const makeProvider = (setting: ClientUnderAttack.Setting, options: Partial<ClientSecret.Options>) =>
  ClientSecret.make({ ...optionsOf(setting), ...options }).pipe(Effect.provide(environmentOf(setting)))

export const httpClient = (options: Partial<ClientSecret.Options> = {}): ClientUnderAttack.Client =>
  ClientUnderAttack.fromHttpClient((setting) =>
    Effect.map(makeProvider(setting, options), (provider) => OAuthHttpClient.authenticate(setting.httpClient, provider))
  )

export const fetch = (options: Partial<ClientSecret.Options> = {}): ClientUnderAttack.Client => ({
  connect: (setting) =>
    Effect.gen(function*() {
      const provider = yield* makeProvider(setting, options)
      const authenticated = OAuthFetch.authenticate(setting.fetch, provider, yield* Effect.runtime<never>())
      return yield* ClientUnderAttack.fromFetch(() => authenticated).connect(setting)
    })
})

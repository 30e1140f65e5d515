/**
 * What the profiles of the identity providers have in common.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ClientKey } from "../ClientKey.ts"
import type { Options, Profile } from "../profiles/profile.ts"
import * as TestAuthorizationServer from "../TestAuthorizationServer.ts"
import type { Client, TokenRequest, VerifyClientAssertion } from "../TokenRequest.ts"
import { Refusal, refuse } from "../TokenRequest.ts"
import * as Assertion from "./assertion.ts"

/** @internal */
export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/**
 * One hour in seconds.
 *
 * @internal
 */
export const HOUR = 60 * 60

/**
 * The authorization server of a profile. `settings` runs for each server, so that none knows the assertions of another.
 *
 * @internal
 */
export const make = (
  options: Options,
  settings: () => Partial<TestAuthorizationServer.Options> & { readonly issuer: string }
): Profile => Effect.suspend(() => TestAuthorizationServer.make({ ...common(options), ...settings() }))

/** @internal */
export const common = ({ clients, resource, scopes, tokenLifetime }: Options) => ({
  clients,
  scopesSupported: scopes,
  tokenLifetime,
  authMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
  metadataAt: ["openid-configuration-appended"],
  resourceParameter: "ignored",
  defaultResource: resource,
  grants: { client_credentials: forClients(() => Effect.succeed({})) }
} satisfies Partial<TestAuthorizationServer.Options>)

/** @internal */
export const keysOf = ({ clients }: Options) => (issuer: string): ReadonlyArray<ClientKey> | undefined =>
  clients.find(({ clientId }) => clientId === issuer)?.keys

/**
 * Verifies client assertions by the rules. `replayed` is the error for a `jti` that was used before.
 *
 * @internal
 */
export const clientAssertions = (
  options: Options,
  rules: Assertion.Rules,
  replayed = "invalid_client"
): VerifyClientAssertion => {
  const verify = Assertion.makeVerifier(keysOf(options), rules)
  return (assertion) =>
    Effect.mapBoth(verify(assertion), {
      onFailure: ({ description, reason }) =>
        new Refusal({ error: reason === "replay" ? replayed : "invalid_client", description }),
      onSuccess: ({ iss }) => iss
    })
}

/**
 * RFC 6749 §4.4: for clients that have authenticated.
 *
 * @internal
 */
export const forClients = (
  grant: (
    request: TokenRequest & { readonly client: Client }
  ) => Effect.Effect<Omit<TestAuthorizationServer.Granted, "subject">, Refusal>
): TestAuthorizationServer.Grant =>
(request) => {
  const { authMethod, client } = request
  return client === undefined || authMethod === "none"
    ? refuse("invalid_client", "no client authentication (RFC 6749 §5.2)")
    : Effect.map(grant({ ...request, client }), (granted) => ({ subject: client.clientId, ...granted }))
}

/**
 * What the profiles of the identity providers share.
 *
 * @internal
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as TestAuthorizationServer from "../TestAuthorizationServer.ts"
import type { TestNetwork } from "../TestNetwork.ts"
import type { Client as AnyClient, TokenRequest, VerifyClientAssertion } from "../TokenRequest.ts"
import { Refusal, refuse } from "../TokenRequest.ts"
import type { ClientKey } from "../ClientKey.ts"
import * as Assertion from "../internal/assertion.ts"

export type { ClientKey } from "../ClientKey.ts"

/**
 * A client with a secret, with keys, or with both.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends AnyClient {
  readonly keys?: ReadonlyArray<ClientKey> | undefined
}

/**
 * What every profile needs to know.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The MCP server that tokens are for: the audience of every token that is issued for it. */
  readonly resource: string
  readonly clients: ReadonlyArray<Client>
  /** The scopes that the MCP server is registered with. None by default. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** 1 hour by default. */
  readonly tokenLifetime?: Duration.DurationInput | undefined
}

/**
 * A profile: puts the authorization server on the network, and gives its handles.
 *
 * @since 0.1.0
 * @category models
 */
export type Profile = Effect.Effect<TestAuthorizationServer.TestAuthorizationServer, never, TestNetwork>

/** @internal */
export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/**
 * In seconds.
 *
 * @internal
 */
export const HOUR = 60 * 60

/** @internal */
export const common = ({ clients, scopes, tokenLifetime }: Options) => ({
  clients,
  scopesSupported: scopes,
  tokenLifetime,
  authMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
  metadataAt: ["openid-configuration-appended"],
  resourceParameter: "ignored"
} satisfies Partial<TestAuthorizationServer.Options>)

/** @internal */
export const keysOf = ({ clients }: Options) => (issuer: string): ReadonlyArray<ClientKey> | undefined =>
  clients.find(({ clientId }) => clientId === issuer)?.keys

/**
 * `replayed`: the error of a `jti` that was used before.
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
 * RFC 6749 §4.4: for clients that have proven who they are.
 *
 * @internal
 */
export const forClients = (
  grant: (
    request: TokenRequest & { readonly client: AnyClient }
  ) => Effect.Effect<Omit<TestAuthorizationServer.Granted, "subject">, Refusal>
): TestAuthorizationServer.Grant =>
(request) => {
  const { authMethod, client } = request
  return client === undefined || authMethod === "none"
    ? refuse("invalid_client", "no client authentication (RFC 6749 §5.2)")
    : Effect.map(grant({ ...request, client }), (granted) => ({ subject: client.clientId, ...granted }))
}

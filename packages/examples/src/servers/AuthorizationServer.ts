/**
 * A real authorization server, the npm package `oidc-provider`, set up for machines alone: the grants
 * client_credentials and jwt-bearer, clients with a secret, with a key (RFC 7523 §2.2) and with neither, resource
 * indicators (RFC 8707), and JWT access tokens (RFC 9068) that expire after a few seconds.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { exportJWK, generateKeyPair } from "jose"
import { randomBytes } from "node:crypto"
import type { AdapterFactory, AdapterPayload, ClientMetadata, Configuration, JWK } from "oidc-provider"
import { errors, Provider } from "oidc-provider"
import * as JwtBearerGrant from "./JwtBearerGrant.ts"
import type { PublicKey } from "./KeyPair.ts"
import * as LoopbackServer from "./LoopbackServer.ts"

export interface Options {
  /** Default: any free port. */
  readonly port?: number | undefined
  /** Lifetime of an access token, in seconds. Default: 5. */
  readonly accessTokenLifetime?: number | undefined
  /** How long every request waits before it is answered, in milliseconds. Default: 0. */
  readonly latency?: number | undefined
  readonly onRequest?: LoopbackServer.Options["onRequest"]
  /** Default: one client for each of the two ways to send a secret. */
  readonly clients?: ReadonlyArray<Client> | undefined
  /** Clients that have a key in place of a secret. Default: none. */
  readonly keyClients?: ReadonlyArray<KeyClient> | undefined
  /** The ids of clients without credentials, for jwt-bearer alone: the assertion is the only proof. Default: none. */
  readonly publicClients?: ReadonlyArray<string> | undefined
  /** The issuers that may vouch for users, for jwt-bearer. Default: none. */
  readonly trustedIssuers?: ReadonlyArray<JwtBearerGrant.TrustedIssuer> | undefined
}

/** A program that may ask for tokens. */
export interface Client {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly tokenEndpointAuthMethod: "client_secret_basic" | "client_secret_post"
}

/** A program that authenticates with a key, of which the server knows only the public half (`private_key_jwt`). */
export interface KeyClient extends PublicKey {
  readonly clientId: string
}

/** A server that tokens are issued for. */
export interface ResourceServer {
  /** Its RFC 8707 resource identifier, which becomes the `aud` of its tokens. */
  readonly identifier: string
  readonly scopes: ReadonlyArray<string>
}

export interface AuthorizationServer {
  readonly issuer: string
  readonly jwksUri: string
  readonly tokenEndpoint: string
  readonly clients: readonly [Client, ...ReadonlyArray<Client>]
  /** Issues tokens for this server from now on. Requests for any other server are refused with `invalid_target`. */
  readonly register: (resourceServer: ResourceServer) => Effect.Effect<void>
  /** Deletes a client, as an operator does. From now on its requests are refused with `invalid_client`. */
  readonly remove: (clientId: string) => Effect.Effect<void>
  /** How many requests have arrived so far at `METHOD /path`. */
  readonly requests: (endpoint: string) => number
}

const signingAlgorithm = "ES256"

/** A client with a secret of 256 random bits. */
export const generateClient = (
  tokenEndpointAuthMethod: Client["tokenEndpointAuthMethod"] = "client_secret_basic"
): Client => ({
  clientId: `nightly-report-${randomBytes(3).toString("hex")}`,
  clientSecret: Redacted.make(randomBytes(32).toString("base64url")),
  tokenEndpointAuthMethod
})

export const make = Effect.fnUntraced(function*(options: Options = {}): Effect.fn.Return<
  AuthorizationServer,
  LoopbackServer.ListenError,
  Scope.Scope
> {
  const [first = generateClient(), ...others] = options.clients ??
    [generateClient(), generateClient("client_secret_post")]
  const clients: AuthorizationServer["clients"] = [first, ...others]
  const { accessTokenLifetime = 5 } = options
  const resourceServers = new Map<string, ResourceServer>()
  const resourceServer = (identifier: string | undefined) => {
    if (identifier === undefined) throw new errors.InvalidTarget("a resource must be named")
    const known = resourceServers.get(identifier)
    if (known === undefined) throw new errors.InvalidTarget("no such resource server")
    return {
      audience: identifier,
      scope: known.scopes.join(" "),
      accessTokenFormat: "jwt",
      accessTokenTTL: accessTokenLifetime,
      jwt: { sign: { alg: signingAlgorithm } }
    } as const
  }
  const registered = new Map(
    [
      ...clients.map(secretClient),
      ...(options.keyClients ?? []).map(keyClient),
      ...(options.publicClients ?? []).map(publicClient)
    ].map((client) => [client.client_id, client])
  )
  const signingKey = yield* generateSigningKey
  const log = Runtime.runFork(yield* Effect.runtime())

  const server = yield* LoopbackServer.make({
    name: "The authorization server",
    port: options.port,
    latency: options.latency,
    onRequest: options.onRequest,
    listener: (issuer) => {
      const provider = new Provider(
        issuer,
        configuration({ accessTokenLifetime, adapter: makeAdapter(registered), resourceServer, signingKey })
      )
      JwtBearerGrant.register(provider, { resourceServer, trustedIssuers: options.trustedIssuers ?? [] })
      provider.on("server_error", (_context, error) => log(Effect.logError("The authorization server failed", error)))
      const answer = provider.callback()
      return (request, response) => void answer(request, response)
    }
  })

  return {
    issuer: server.origin,
    jwksUri: `${server.origin}/jwks`,
    tokenEndpoint: `${server.origin}/token`,
    clients,
    register: (resourceServer) =>
      Effect.sync(() => void resourceServers.set(resourceServer.identifier, resourceServer)),
    remove: (clientId) => Effect.sync(() => void registered.delete(clientId)),
    requests: server.requests
  }
})

const generateSigningKey: Effect.Effect<JWK> = Effect.promise(async () => {
  const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true })
  return { ...(await exportJWK(privateKey)), kty: "EC", alg: signingAlgorithm, use: "sig" }
})

const secretClient = ({ clientId, clientSecret, tokenEndpointAuthMethod }: Client): ClientMetadata => ({
  client_id: clientId,
  client_secret: Redacted.value(clientSecret),
  token_endpoint_auth_method: tokenEndpointAuthMethod
})

const keyClient = ({ clientId, publicKey, signingAlgorithm }: KeyClient): ClientMetadata => ({
  client_id: clientId,
  jwks: { keys: [publicKey] },
  token_endpoint_auth_method: "private_key_jwt",
  token_endpoint_auth_signing_alg: signingAlgorithm
})

const publicClient = (clientId: string): ClientMetadata => ({
  client_id: clientId,
  token_endpoint_auth_method: "none",
  grant_types: [JwtBearerGrant.type]
})

const configuration = ({ accessTokenLifetime, adapter, resourceServer, signingKey }: {
  readonly accessTokenLifetime: number
  readonly adapter: AdapterFactory
  readonly resourceServer: JwtBearerGrant.Options["resourceServer"]
  readonly signingKey: JWK
}): Configuration => ({
  adapter,
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomBytes(32).toString("base64url")] },
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
  clientDefaults: {
    grant_types: ["client_credentials", JwtBearerGrant.type],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: signingAlgorithm
  },
  enabledJWA: { clientAuthSigningAlgValues: ["ES256", "PS256", "EdDSA"] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => {
        throw new errors.InvalidTarget("a resource must be named")
      },
      getResourceServerInfo: (_context, identifier) => resourceServer(identifier)
    },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false }
  },
  renderError: (context, error) => {
    context.body = error
  },
  responseTypes: [],
  scopes: [],
  ttl: { AccessToken: () => accessTokenLifetime, ClientCredentials: () => accessTokenLifetime }
})

const notFound = () => Promise.resolve(undefined)

/**
 * The storage of oidc-provider. It holds the clients, and the ids of assertions, so that each assertion is accepted once
 * (RFC 7523 §3, item 7). JWT access tokens are not stored, and there are no users.
 */
const makeAdapter = (clients: ReadonlyMap<string, ClientMetadata>): AdapterFactory => (model) => {
  const refused = () => Promise.reject(new Error(`${model}: this authorization server does not store it`))
  const presented = new Map<string, AdapterPayload>()
  const stores = model === "ReplayDetection"
  return {
    find: (id) => Promise.resolve(model === "Client" ? clients.get(id) : presented.get(id)),
    findByUid: notFound,
    findByUserCode: notFound,
    destroy: notFound,
    upsert: stores ? (id, payload) => Promise.resolve(void presented.set(id, payload)) : refused,
    consume: refused,
    revokeByGrantId: refused
  }
}

/**
 * A real authorization server, the npm package `oidc-provider`, set up for machines alone: client_credentials, resource
 * indicators (RFC 8707), and JWT access tokens (RFC 9068) that live a few seconds.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { exportJWK, generateKeyPair } from "jose"
import { randomBytes } from "node:crypto"
import type { Adapter, Configuration, JWK } from "oidc-provider"
import { errors, Provider } from "oidc-provider"
import * as LoopbackServer from "./LoopbackServer.ts"

export interface Options {
  /** Default: any free port. */
  readonly port?: number | undefined
  /** Seconds that an access token lives. Default: 5. */
  readonly accessTokenLifetime?: number | undefined
  /** Milliseconds that every request waits before it is answered. Default: 0. */
  readonly latency?: number | undefined
  /** Default: one client for each of the two ways to send a secret. */
  readonly clients?: ReadonlyArray<Client> | undefined
}

/** A program that may ask for tokens. */
export interface Client {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly tokenEndpointAuthMethod: "client_secret_basic" | "client_secret_post"
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
  /** From now on tokens can be had for this server. Those for any other are refused with `invalid_target`. */
  readonly register: (resourceServer: ResourceServer) => Effect.Effect<void>
  /** How many requests have arrived so far at `METHOD /path`. */
  readonly requests: (endpoint: string) => number
}

const signingAlgorithm = "ES256"

/** A client with a name that says what it is for and a secret of 256 random bits. */
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
  const resourceServers = new Map<string, ResourceServer>()
  const signingKey = yield* generateSigningKey
  const log = Runtime.runFork(yield* Effect.runtime())

  const server = yield* LoopbackServer.make({
    name: "The authorization server",
    port: options.port,
    latency: options.latency,
    listener: (issuer) => {
      const provider = new Provider(
        issuer,
        configuration({ accessTokenLifetime: options.accessTokenLifetime ?? 5, clients, resourceServers, signingKey })
      )
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
    requests: server.requests
  }
})

const generateSigningKey: Effect.Effect<JWK> = Effect.promise(async () => {
  const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true })
  return { ...(await exportJWK(privateKey)), kty: "EC", alg: signingAlgorithm, use: "sig" }
})

const configuration = ({ accessTokenLifetime, clients, resourceServers, signingKey }: {
  readonly accessTokenLifetime: number
  readonly clients: ReadonlyArray<Client>
  readonly resourceServers: ReadonlyMap<string, ResourceServer>
  readonly signingKey: JWK
}): Configuration => ({
  adapter: keepsNothing,
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomBytes(32).toString("base64url")] },
  clientAuthMethods: ["client_secret_basic", "client_secret_post"],
  clientDefaults: {
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: signingAlgorithm
  },
  clients: clients.map((client) => ({
    client_id: client.clientId,
    client_secret: Redacted.value(client.clientSecret),
    token_endpoint_auth_method: client.tokenEndpointAuthMethod
  })),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => {
        throw new errors.InvalidTarget("a resource must be named")
      },
      getResourceServerInfo: (_context, identifier) => {
        const resourceServer = resourceServers.get(identifier)
        if (resourceServer === undefined) throw new errors.InvalidTarget("no such resource server")
        return {
          audience: identifier,
          scope: resourceServer.scopes.join(" "),
          accessTokenFormat: "jwt",
          accessTokenTTL: accessTokenLifetime,
          jwt: { sign: { alg: signingAlgorithm } }
        }
      }
    },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false }
  },
  renderError: (context, error) => {
    context.body = error
  },
  responseTypes: [],
  scopes: [],
  ttl: { ClientCredentials: () => accessTokenLifetime }
})

const notFound = () => Promise.resolve(undefined)

/**
 * Where oidc-provider would keep what it must remember: nothing, here. The clients stand in the configuration, a JWT
 * access token is kept by nobody, and there are no users. What comes is the question for a client that does not exist.
 */
const keepsNothing = (model: string): Adapter => {
  const refused = () => Promise.reject(new Error(`${model}: this authorization server keeps nothing`))
  return {
    find: notFound,
    findByUid: notFound,
    findByUserCode: notFound,
    destroy: notFound,
    upsert: refused,
    consume: refused,
    revokeByGrantId: refused
  }
}

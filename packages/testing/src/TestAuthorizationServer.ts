/**
 * An authorization server in memory: as strict as RFC 6749, with handles for what goes wrong in production: a rotated
 * secret, a revoked token, a shorter lifetime.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { JsonObject } from "./Answer.ts"
import { jsonResponse, withoutSlash } from "./internal/web.ts"
import type { IssuedToken } from "./IssuedToken.ts"
import { IssuedTokens, randomValue } from "./IssuedToken.ts"
import type { MetadataForm } from "./MetadataForm.ts"
import * as MetadataForms from "./MetadataForm.ts"
import type { Host, NetworkRequest } from "./NetworkRequest.ts"
import { TestNetwork } from "./TestNetwork.ts"
import type { Grant } from "./TokenGrant.ts"
import { clientCredentials, resourceOf, scopesOf } from "./TokenGrant.ts"
import type { AuthMethod, Client, Refusal, VerifyClientAssertion } from "./TokenRequest.ts"
import { read, refuse } from "./TokenRequest.ts"

export type { IssuedToken } from "./IssuedToken.ts"
export type { MetadataForm } from "./MetadataForm.ts"
export type { Grant, Granted } from "./TokenGrant.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The issuer identifier, as in `https://auth.example.com` or `https://auth.example.com/tenant`. */
  readonly issuer: string
  readonly clients: ReadonlyArray<Client>
  /**
   * How long tokens live. `expires_in` of the answer is the number of whole seconds.
   *
   * @default 1 hour
   */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /**
   * `scopes_supported` of the metadata, and what a client without `scopes` may ask for.
   *
   * @default none
   */
  readonly scopesSupported?: ReadonlyArray<string> | undefined
  /**
   * The URL of the token endpoint.
   *
   * @default `{issuer}/token`
   */
  readonly tokenEndpoint?: string | undefined
  /**
   * The methods of client authentication that the server accepts and announces (RFC 8414 §2).
   *
   * @default ["client_secret_basic", "client_secret_post"]
   */
  readonly authMethods?: ReadonlyArray<AuthMethod> | undefined
  /**
   * Members that are added to the metadata. A member of the same name replaces the standard one; `undefined` removes
   * it.
   *
   * @default {}
   */
  readonly metadata?: JsonObject | undefined
  /**
   * The metadata addresses that are served. An empty list serves none.
   *
   * @default all
   */
  readonly metadataAt?: ReadonlyArray<MetadataForm> | undefined
  /**
   * The status with which the other metadata addresses are answered. Cognito answers `400`.
   *
   * @default 404
   */
  readonly metadataNotFound?: number | undefined
  /**
   * How the server treats the `resource` parameter (RFC 8707). `"optional"`: the parameter, if there is one, is the
   * audience of the token. `"required"`: a request without it is refused. `"refused"`: a request with it is answered
   * with
   * `invalid_target`. `"ignored"`: the server does not read it.
   *
   * @default "optional"
   */
  readonly resourceParameter?: "optional" | "required" | "refused" | "ignored" | undefined
  /**
   * The resources for which tokens are issued. Any other resource is answered with `invalid_target`.
   *
   * @default every resource
   */
  readonly resources?: ReadonlyArray<string> | undefined
  /**
   * The audience of a token whose request names no resource.
   *
   * @default none
   */
  readonly defaultResource?: string | undefined
  /**
   * Further grant types by their `grant_type`, or another grant in place of `client_credentials`.
   *
   * @default {}
   */
  readonly grants?: Readonly<Record<string, Grant>> | undefined
  /**
   * Verifies a `client_assertion` (RFC 7523 §2.2) and says which client sent it. `AssertionVerifier` makes one.
   *
   * @default every assertion is refused with `invalid_client`
   */
  readonly verifyClientAssertion?: VerifyClientAssertion | undefined
}

/**
 * An authorization server on a `TestNetwork`, with its handles.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestAuthorizationServer {
  readonly issuer: string
  readonly tokenEndpoint: string
  /** Every token so far, in the order of issue. */
  readonly issued: Effect.Effect<ReadonlyArray<IssuedToken>>
  /** The server's record of a token. `undefined` for a token that the server never issued. */
  readonly find: (token: string | Redacted.Redacted) => Effect.Effect<IssuedToken | undefined>
  /** Revokes one token. A token that was never issued is ignored, as in RFC 7009 §2.2. */
  readonly revoke: (token: string | Redacted.Redacted) => Effect.Effect<void>
  /** Revokes every token issued so far. */
  readonly revokeAll: Effect.Effect<void>
  /** From now on only the new secret is accepted. */
  readonly rotateSecret: (clientId: string, clientSecret: Redacted.Redacted) => Effect.Effect<void>
  /** For the tokens that are issued from now on. */
  readonly setTokenLifetime: (lifetime: Duration.DurationInput) => Effect.Effect<void>
  /** From now on the client may ask for these scopes and no others. */
  readonly setScopes: (clientId: string, scopes: ReadonlyArray<string>) => Effect.Effect<void>
}

/**
 * Puts an authorization server on the network.
 *
 * @example
 * ```ts
 * import { TestAuthorizationServer } from "@effect-mcp-auth/testing"
 * import { Redacted } from "effect"
 *
 * const server = TestAuthorizationServer.make({
 *   issuer: "https://auth.example.com",
 *   clients: [{ clientId: "nightly", clientSecret: Redacted.make("s3cret"), scopes: ["reports:read"] }],
 *   tokenLifetime: "10 minutes"
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TestAuthorizationServer, never, TestNetwork> =>
  Effect.gen(function*() {
    const network = yield* TestNetwork
    const { issuer } = options
    const tokenEndpoint = options.tokenEndpoint ?? `${withoutSlash(issuer)}/token`
    const state: State = {
      clients: new Map(options.clients.map((client) => [client.clientId, client])),
      grants: { client_credentials: clientCredentials, ...options.grants },
      authMethods: options.authMethods ?? ["client_secret_basic", "client_secret_post"],
      tokens: new IssuedTokens(),
      lifetime: Duration.decode(options.tokenLifetime ?? "1 hour")
    }
    yield* network.register(tokenEndpoint, (request) =>
      withoutQuery(request.url) === withoutQuery(tokenEndpoint)
        ? {
          endpoint: "token",
          respond: Effect.catchTag(answerToken(request, state, options), "Refusal", (_) => Effect.succeed(refused(_)))
        }
        : undefined)
    yield* network.register(issuer, metadataHost(state, tokenEndpoint, options))

    const updateClient = (clientId: string, change: Partial<Client>) =>
      Effect.suspend(() => {
        const client = state.clients.get(clientId)
        if (client === undefined) return Effect.dieMessage(`${issuer} has no client ${clientId}`)
        state.clients.set(clientId, { ...client, ...change })
        return Effect.void
      })

    return {
      issuer,
      tokenEndpoint,
      issued: Effect.sync(() => state.tokens.all()),
      find: (token) => Effect.sync(() => state.tokens.find(plain(token))),
      revoke: (token) => Effect.sync(() => state.tokens.revoke(plain(token))),
      revokeAll: Effect.sync(() => state.tokens.revokeAll()),
      rotateSecret: (clientId, clientSecret) => updateClient(clientId, { clientSecret }),
      setScopes: (clientId, scopes) => updateClient(clientId, { scopes }),
      setTokenLifetime: (duration) =>
        Effect.sync(() => {
          state.lifetime = Duration.decode(duration)
        })
    }
  })

interface State {
  readonly clients: Map<string, Client>
  readonly grants: Readonly<Record<string, Grant>>
  readonly authMethods: ReadonlyArray<AuthMethod>
  readonly tokens: IssuedTokens
  lifetime: Duration.Duration
}

const answerToken = (request: NetworkRequest, state: State, options: Options): Effect.Effect<Response, Refusal> =>
  Effect.gen(function*() {
    const { authMethods, clients, grants, tokens } = state
    const tokenRequest = yield* read(request, {
      clients,
      authMethods,
      verifyClientAssertion: options.verifyClientAssertion
    })
    const { client, parameters } = tokenRequest
    const grantType = parameters.get("grant_type")
    if (grantType === undefined) {
      return yield* refuse("invalid_request", "grant_type is missing")
    }
    const grant = Object.hasOwn(grants, grantType) ? grants[grantType] : undefined
    if (grant === undefined) {
      return yield* refuse("unsupported_grant_type", `this server has no ${grantType}`)
    }
    if (client?.grantTypes?.includes(grantType) === false) {
      return yield* refuse("unauthorized_client", `${client.clientId} may not use ${grantType}`)
    }
    const granted = yield* grant(tokenRequest)
    const scopes = granted.tokenScopes ?? (yield* scopesOf(parameters, client, granted, options))
    const resource = granted.resource ?? (yield* resourceOf(parameters, options))
    const value = yield* randomValue
    const issuedAt = yield* Clock.currentTimeMillis
    const seconds = Math.floor(Duration.toSeconds(state.lifetime))
    tokens.add({
      value,
      clientId: client?.clientId,
      subject: granted.subject,
      scopes,
      resource,
      issuedAt,
      expiresAt: issuedAt + seconds * 1000,
      revoked: false
    })
    return jsonResponse({
      access_token: value,
      token_type: "Bearer",
      expires_in: seconds,
      // RFC 6749 §3.3 has no empty scope.
      ...(scopes.length > 0 ? { scope: scopes.join(" ") } : {}),
      ...granted.answer
    }, { headers: noStore })
  })

const metadataHost = (state: State, tokenEndpoint: string, options: Options): Host => {
  const { issuer, metadataAt = MetadataForms.all, metadataNotFound = 404 } = options
  const metadata = {
    issuer,
    token_endpoint: tokenEndpoint,
    grant_types_supported: Object.keys(state.grants),
    token_endpoint_auth_methods_supported: state.authMethods,
    scopes_supported: options.scopesSupported,
    ...options.metadata
  }
  const served = metadataAt.map((form) => MetadataForms.addressOf(issuer, form))
  const addresses = MetadataForms.all.map((form) => MetadataForms.addressOf(issuer, form))
  return (request) =>
    addresses.includes(withoutQuery(request.url))
      ? {
        endpoint: "authorization-server-metadata",
        respond: Effect.sync(() =>
          request.method === "GET" && served.includes(withoutQuery(request.url))
            ? jsonResponse(metadata)
            : new Response("not found", { status: metadataNotFound })
        )
      }
      : undefined
}

/** RFC 6749 §5.1: no cache may keep an answer of the token endpoint. */
const noStore = { "cache-control": "no-store", pragma: "no-cache" }

const refused = (refusal: Refusal): Response =>
  jsonResponse({ error: refusal.error, error_description: refusal.description }, {
    status: refusal.status ?? (refusal.error === "invalid_client" ? 401 : 400),
    headers: {
      ...noStore,
      ...(refusal.error === "invalid_client" ? { "www-authenticate": "Basic realm=\"token endpoint\"" } : {})
    }
  })

const withoutQuery = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

const plain = (token: string | Redacted.Redacted): string => typeof token === "string" ? token : Redacted.value(token)

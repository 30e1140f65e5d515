/**
 * An authorization server in memory: strict where RFC 6749 is, with handles to turn the things that go wrong in
 * production (a rotated secret, a revoked token, a shorter lifetime) by hand.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type { JsonObject } from "./Answer.ts"
import { jsonResponse, withoutSlash, withWellKnown } from "./internal/web.ts"
import type { NetworkRequest, Route } from "./TestNetwork.ts"
import { TestNetwork } from "./TestNetwork.ts"
import type { AuthMethod, Client, Refusal, TokenRequest, VerifyClientAssertion } from "./TokenRequest.ts"
import { read, refuse } from "./TokenRequest.ts"

/**
 * Where an authorization server's metadata can be found. The first two insert the well-known name before the issuer's
 * path (RFC 8414 §3.1), the third appends it (OpenID Connect Discovery 1.0 §4). For an issuer without a path the last
 * two are the same address.
 *
 * @since 0.1.0
 * @category models
 */
export type MetadataForm = "oauth-authorization-server" | "openid-configuration" | "openid-configuration-appended"

/**
 * A token that the server has issued.
 *
 * @since 0.1.0
 * @category models
 */
export interface IssuedToken {
  readonly value: string
  /** The client that asked for it; absent for a grant that names none. */
  readonly clientId: string | undefined
  /** Whom it speaks for: the client, or what the grant says. */
  readonly subject: string
  readonly scopes: ReadonlyArray<string>
  /** The audience (RFC 8707), if the request or the server named one. */
  readonly resource: string | undefined
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** Epoch milliseconds. The token is refused from this instant on. */
  readonly expiresAt: number
  readonly revoked: boolean
}

/**
 * What a grant allows. Scope and resource are then checked in the same way for every grant.
 *
 * @since 0.1.0
 * @category models
 */
export interface Granted {
  readonly subject: string
  /** What may be asked for. What the client may have by default, or `scopesSupported` where there is no client. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The token's scopes, whatever `scope` says: for a grant that has its own way of asking. */
  readonly tokenScopes?: ReadonlyArray<string> | undefined
  /** The token's audience, whatever `resource` says: for a grant that has its own way of asking. */
  readonly resource?: string | undefined
  /** Members to add to the answer, or to put in place of the standard ones. */
  readonly answer?: JsonObject | undefined
}

/**
 * A grant type: decides whether the request may have a token.
 *
 * @since 0.1.0
 * @category models
 */
export type Grant = (request: TokenRequest) => Effect.Effect<Granted, Refusal>

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The issuer identifier, as in `https://auth.example.com` or `https://auth.example.com/tenant`. */
  readonly issuer: string
  readonly clients: ReadonlyArray<Client>
  /** How long tokens live. 1 hour by default; `expires_in` says it in whole seconds. */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  readonly scopesSupported?: ReadonlyArray<string> | undefined
  /** The token endpoint's URL, `{issuer}/token` by default. */
  readonly tokenEndpoint?: string | undefined
  /** Which client authentication the server accepts and announces. Both kinds of secret by default. */
  readonly authMethods?: ReadonlyArray<AuthMethod> | undefined
  /** Members to add to the metadata, or to put in place of the standard ones; `undefined` leaves one out. */
  readonly metadata?: JsonObject | undefined
  /** Which metadata addresses are served. All by default; an empty list serves none. */
  readonly metadataAt?: ReadonlyArray<MetadataForm> | undefined
  /** The status of the other metadata addresses. `404` by default; Cognito answers `400`. */
  readonly metadataNotFound?: number | undefined
  /**
   * What becomes of the `resource` parameter (RFC 8707). `"optional"` (the default) makes it the token's audience if
   * it is there, `"required"` insists on it, `"refused"` answers `invalid_target` to it, `"ignored"` does not read it.
   */
  readonly resourceParameter?: "optional" | "required" | "refused" | "ignored" | undefined
  /** The resources that tokens are issued for; any other is `invalid_target`. Every one by default. */
  readonly resources?: ReadonlyArray<string> | undefined
  /** The audience of a token whose request names no resource. None by default. */
  readonly defaultResource?: string | undefined
  /** More grant types by their `grant_type`, or others in place of `client_credentials`. */
  readonly grants?: Readonly<Record<string, Grant>> | undefined
  /**
   * Verifies a `client_assertion` (RFC 7523 §2.2) and says which client it is. Without it every assertion is
   * `invalid_client`.
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
  /** What the server thinks of a token: `undefined` if it never issued it. */
  readonly find: (token: string | Redacted.Redacted) => Effect.Effect<IssuedToken | undefined>
  /** Revokes one token. One that was never issued is ignored, as in RFC 7009 §2.2. */
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
    const issuer = options.issuer
    const tokenEndpoint = options.tokenEndpoint ?? `${withoutSlash(issuer)}/token`
    const authMethods = options.authMethods ?? ["client_secret_basic", "client_secret_post"]
    const resourceParameter = options.resourceParameter ?? "optional"
    const clients = new Map(options.clients.map((client) => [client.clientId, client]))
    const tokens = new Map<string, IssuedToken>()
    let lifetime = Duration.decode(options.tokenLifetime ?? "1 hour")

    const grants: Readonly<Record<string, Grant>> = { client_credentials: clientCredentials, ...options.grants }

    const metadata = {
      issuer,
      token_endpoint: tokenEndpoint,
      grant_types_supported: Object.keys(grants),
      token_endpoint_auth_methods_supported: authMethods,
      scopes_supported: options.scopesSupported,
      ...options.metadata
    }

    const resourceOf = (parameters: ReadonlyMap<string, string>): Effect.Effect<string | undefined, Refusal> => {
      const resource = resourceParameter === "ignored" ? undefined : parameters.get("resource")
      if (resource === undefined) {
        return resourceParameter === "required"
          ? refuse("invalid_target", "the resource parameter is required (RFC 8707 §2)")
          : Effect.succeed(options.defaultResource)
      }
      if (resourceParameter === "refused") {
        return refuse("invalid_target", "this server takes no resource parameter")
      }
      if (!URL.canParse(resource) || resource.includes("#")) {
        return refuse("invalid_target", "resource must be an absolute URI without a fragment (RFC 8707 §2)")
      }
      return options.resources?.includes(resource) === false
        ? refuse("invalid_target", `no tokens are issued for ${resource}`)
        : Effect.succeed(resource)
    }

    const scopesOf = (
      parameters: ReadonlyMap<string, string>,
      client: Client | undefined,
      granted: Granted
    ): Effect.Effect<ReadonlyArray<string>, Refusal> => {
      const allowed = granted.scopes ?? client?.scopes ?? options.scopesSupported ?? []
      const scope = parameters.get("scope")
      if (scope === undefined) {
        return Effect.succeed((client?.defaultScopes ?? allowed).filter((scope) => allowed.includes(scope)))
      }
      if (!scopeSyntax.test(scope)) {
        return refuse("invalid_scope", "scope must be tokens with one space between them (RFC 6749 §3.3)")
      }
      const asked = [...new Set(scope.split(" "))]
      const excess = asked.filter((scope) => !allowed.includes(scope))
      return excess.length > 0
        ? refuse("invalid_scope", `not allowed for this client: ${excess.join(" ")}`)
        : Effect.succeed(asked)
    }

    const token = (request: NetworkRequest): Effect.Effect<Response, Refusal> =>
      Effect.gen(function*() {
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
        const scopes = granted.tokenScopes ?? (yield* scopesOf(parameters, client, granted))
        const resource = granted.resource ?? (yield* resourceOf(parameters))
        const value = yield* randomToken
        const issuedAt = yield* Clock.currentTimeMillis
        const seconds = Math.floor(Duration.toSeconds(lifetime))
        tokens.set(value, {
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

    yield* network.register(
      tokenEndpoint,
      (request): Route | undefined =>
        withoutQuery(request.url) === withoutQuery(tokenEndpoint)
          ? {
            endpoint: "token",
            respond: Effect.catchTag(token(request), "Refusal", (_) => Effect.succeed(refused(_)))
          }
          : undefined
    )

    const served = (options.metadataAt ?? allForms).map((form) => metadataAddress(issuer, form))
    const addresses = allForms.map((form) => metadataAddress(issuer, form))
    yield* network.register(issuer, (request): Route | undefined =>
      addresses.includes(withoutQuery(request.url))
        ? {
          endpoint: "authorization-server-metadata",
          respond: Effect.sync(() =>
            request.method === "GET" && served.includes(withoutQuery(request.url))
              ? jsonResponse(metadata)
              : new Response("not found", { status: options.metadataNotFound ?? 404 })
          )
        }
        : undefined)

    const update = (token: string, change: Partial<IssuedToken>): void => {
      const known = tokens.get(token)
      if (known !== undefined) {
        tokens.set(token, { ...known, ...change })
      }
    }
    const updateClient = (clientId: string, change: Partial<Client>) =>
      Effect.suspend(() => {
        const client = clients.get(clientId)
        if (client === undefined) {
          return Effect.dieMessage(`${issuer} has no client ${clientId}`)
        }
        clients.set(clientId, { ...client, ...change })
        return Effect.void
      })

    return {
      issuer,
      tokenEndpoint,
      issued: Effect.sync(() => [...tokens.values()]),
      find: (token) => Effect.sync(() => tokens.get(plain(token))),
      revoke: (token) => Effect.sync(() => update(plain(token), { revoked: true })),
      revokeAll: Effect.sync(() => {
        for (const token of tokens.keys()) {
          update(token, { revoked: true })
        }
      }),
      rotateSecret: (clientId, clientSecret) => updateClient(clientId, { clientSecret }),
      setScopes: (clientId, scopes) => updateClient(clientId, { scopes }),
      setTokenLifetime: (duration) =>
        Effect.sync(() => {
          lifetime = Duration.decode(duration)
        })
    }
  })

/** RFC 6749 §4.4: the client speaks for itself, and has to have proven who it is. */
const clientCredentials: Grant = ({ authMethod, client }) =>
  client === undefined
    ? refuse("invalid_client", "no client authentication (RFC 6749 §5.2)")
    : authMethod === "none"
    ? refuse("unauthorized_client", "client_credentials is for confidential clients (RFC 6749 §4.4)")
    : Effect.succeed({ subject: client.clientId })

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

const allForms: ReadonlyArray<MetadataForm> = [
  "oauth-authorization-server",
  "openid-configuration",
  "openid-configuration-appended"
]

const metadataAddress = (issuer: string, form: MetadataForm): string =>
  form === "openid-configuration-appended"
    ? `${new URL(withoutSlash(issuer)).href.replace(/\/$/, "")}/.well-known/openid-configuration`
    : withWellKnown(issuer, form)

const scopeSyntax = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/

const withoutQuery = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

const plain = (token: string | Redacted.Redacted): string => typeof token === "string" ? token : Redacted.value(token)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

const randomToken: Effect.Effect<string> = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, alphabet.length), 40),
  (indices) => indices.map((index) => alphabet.charAt(index)).join("")
)

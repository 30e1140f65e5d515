/**
 * One MCP server and one identity: the service from which everything else gets its token.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as AccessToken from "./AccessToken.ts"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import * as Challenge from "./Challenge.ts"
import { anonymous, type ClientAuthentication } from "./ClientAuthentication.ts"
import * as Discovery from "./Discovery.ts"
import * as DiscoveryCache from "./DiscoveryCache.ts"
import * as Grant from "./Grant.ts"
import { check, nameOf, parse, parseEndpoint } from "./authoring/SecureEndpoint.ts"
import { EventHub } from "./internal/telemetry/eventHub.ts"
import * as Scopes from "./internal/text/scopeList.ts"
import * as Telemetry from "./internal/telemetry/telemetry.ts"
import { type InsecureEndpoint, InvalidOptions, type OAuthError, TokenEndpointError } from "./OAuthError.ts"
import * as OAuthEvent from "./OAuthEvent.ts"
import * as ProtectedResource from "./ProtectedResource.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import * as TokenEndpoint from "./TokenEndpoint.ts"
import * as TokenLifecycle from "./internal/lifecycle/tokenLifecycle.ts"
import { type TokenKey, TokenStorage } from "./TokenStorage.ts"

/**
 * @since 0.1.0
 * @category tags
 */
export class OAuthProvider
  extends Context.Tag("@effect-mcp-auth/core/OAuthProvider")<OAuthProvider, OAuthProvider.Service>()
{}

/**
 * @since 0.1.0
 */
export declare namespace OAuthProvider {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** The server's canonical identifier (RFC 8707 §2). Tokens go to its origin and nowhere else. */
    readonly resource: string
    /** A token that can be sent now: from memory in the steady state, else from the one request that is under way. */
    readonly accessToken: Effect.Effect<AccessToken.AccessToken, OAuthError>
    /**
     * A token in place of one that the server answered 401 or 403 to, by its challenge. If it has been replaced
     * meanwhile, that is the answer; if nothing is to be gained by asking, the answer is the rejected token itself.
     */
    readonly renew: (
      rejected: AccessToken.AccessToken,
      challenge?: Challenge.Challenge
    ) => Effect.Effect<AccessToken.AccessToken, OAuthError>
    /** What happens from the moment of subscription on; slow readers lose the oldest. */
    readonly events: Stream.Stream<OAuthEvent.OAuthEvent>
    /** The token in memory, if it can be sent as it is; for callers that have no fiber. */
    readonly unsafeFresh: () => AccessToken.AccessToken | undefined
  }

  /**
   * What every kind of provider can be told.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /** The MCP server: https, or http on a loopback host. */
    readonly serverUrl: string | URL
    /**
     * The authorization server's issuer identifier, or `discover` to trust the server to name it. Credentials go to the
     * authorization server that is so chosen, and nowhere else.
     */
    readonly issuer: "discover" | (string & {})
    /** The scopes to ask for. Left out: what the server's challenge names, else what its metadata lists, else none. */
    readonly scopes?: ReadonlyArray<string> | undefined
    /**
     * What the `resource` parameter (RFC 8707 §2) says: the server's identifier, as its metadata writes it where there is
     * any (RFC 9728 §2); nothing; or another value. `send` by default.
     */
    readonly resourceParameter?: "send" | "omit" | { readonly value: string } | undefined
    /** Further parameters of the token request, such as Auth0's `audience`. Those of the protocol cannot be replaced. */
    readonly additionalParameters?: Readonly<Record<string, string>> | undefined
    /** The authorization server's metadata (RFC 8414 §2) if it is known: nothing is looked for then. */
    readonly authorizationServerMetadata?: unknown
    /** The token endpoint if that is all that is known: nothing is looked for then. Needs `issuer`. */
    readonly tokenEndpoint?: string | undefined
    /** Whether a 403 that names a scope is answered by asking for it (RFC 6750 §3.1). `true` by default. */
    readonly stepUp?: boolean | undefined
    /** What to do when an unpinned server names another authorization server than before. `refuse` by default. */
    readonly authorizationServerChange?: "refuse" | "follow" | undefined
    /** When tokens are renewed, and how long callers wait. What is left out is as in `RefreshPolicy.standard`. */
    readonly refreshPolicy?: Partial<RefreshPolicy.Options> | undefined
    /** The time limit of each discovery and token request. 10 seconds by default. */
    readonly requestTimeout?: Duration.DurationInput | undefined
    /** The longest answer to a discovery or token request, in bytes. 1 MiB by default. */
    readonly maxResponseSize?: number | undefined
  }
}

/**
 * What a kind of provider adds to the options of its caller.
 *
 * - `subject`: whom the grant speaks for, where that is not the client itself. Tokens are shared through a storage only
 *   between providers of the same one.
 * - `issuerUnnamed`: whether the caller named no issuer, and did not write `discover` either.
 *
 * @since 0.1.0
 * @category models
 */
export interface MakeOptions extends OAuthProvider.Options {
  readonly grant: Grant.Grant
  readonly clientAuthentication: ClientAuthentication
  readonly subject?: string | undefined
  readonly issuerUnnamed?: boolean | undefined
}

/**
 * A provider from a grant and a client authentication, which are all that the kinds of providers differ in. Lives as
 * long as the scope.
 *
 * Wrong options fail with `InvalidOptions` or `InsecureEndpoint` here, before anything is sent. The `HttpClient` is the
 * plain one: it must neither follow redirects by a middleware nor add credentials of its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: MakeOptions
): Effect.Effect<
  OAuthProvider.Service,
  InvalidOptions | InsecureEndpoint,
  HttpClient.HttpClient | TokenStorage | Scope.Scope
> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const storage = yield* TokenStorage
    const server = yield* ProtectedResource.fromServerUrl(options.serverUrl)
    const authorizationServer = yield* givenAuthorizationServer(options)
    yield* validate(options)
    const limits = yield* TokenEndpoint.limits(options)

    const events = new EventHub<OAuthEvent.OAuthEvent>()
    yield* Effect.addFinalizer(() => events.shutdown())
    const telemetry = yield* Telemetry.make({
      resource: nameOf(server.url),
      clientId: options.clientAuthentication.clientId,
      events
    })
    const policy = RefreshPolicy.make(options.refreshPolicy)
    const discovery = Discovery.make({
      cache: yield* DiscoveryCache.makeDefault,
      client,
      server,
      issuer: options.issuer,
      authorizationServer,
      follow: options.authorizationServerChange === "follow",
      onChange: (from, to) => telemetry.publish(OAuthEvent.AuthorizationServerChanged({ from, to })),
      limits
    })

    let unreachable = 0
    /** A refresh token that was refused is not presented again. */
    let refused: Redacted.Redacted<string> | undefined
    const obtain = (demand: TokenLifecycle.Demand) =>
      Effect.gen(function*() {
        const { challenge, reason, rejected, wanted } = demand
        const found = reason === "Rejected" && rejected !== undefined
          ? yield* discovery.reread(challenge, rejected.issuer)
          : yield* discovery.get
        const request = (grant: Grant.Grant) =>
          TokenEndpoint.request(client, {
            authorizationServer: found.authorizationServer,
            grant,
            clientAuthentication: options.clientAuthentication,
            resource: server.resource,
            issuerUnnamed: options.issuerUnnamed,
            resourceParameter: resourceParameter(
              options,
              found.protectedResource?.metadata.resource ?? server.resource
            ),
            scopes: Scopes.union(baseScopes(options, found, challenge), wanted),
            additionalParameters: options.additionalParameters,
            defaultLifetime: Duration.toMillis(policy.defaultLifetime),
            limits
          }).pipe(telemetry.request(grant.type, reason, found.authorizationServer))
        // Nor to anybody but who issued it: a storage may remember another authorization server.
        const isTheirs = demand.refreshTokenIssuer === undefined ||
          AuthorizationServer.isSameIssuer(demand.refreshTokenIssuer, found.authorizationServer.issuer)
        const refreshToken = isTheirs && !isSameSecret(demand.refreshToken, refused) ? demand.refreshToken : undefined
        return yield* refreshOrRequest(options.grant, { ...demand, refreshToken }, request, () => {
          refused = refreshToken
        }).pipe(
          Effect.tap(() => Effect.sync(() => unreachable = 0)),
          // It may have moved.
          Effect.tapErrorTag("TokenEndpointError", ({ reason, status }) => {
            unreachable = reason === "Unavailable" && status === undefined ? unreachable + 1 : 0
            if (reason !== "InvalidResponse" && unreachable < 3) return Effect.void
            unreachable = 0
            return discovery.forgetAuthorizationServer
          })
        )
      })

    const lifecycle = yield* TokenLifecycle.make({
      key: keyOf(options, server.resource),
      storage,
      policy,
      stepUp: options.stepUp ?? true,
      obtain,
      telemetry
    })
    return { resource: server.resource, events: Stream.suspend(() => events.subscribe()), ...lifecycle }
  })

const isSameSecret = (a: Redacted.Redacted<string> | undefined, b: Redacted.Redacted<string> | undefined): boolean =>
  a !== undefined && b !== undefined && Redacted.value(a) === Redacted.value(b)

/**
 * By the refresh token, if the last token came with one (RFC 6749 §6): what the grant presents may be gone by now. If it
 * is refused the grant follows, once. It cannot widen the scope, so a step-up needs the grant.
 */
const refreshOrRequest = <E>(
  grant: Grant.Grant,
  { reason, refreshToken }: TokenLifecycle.Demand,
  request: (grant: Grant.Grant) => Effect.Effect<AccessToken.AccessToken, TokenEndpointError | E>,
  onRefused: () => void
): Effect.Effect<AccessToken.AccessToken, TokenEndpointError | E> => {
  if (grant.refreshable !== true || refreshToken === undefined || reason === "StepUp") return request(grant)
  return request(Grant.refreshToken(refreshToken)).pipe(
    Effect.map((token) => token.refreshToken === undefined ? AccessToken.copy(token, { refreshToken }) : token),
    Effect.catchIf(
      (error) => error instanceof TokenEndpointError && error.code === "invalid_grant",
      () => {
        onRefused()
        return request(grant)
      }
    )
  )
}

/** RFC 6749 §3.3 leaves the choice to the client; MCP authorization, "Scope Selection Strategy", orders it. */
const baseScopes = (
  options: OAuthProvider.Options,
  found: Discovery.Discovered,
  challenge: Challenge.Challenge | undefined
): ReadonlyArray<string> => {
  if (options.scopes !== undefined) return options.scopes
  for (const candidate of [challenge, found.challenge]) {
    const required = candidate === undefined ? [] : Challenge.requiredScopes(candidate)
    if (required.length > 0) return required
  }
  return found.protectedResource?.scopesSupported.filter(Scopes.isScope) ?? []
}

const resourceParameter = (options: OAuthProvider.Options, resource: string): string | undefined => {
  const choice = options.resourceParameter ?? "send"
  if (choice === "send") return resource
  return choice === "omit" ? undefined : choice.value
}

const keyOf = (
  options: MakeOptions,
  resource: string
): TokenKey => ({
  issuer: options.issuer,
  clientId: options.clientAuthentication.clientId,
  authenticationMethod: options.clientAuthentication.method,
  grantType: options.grant.type,
  resource,
  subject: options.subject ?? "",
  scopes: options.scopes ?? [],
  parameters: [
    ...Object.entries(options.additionalParameters ?? {}),
    ["resource", resourceParameter(options, resource) ?? ""]
  ]
})

const invalid = (option: string, description: string) => Either.left(new InvalidOptions({ option, description }))

/** What was written, but for its credentials. */
const shown = (written: string): string => {
  const url = parse(written)
  return `"${url === undefined ? written : nameOf(url)}"`
}

const validate = (options: OAuthProvider.Options & { readonly clientAuthentication: ClientAuthentication }) =>
  Either.gen(function*() {
    if (options.clientAuthentication.clientId === "" && options.clientAuthentication !== anonymous) {
      yield* invalid("clientId", "it is empty. Give the client id.")
    }
    if (options.issuer !== "discover") {
      const issuer = AuthorizationServer.parseIssuer(options.issuer)
      if (issuer === undefined) {
        return yield* invalid(
          "issuer",
          `${
            shown(options.issuer)
          } is neither "discover" nor a URL without query, fragment and user name or password ` +
            `(RFC 8414 §2). Write it as the authorization server does, as in https://auth.example.com.`
        )
      }
      yield* check(issuer, "issuer")
    }
    for (const scope of options.scopes ?? []) {
      if (!Scopes.isScope(scope)) {
        yield* invalid("scopes", `"${scope}" is no scope (RFC 6749 §3.3): give each scope by itself, without spaces.`)
      }
    }
    for (const name of Object.keys(options.additionalParameters ?? {})) {
      if (TokenEndpoint.reservedParameters.has(name)) {
        yield* invalid("additionalParameters", `"${name}" is set by the protocol. Use the option that stands for it.`)
      }
    }
  })

/** What the caller knows of the authorization server, checked like what is found. */
const givenAuthorizationServer = (
  { authorizationServerMetadata: metadata, issuer, tokenEndpoint }: OAuthProvider.Options
): Either.Either<AuthorizationServer.AuthorizationServer | undefined, InvalidOptions | InsecureEndpoint> => {
  if (metadata !== undefined) {
    return Schema.decodeUnknownEither(AuthorizationServer.Metadata)(metadata).pipe(
      Either.flatMap((document) =>
        AuthorizationServer.fromMetadata(document, issuer === "discover" ? document.issuer : issuer)
      ),
      Either.mapLeft((error) =>
        error._tag === "InsecureEndpoint"
          ? error
          : new InvalidOptions({ option: "authorizationServerMetadata", description: error.message })
      )
    )
  }
  if (tokenEndpoint === undefined) return Either.right(undefined)
  const url = parseEndpoint(tokenEndpoint)
  if (url === undefined) {
    return invalid(
      "tokenEndpoint",
      `${shown(tokenEndpoint)} is not a URL without fragment and user name or password (RFC 6749 §3.2). Write it whole.`
    )
  }
  return issuer === "discover"
    ? invalid("tokenEndpoint", "it says nothing about the issuer. Set `issuer` as well.")
    : AuthorizationServer.fromTokenEndpoint(issuer, url)
}

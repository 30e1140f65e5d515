/**
 * The ID-JAG of enterprise-managed authorization (SEP-990): the enterprise's identity provider exchanges a token of the
 * user's for an assertion to the MCP server's authorization server (RFC 8693), which is what `JwtBearer` then presents.
 *
 * @since 0.1.0
 */
import type * as Assertion from "@effect-mcp-auth/core/Assertion"
import * as AssertionProvider from "@effect-mcp-auth/core/AssertionProvider"
import * as AuthorizationServer from "@effect-mcp-auth/core/AuthorizationServer"
import type { ClientAuthentication } from "@effect-mcp-auth/core/ClientAuthentication"
import {
  AssertionError,
  InsecureEndpoint,
  InvalidOptions,
  isTransient,
  type OAuthError,
  TokenEndpointError
} from "@effect-mcp-auth/core/OAuthError"
import * as RefreshPolicy from "@effect-mcp-auth/core/RefreshPolicy"
import * as TokenEndpoint from "@effect-mcp-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Memory from "./internal/memory.ts"
import { accept, ID_JAG, resourceOf, TOKEN_TYPE } from "./internal/response.ts"

/**
 * What the subject token is (RFC 8693 §3).
 *
 * @since 0.1.0
 * @category models
 */
export type SubjectTokenType = "id_token" | "saml2" | "access_token"

/**
 * The identity provider: by its issuer identifier, whose metadata is looked for (RFC 8414) unless the token endpoint is
 * named as well, or by its token endpoint alone.
 *
 * @since 0.1.0
 * @category models
 */
export type IdentityProvider =
  | { readonly issuer: string; readonly tokenEndpoint?: undefined }
  | { readonly issuer?: string | undefined; readonly tokenEndpoint: string }

/**
 * - `clientAuthentication`: how the client proves to the identity provider who it is. The authorization server knows the
 *   same client by another name and another proof, which `JwtBearer` is told.
 * - `subjectToken`: what says who the user is, asked for anew for every exchange.
 * - `subjectTokenType`: what it is. `id_token` by default.
 * - `requestTimeout`: the time limit of each request to the identity provider. 10 seconds by default.
 * - `maxResponseSize`: the longest answer, in bytes. 1 MiB by default.
 * - `reuse`: whether an ID-JAG with a `jti` may be presented again, until it expires, as
 *   draft-ietf-oauth-identity-assertion-authz-grant lets a client do. `false` by default: an authorization server may take
 *   each `jti` once (RFC 7523 §3), and it is not to be known which one does.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = IdentityProvider & {
  readonly clientAuthentication: ClientAuthentication
  readonly subjectToken: Effect.Effect<Redacted.Redacted<string>, AssertionError>
  readonly subjectTokenType?: SubjectTokenType | undefined
  readonly requestTimeout?: Duration.DurationInput | undefined
  readonly maxResponseSize?: number | undefined
  readonly reuse?: boolean | undefined
}

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
/** How many exchanges there are at once of what is good for one request each. */
const MAX_PARALLEL = 16

/**
 * A provider of ID-JAGs, for as long as the scope lasts. Each is for one authorization server, resource and set of
 * scopes, is remembered until shortly before it expires, and is given out for no other. However many callers want the
 * same one, it is asked for once.
 *
 * What is given out counts as presented: when a connection breaks, the authorization server may have got it. One with a
 * `jti` is therefore given out once, unless `reuse` says otherwise: only what no caller has waited for is remembered of
 * them, and of many callers each gets its own, by up to 16 exchanges at a time. One without is remembered until it expires
 * or is refused.
 *
 * It fails with `AssertionError`: `Refused` where the identity provider says no, which is final, `Unavailable` where it
 * cannot be reached, `WrongAudience` where it is asked for an audience other than the issuer (SEP-990). A subject token
 * that the identity provider refused as `invalid_grant` is not shown to it again for the same authorization server,
 * resource and scopes; for others it may be, since it may be the user who was refused them.
 *
 * The `HttpClient` is the plain one: it must neither follow redirects by a middleware nor add credentials of its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<
  AssertionProvider.AssertionProvider.Service,
  InvalidOptions | InsecureEndpoint,
  HttpClient.HttpClient | Scope.Scope
> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const limits = yield* TokenEndpoint.limits(options)
    const given = yield* givenIdentityProvider(options)
    // An exchange is the provider's, not its first caller's: it must not end with that caller or inherit from it.
    const exchanges = yield* FiberMap.make<string, Memory.Issued, AssertionError>()
    const fork = yield* FiberMap.runtime(exchanges)()
    let closed = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
      })
    )

    const remembered = Memory.makeRemembered()
    const refusals = Memory.makeRefusals()
    const parallel = yield* Effect.makeSemaphore(MAX_PARALLEL)
    /** Whether the identity provider gave one with a `jti` when it last answered. */
    let singleUse = false
    let exchanged = 0
    let discovered: AuthorizationServer.AuthorizationServer | undefined

    const find = typeof given === "string"
      ? AuthorizationServer.discover(client, given, { limits }).pipe(
        Effect.tap((found) => Effect.sync(() => discovered = found))
      )
      : Effect.succeed(given)
    const identityProvider = Effect.suspend(() => discovered === undefined ? find : Effect.succeed(discovered))

    const ask = (
      request: Assertion.AssertionRequest,
      subjectToken: Redacted.Redacted<string>
    ) =>
      Effect.flatMap(identityProvider, (authorizationServer) => {
        const { issuer, scopes } = request
        const resource = resourceOf(request)
        return TokenEndpoint.send(client, {
          authorizationServer,
          resource: request.resource,
          resourceParameter: resource,
          scopes,
          clientAuthentication: options.clientAuthentication,
          form: {
            grant_type: GRANT_TYPE,
            requested_token_type: ID_JAG,
            audience: issuer,
            resource,
            ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
            subject_token: subjectToken,
            subject_token_type: `${TOKEN_TYPE}${options.subjectTokenType ?? "id_token"}`
          },
          limits
        })
      })

    const refuse = (key: string, subjectToken: Redacted.Redacted<string>, cause: OAuthError) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        // It may have moved.
        if (!(cause instanceof TokenEndpointError) || cause.code === undefined) discovered = undefined
        const error = failed(cause)
        if (cause instanceof TokenEndpointError && cause.code === "invalid_grant" && !error.transient) {
          refusals.addFinal(key, { error, subjectToken })
        }
        const until = now + RefreshPolicy.memory(RefreshPolicy.standard, cause)
        refusals.add(key, { error, subjectToken, until }, now)
        return error
      })

    const exchange = (key: string, request: Assertion.AssertionRequest) =>
      Effect.gen(function*() {
        const subjectToken = yield* options.subjectToken
        const refusal = refusals.find(key, subjectToken, yield* Clock.currentTimeMillis)
        if (refusal !== undefined) return yield* refusal
        const reply = yield* Effect.catchAll(
          ask(request, subjectToken),
          (cause) => refuse(key, subjectToken, cause)
        )
        const issued = yield* accept(reply, request, options.reuse ?? false)
        remembered.add(key, issued, reply.receivedAt)
        return issued
      }).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            singleUse = Exit.isSuccess(exit) && exit.value.once
          })
        )
      )

    /** By its name, which is what it is for, or another where it is not shared. */
    const run = (name: string, key: string, request: Assertion.AssertionRequest) =>
      Effect.suspend(() => {
        // Nor from a region of the provider's maker that cannot be interrupted, or time limits would have no effect.
        const start = () => fork(name, Effect.interruptible(exchange(key, request)))
        return Fiber.await(Option.getOrElse(FiberMap.unsafeGet(exchanges, name), start))
      }).pipe(
        Effect.flatMap((exit) => Exit.isInterrupted(exit) ? closed ? isClosed : wasInterrupted : exit)
      )

    /** None if another exchange has failed meanwhile: then one answers for all that wait. */
    const runAlone = (key: string, request: Assertion.AssertionRequest) =>
      parallel.withPermits(1)(
        Effect.suspend(() => singleUse ? Effect.asSome(run(`${key} ${++exchanged}`, key, request)) : Effect.succeedNone)
      )

    /** In one step, so that of two callers one starts the exchange and the other finds it. */
    const join = (
      key: string,
      request: Assertion.AssertionRequest
    ): Effect.Effect<Redacted.Redacted<string>, AssertionError> =>
      Effect.suspend(() => singleUse ? runAlone(key, request) : Effect.asSome(run(key, key, request))).pipe(
        Effect.flatMap((issued) =>
          // Another caller's: this one needs its own.
          Option.isSome(issued) && remembered.take(key, issued.value)
            ? Effect.succeed(issued.value.idJag)
            : join(key, request)
        )
      )

    return (request) =>
      Effect.gen(function*() {
        if (request.audience !== request.issuer) return yield* wrongAudience(request)
        const key = keyOf(request)
        remembered.forget(request.refused)
        const now = yield* Clock.currentTimeMillis
        const issued = remembered.get(key)
        if (issued === undefined || now < issued.issuedAt) return yield* join(key, request)
        if (now < issued.freshUntil && remembered.take(key, issued)) return issued.idJag
        // Near its end; if there is no other, it is good until then.
        return yield* Effect.catchIf(join(key, request), ({ transient }) => transient, (error) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            now < issued.expiresAt && remembered.take(key, issued) ? Effect.succeed(issued.idJag) : error))
      })
  })

/**
 * `make` as what `JwtBearer` takes its assertions from.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { ClientAuthentication, TokenStorage } from "@effect-mcp-auth/core"
 * import { IdJag, JwtBearer } from "@effect-mcp-auth/jwt-bearer"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const Auth = JwtBearer.layer({
 *   serverUrl: "https://mcp.example.com/mcp",
 *   issuer: "https://auth.example.com",
 *   clientAuthentication: ClientAuthentication.clientSecretBasic({
 *     clientId: "assistant",
 *     clientSecret: Redacted.make("...")
 *   })
 * }).pipe(
 *   Layer.provide(IdJag.layer({
 *     issuer: "https://idp.example.com",
 *     clientAuthentication: ClientAuthentication.clientSecretBasic({
 *       clientId: "assistant-at-the-idp",
 *       clientSecret: Redacted.make("...")
 *     }),
 *     subjectToken: Effect.succeed(Redacted.make("eyJ..."))
 *   })),
 *   Layer.provide(TokenStorage.layerMemory)
 * )
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<
  AssertionProvider.AssertionProvider,
  InvalidOptions | InsecureEndpoint,
  HttpClient.HttpClient
> => Layer.scoped(AssertionProvider.AssertionProvider, make(options))

/**
 * `layer` with options from `Config`. What is no text or number is given by `Config.succeed`, as the Effect
 * `subjectToken` is.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<
  AssertionProvider.AssertionProvider,
  InvalidOptions | InsecureEndpoint | ConfigError,
  HttpClient.HttpClient
> => Layer.scoped(AssertionProvider.AssertionProvider, Effect.flatMap(Config.unwrap(options), make))

/** The issuer whose metadata has to be looked for, or all that is needed of it. */
const givenIdentityProvider = (
  options: IdentityProvider
): Either.Either<string | AuthorizationServer.AuthorizationServer, InvalidOptions | InsecureEndpoint> => {
  const { tokenEndpoint } = options
  if (tokenEndpoint !== undefined) {
    const url = AuthorizationServer.parseTokenEndpoint(tokenEndpoint)
    return url === undefined
      ? Either.left(notUrl("tokenEndpoint", "fragment"))
      : AuthorizationServer.fromTokenEndpoint(options.issuer ?? tokenEndpoint, url)
  }
  const { issuer } = options
  const url = AuthorizationServer.parseIssuer(issuer)
  return url === undefined
    ? Either.left(notUrl("issuer", "query, fragment"))
    : AuthorizationServer.fromTokenEndpoint(issuer, url).pipe(
      Either.mapBoth({
        onLeft: ({ reason, url }) => new InsecureEndpoint({ reason, endpoint: "issuer", url }),
        onRight: () => issuer
      })
    )
}

const notUrl = (option: string, parts: string): InvalidOptions =>
  new InvalidOptions({
    option,
    description: `it is not a URL without ${parts} and user name or password. Write it as the identity provider does.`
  })

const keyOf = (request: Assertion.AssertionRequest): string =>
  JSON.stringify([request.issuer, resourceOf(request), [...new Set(request.scopes)].toSorted()])

const wrongAudience = ({ audience, issuer }: Assertion.AssertionRequest) =>
  new AssertionError({
    reason: "WrongAudience",
    description: `An ID-JAG is for the issuer ${issuer} (SEP-990), and none was asked for that is for ${audience}. ` +
      "Leave out `audience`."
  })

const isClosed = Effect.suspend(() =>
  new AssertionError({
    reason: "Unavailable",
    description: "The Layer that asks the identity provider for an ID-JAG was closed. Build it again."
  })
)

const wasInterrupted = Effect.suspend(() =>
  new AssertionError({
    reason: "Unavailable",
    description:
      "Asking the identity provider for an ID-JAG was interrupted from within. Check what `subjectToken` and " +
      "`clientAuthentication` run."
  })
)

const failed = (cause: OAuthError): AssertionError =>
  cause instanceof AssertionError ? cause : new AssertionError({
    reason: isTransient(cause) ? "Unavailable" : "Refused",
    description: `The identity provider gave no ID-JAG. ${cause.message}`,
    cause
  })

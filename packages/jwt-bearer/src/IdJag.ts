/**
 * The ID-JAG of enterprise-managed authorization (SEP-990): the enterprise's identity provider exchanges a token of the
 * user's for an assertion to the MCP server's authorization server (RFC 8693), and `JwtBearer` presents that assertion.
 *
 * @since 0.1.0
 */
import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import * as AssertionCache from "@effect-mcp-auth/core/authoring/AssertionCache"
import * as ConfigOptions from "@effect-mcp-auth/core/authoring/ConfigOptions"
import * as OwnedFibers from "@effect-mcp-auth/core/authoring/OwnedFibers"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import { AssertionError, type InsecureEndpoint, InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as TokenEndpoint from "@effect-mcp-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as IdentityProviders from "./internal/identityProvider.ts"
import { Refusals } from "./internal/refusals.ts"
import { accept, check, foreign, isForeign, refreshTokenIn, resourceOf } from "./internal/response.ts"
import { SubjectToken } from "./internal/subjectToken.ts"
import { Turns } from "./internal/turns.ts"

/**
 * The kind of the subject token (RFC 8693 §3).
 *
 * @since 0.1.0
 * @category models
 */
export type SubjectTokenType = "id_token" | "saml2" | "access_token" | "refresh_token"

/**
 * The identity provider, by its issuer identifier, by its token endpoint, or by both.
 *
 * @since 0.1.0
 * @category models
 */
export type IdentityProvider =
  | {
    /** The issuer identifier of the identity provider. Its metadata names the token endpoint (RFC 8414). */
    readonly issuer: string
    readonly tokenEndpoint?: undefined
  }
  | {
    /**
     * The issuer identifier of the identity provider, which is the audience of a client assertion.
     *
     * @default `tokenEndpoint`
     */
    readonly issuer?: string | undefined
    /** The token endpoint of the identity provider. No metadata is looked up. */
    readonly tokenEndpoint: string
  }

/**
 * @since 0.1.0
 * @category models
 */
export type Options = IdentityProvider & TokenEndpoint.LimitOptions & {
  /**
   * How the client proves its identity to the identity provider. The authorization server knows the same client by
   * another id and another proof, which are options of `JwtBearer`.
   */
  readonly clientAuthentication: ClientAuthentication.ClientAuthentication
  /** Returns the token that says who the user is. Every exchange runs this Effect anew. */
  readonly subjectToken: Effect.Effect<Redacted.Redacted<string>, AssertionError>
  /**
   * The kind of `subjectToken` (RFC 8693 §3). With `"refresh_token"`, exchanges are made one after the other, and a
   * refresh token in the answer is presented in place of the one in `subjectToken` from then on.
   *
   * @default "id_token"
   */
  readonly subjectTokenType?: SubjectTokenType | undefined
  /**
   * Called with a refresh token that the identity provider has issued in place of `subjectToken`, so that the program
   * can store it. The old refresh token may be invalid from now on.
   *
   * @default the new refresh token is in memory only
   */
  readonly onRefreshToken?: ((token: Redacted.Redacted<string>) => Effect.Effect<void>) | undefined
  /**
   * Whether an ID-JAG with a `jti` may be presented again until it expires, as
   * draft-ietf-oauth-identity-assertion-authz-grant permits. Set `true` only for an authorization server that is known
   * to accept it: an authorization server may accept each `jti` only once (RFC 7523 §3).
   *
   * @default false
   */
  readonly reuse?: boolean | undefined
}

/**
 * A provider of ID-JAGs, for as long as the scope lasts. Each ID-JAG is for one authorization server, resource and set
 * of scopes, and is returned for no other. It is cached until shortly before it expires, and callers that need the same
 * one share one exchange.
 *
 * A returned ID-JAG counts as presented: when a connection breaks, the authorization server may have received it. An
 * ID-JAG with a `jti` is therefore returned to one caller only, unless `reuse` is set. Many callers then get one each,
 * by up to 16 exchanges at a time; only an ID-JAG whose caller was interrupted is cached. An ID-JAG without a `jti` is
 * cached until it expires or is refused.
 *
 * An ID-JAG that is encrypted to the authorization server (JWE, RFC 7516) is passed on unchanged. The answer of the
 * identity provider determines its lifetime, and it counts as one with a `jti`. It is sent only to an authorization
 * server that the caller has named in `issuer`, or has left to the MCP server by `discover`.
 *
 * The provider fails with `AssertionError`: `Refused` where the identity provider refuses, which is final;
 * `Unavailable` where it cannot be reached; `WrongAudience` where the requested audience is not the issuer (SEP-990).
 * After
 * `invalid_grant`, the provider does not send that subject token again for the same authorization server, resource and
 * scopes. For others it may, because the refusal may be about what the user may access.
 *
 * The `HttpClient` must be the plain one, which neither follows redirects by a middleware nor adds credentials.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<
  AssertionProvider.Service,
  InvalidOptions | InsecureEndpoint,
  HttpClient.HttpClient | Scope.Scope
> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    const subjectTokenType = yield* checkOptions(options)
    const limits = yield* TokenEndpoint.limits(options)
    const exchange = IdentityProviders.make(yield* HttpClient.HttpClient, {
      ...options,
      subjectTokenType,
      limits,
      location: yield* IdentityProviders.locationOf(options, limits)
    })
    const refusals = new Refusals()
    const subject = new SubjectToken(options.subjectToken, subjectTokenType)
    /** How many answers in a row were a success without a token. */
    let foreignAnswers = 0

    const fetchOne = (request: AssertionRequest) =>
      Effect.gen(function*() {
        const key = keyOf(request)
        const subjectToken = yield* subject.get
        const refusal = refusals.find(key, subjectToken, yield* Clock.currentTimeMillis)
        if (refusal !== undefined) return yield* refusal
        const reply = yield* Effect.catchAll(
          exchange(request, subjectToken),
          (cause) => Effect.flatMap(Clock.currentTimeMillis, (now) => refusals.add(key, subjectToken, cause, now))
        )
        foreignAnswers = isForeign(reply) ? foreignAnswers + 1 : 0
        // A proxy's page or an empty answer may be gone at the next attempt.
        if (foreignAnswers === 1) return yield* foreign(reply)
        const refreshToken = subjectTokenType === "refresh_token" ? refreshTokenIn(reply) : undefined
        if (refreshToken !== undefined) {
          subject.replace(refreshToken)
          yield* (options.onRefreshToken?.(refreshToken) ?? Effect.void)
        }
        return yield* accept(reply, request, options.reuse ?? false)
      })
    // An identity provider that sees a refresh token twice may take it for stolen, and revoke it (RFC 9700 §4.14.2).
    const turns = new Turns()
    const fetch = (request: AssertionRequest) =>
      subjectTokenType === "refresh_token" ? turns.run(fetchOne(request)) : fetchOne(request)

    const cached = AssertionCache.make({
      keyOf,
      fetch,
      check: (issued, _, now) => check(issued, now),
      // A final refusal may be about the user. An older ID-JAG must not get a token for that user.
      canUseOldAfter: ({ transient }) => transient,
      owner: { fibers: yield* OwnedFibers.make(), onClosed, onInterrupted }
    })
    return (request) => request.audience === request.issuer ? cached(request) : wrongAudience(request)
  })

/**
 * `make` as the `AssertionProvider` of `JwtBearer`.
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
  AssertionProvider,
  InvalidOptions | InsecureEndpoint,
  HttpClient.HttpClient
> => Layer.scoped(AssertionProvider, make(options))

/**
 * `layer` with options from `Config`. Give an option that is neither text nor number by `Config.succeed`, for example
 * the Effect `subjectToken`.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { ClientAuthentication } from "@effect-mcp-auth/core"
 * import { IdJag } from "@effect-mcp-auth/jwt-bearer"
 * import { Config, Effect, Redacted } from "effect"
 *
 * const Assertions = IdJag.layerConfig({
 *   issuer: Config.string("IDP_ISSUER"),
 *   clientAuthentication: Config.map(Config.redacted("IDP_CLIENT_SECRET"), (clientSecret) =>
 *     ClientAuthentication.clientSecretBasic({ clientId: "assistant-at-the-idp", clientSecret })),
 *   subjectToken: Config.succeed(Effect.succeed(Redacted.make("eyJ...")))
 * })
 * ```
 */
export const layerConfig = (
  options: ConfigOptions.ConfigOptions<Options>
): Layer.Layer<
  AssertionProvider,
  InvalidOptions | InsecureEndpoint | ConfigError,
  HttpClient.HttpClient
> => Layer.scoped(AssertionProvider, Effect.flatMap(ConfigOptions.read<Options>(options), make))

/**
 * Checks the options besides the limits and the identity provider. They may come from JavaScript, which no compiler has
 * checked.
 */
const checkOptions = (options: Options): Effect.Effect<SubjectTokenType, InvalidOptions> =>
  Effect.gen(function*() {
    yield* ClientAuthentication.check(options.clientAuthentication)
    if (!Effect.isEffect(options.subjectToken)) {
      return yield* new InvalidOptions({
        option: "subjectToken",
        description: `it is ${TextOption.kindOf(options.subjectToken)}, and not an Effect. Write \`Effect.succeed\` ` +
          "around a `Redacted` token, or give the Effect that gets it."
      })
    }
    const onRefreshToken: unknown = options.onRefreshToken
    if (onRefreshToken !== undefined && typeof onRefreshToken !== "function") {
      return yield* new InvalidOptions({
        option: "onRefreshToken",
        description: `it is ${TextOption.kindOf(onRefreshToken)}. Give a function that returns an Effect.`
      })
    }
    return yield* TextOption.checkOneOf("subjectTokenType", options.subjectTokenType ?? "id_token", [
      "id_token",
      "saml2",
      "access_token",
      "refresh_token"
    ])
  })

const keyOf = (request: AssertionRequest): string =>
  JSON.stringify([request.issuer, resourceOf(request), [...new Set(request.scopes)].toSorted()])

const wrongAudience = ({ audience, issuer }: AssertionRequest) =>
  new AssertionError({
    reason: "WrongAudience",
    description: `An ID-JAG is always for the issuer ${issuer} (SEP-990), so none was requested for ${audience}. ` +
      "Leave out `audience`."
  })

const onClosed = () =>
  new AssertionError({
    reason: "Unavailable",
    description: "The Layer that asks the identity provider for an ID-JAG was closed. Build it again."
  })

const onInterrupted = () =>
  new AssertionError({
    reason: "Unavailable",
    description:
      "Asking the identity provider for an ID-JAG was interrupted from within. Check what `subjectToken` and " +
      "`clientAuthentication` run."
  })

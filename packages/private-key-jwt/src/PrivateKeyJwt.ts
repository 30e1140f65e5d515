/**
 * The client credentials grant with a JWT in place of a secret (RFC 7523 §2.2). The client signs the JWT with its own
 * key, or its platform supplies it.
 *
 * @since 0.1.0
 */
import type { Audience } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import * as ConfigOptions from "@effect-mcp-auth/core/authoring/ConfigOptions"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as Grant from "@effect-mcp-auth/core/Grant"
import type { InsecureEndpoint, InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as OAuthProvider from "@effect-mcp-auth/core/OAuthProvider"
import type { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<OAuthProvider.OAuthProvider.Options, "issuer"> {
  /**
   * The issuer identifier of the authorization server that may receive the assertion. With `discover` the MCP server
   * names it, so whoever controls the MCP server at the first token request can choose who receives the assertion.
   *
   * You may leave `issuer` out if the audience of the assertion is the authorization server that receives it, because
   * that server cannot use the assertion elsewhere. For an assertion with a fixed audience, or an opaque one, name the
   * issuer or write `discover`.
   *
   * @default the authorization server that the MCP server names, for an assertion that is bound to it
   */
  readonly issuer?: OAuthProvider.OAuthProvider.Options["issuer"] | undefined
  /** The id under which the authorization server knows this client. */
  readonly clientId: string
  /**
   * The audience of the assertion. Okta and Entra ID require the token endpoint. With `"token_endpoint"`, an endpoint
   * that is not on the issuer's own origin has to be given by the caller, and not by metadata alone.
   *
   * @default "issuer"
   */
  readonly audience?: Audience | undefined
  /**
   * Whether `client_id` is in the body too, as Entra ID requires.
   *
   * @default "omit"
   */
  readonly clientIdParameter?: "omit" | "send" | undefined
}

/**
 * The client's proof alone, with an assertion of its own, for use with other grants.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientAuthentication: (
  options: Pick<Options, "clientId" | "audience" | "clientIdParameter"> & {
    readonly assertionProvider: AssertionProvider.Service
  }
) => ClientAuthentication.ClientAuthentication = ClientAuthentication.privateKeyJwt

/**
 * A provider for one server and one client, for as long as the scope lasts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<
  OAuthProvider.OAuthProvider.Service,
  InvalidOptions | InsecureEndpoint,
  AssertionProvider | TokenStorage | HttpClient.HttpClient | Scope.Scope
> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    const assertionProvider = yield* AssertionProvider
    return yield* OAuthProvider.make({
      ...options,
      ...yield* ClientAuthentication.issuerOf(options),
      grant: Grant.clientCredentials,
      clientAuthentication: clientAuthentication({ ...options, assertionProvider })
    })
  })

/**
 * A provider for one server and one client. The `AssertionProvider` supplies the JWT.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
 * import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
 * import { Layer, Redacted } from "effect"
 *
 * const Auth = PrivateKeyJwt.layer({
 *   serverUrl: "https://mcp.example.com/mcp",
 *   clientId: "nightly-report"
 * }).pipe(
 *   Layer.provide(AssertionProvider.layerSigned({
 *     issuer: "nightly-report",
 *     signingKey: Redacted.make("-----BEGIN PRIVATE KEY-----..."),
 *     signingAlgorithm: "ES256"
 *   })),
 *   Layer.provide(TokenStorage.layerMemory)
 * )
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<
  OAuthProvider.OAuthProvider,
  InvalidOptions | InsecureEndpoint,
  AssertionProvider | TokenStorage | HttpClient.HttpClient
> => Layer.scoped(OAuthProvider.OAuthProvider, make(options))

/**
 * `layer` with options from `Config`.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
 * import { Config } from "effect"
 *
 * const Auth = PrivateKeyJwt.layerConfig({
 *   serverUrl: Config.string("MCP_SERVER_URL"),
 *   clientId: Config.string("MCP_CLIENT_ID")
 * })
 * ```
 */
export const layerConfig = (
  options: ConfigOptions.ConfigOptions<Options>
): Layer.Layer<
  OAuthProvider.OAuthProvider,
  InvalidOptions | InsecureEndpoint | ConfigError,
  AssertionProvider | TokenStorage | HttpClient.HttpClient
> => Layer.scoped(OAuthProvider.OAuthProvider, Effect.flatMap(ConfigOptions.read<Options>(options), make))

/**
 * The client credentials grant with a client id and a secret (RFC 6749 §4.4).
 *
 * @since 0.1.0
 */
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
export interface Options extends OAuthProvider.OAuthProvider.Options {
  /**
   * The reaction of `issuer: "discover"` when the server names another authorization server than before: the provider
   * fails with `IssuerMismatch` and sends no credential. A secret does not follow the server, because its new receiver
   * could use it at the old authorization server.
   *
   * @default "refuse"
   */
  readonly authorizationServerChange?: "refuse" | undefined
  /** The id under which the authorization server knows this client. */
  readonly clientId: string
  /**
   * The secret that the authorization server issued to this client, or an Effect that returns it. The secret is sent to
   * the token endpoint only.
   *
   * The Effect runs at the first token request, and again when the authorization server has refused the secret, because
   * the secret may have been rotated. If it has been, the token request is sent once more, immediately. A failure of the
   * Effect is a `CredentialError`. `Secret.file` of core reads the secret from a file.
   */
  readonly clientSecret: ClientAuthentication.ClientSecret["clientSecret"]
  /**
   * The place of the id and the secret in the request (RFC 6749 §2.3.1): in the `Authorization` header
   * (`client_secret_basic`), in the body (`client_secret_post`), or as the authorization server's metadata says
   * (`discover`).
   *
   * @default "client_secret_basic"
   */
  readonly tokenEndpointAuthMethod?: "client_secret_basic" | "client_secret_post" | "discover" | undefined
}

const authentications = {
  client_secret_basic: ClientAuthentication.clientSecretBasic,
  client_secret_post: ClientAuthentication.clientSecretPost,
  discover: ClientAuthentication.clientSecretDiscover
}

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
  TokenStorage | HttpClient.HttpClient | Scope.Scope
> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    const method = yield* TextOption.checkOneOf(
      "tokenEndpointAuthMethod",
      options.tokenEndpointAuthMethod ?? "client_secret_basic",
      ["client_secret_basic", "client_secret_post", "discover"]
    )
    return yield* OAuthProvider.make({
      ...options,
      grant: Grant.clientCredentials,
      clientAuthentication: authentications[method](options)
    })
  })

/**
 * A provider for one server and one client.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { TokenStorage } from "@effect-mcp-auth/core"
 * import { Layer, Redacted } from "effect"
 *
 * const Auth = ClientSecret.layer({
 *   serverUrl: "https://mcp.example.com/mcp",
 *   issuer: "https://auth.example.com",
 *   clientId: "nightly-report",
 *   clientSecret: Redacted.make("..."),
 *   scopes: ["reports:read"]
 * }).pipe(Layer.provide(TokenStorage.layerMemory))
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<
  OAuthProvider.OAuthProvider,
  InvalidOptions | InsecureEndpoint,
  TokenStorage | HttpClient.HttpClient
> => Layer.scoped(OAuthProvider.OAuthProvider, make(options))

/**
 * `layer` with options from `Config`. Read the secret with `Config.redacted`.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { Config } from "effect"
 *
 * const Auth = ClientSecret.layerConfig({
 *   serverUrl: Config.string("MCP_SERVER_URL"),
 *   issuer: Config.string("MCP_ISSUER"),
 *   clientId: Config.string("MCP_CLIENT_ID"),
 *   clientSecret: Config.redacted("MCP_CLIENT_SECRET"),
 *   scopes: Config.string("MCP_SCOPES")
 * })
 * ```
 */
export const layerConfig = (
  options: ConfigOptions.ConfigOptions<Options>
): Layer.Layer<
  OAuthProvider.OAuthProvider,
  InvalidOptions | InsecureEndpoint | ConfigError,
  TokenStorage | HttpClient.HttpClient
> => Layer.scoped(OAuthProvider.OAuthProvider, Effect.flatMap(ConfigOptions.read<Options>(options), make))

/**
 * The client credentials grant with a client id and a secret (RFC 6749 §4.4).
 *
 * @since 0.1.0
 */
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as Grant from "@effect-mcp-auth/core/Grant"
import type { InsecureEndpoint } from "@effect-mcp-auth/core/OAuthError"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as OAuthProvider from "@effect-mcp-auth/core/OAuthProvider"
import type { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends OAuthProvider.OAuthProvider.Options {
  /** The id under which the authorization server knows this client. */
  readonly clientId: string
  /** The secret that the authorization server issued to this client. The secret is sent to the token endpoint only. */
  readonly clientSecret: Redacted.Redacted<string>
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
  options: Options
): Effect.Effect<
  OAuthProvider.OAuthProvider.Service,
  InvalidOptions | InsecureEndpoint,
  TokenStorage | HttpClient.HttpClient | Scope.Scope
> =>
  Redacted.value(options.clientSecret) === ""
    ? Effect.fail(new InvalidOptions({ option: "clientSecret", description: "it is empty. Give the client's secret." }))
    : OAuthProvider.make({
      ...options,
      grant: Grant.clientCredentials,
      clientAuthentication: authentications[options.tokenEndpointAuthMethod ?? "client_secret_basic"](options)
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
 *   clientSecret: Config.redacted("MCP_CLIENT_SECRET")
 * })
 * ```
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<
  OAuthProvider.OAuthProvider,
  InvalidOptions | InsecureEndpoint | ConfigError,
  TokenStorage | HttpClient.HttpClient
> => Layer.scoped(OAuthProvider.OAuthProvider, Effect.flatMap(Config.unwrap(options), make))

/**
 * The client credentials grant with a JWT in place of a secret (RFC 7523 §2.2): signed with the client's own key, or
 * given to the workload by its platform.
 *
 * @since 0.1.0
 */
import type { Audience } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as Grant from "@effect-mcp-auth/core/Grant"
import type { InsecureEndpoint, InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as OAuthProvider from "@effect-mcp-auth/core/OAuthProvider"
import type { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * - `issuer`: may be left out where the assertion is bound by its audience to the authorization server that it is shown
 *   to: the one that the MCP server names then gains nothing that it could use elsewhere. For an assertion with a fixed
 *   audience, or an opaque one, it has to be named, or `discover` written out.
 * - `audience`: of the assertion. The issuer by default; Okta and Entra ID want the token endpoint.
 * - `clientIdParameter`: whether `client_id` is in the body too, as Entra ID wants it. `omit` by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<OAuthProvider.OAuthProvider.Options, "issuer"> {
  readonly issuer?: OAuthProvider.OAuthProvider.Options["issuer"] | undefined
  readonly clientId: string
  readonly audience?: Audience | undefined
  readonly clientIdParameter?: "omit" | "send" | undefined
}

/**
 * The client's proof alone, for use by other grants, with an assertion of its own.
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
  options: Options
): Effect.Effect<
  OAuthProvider.OAuthProvider.Service,
  InvalidOptions | InsecureEndpoint,
  AssertionProvider | TokenStorage | HttpClient.HttpClient | Scope.Scope
> =>
  Effect.gen(function*() {
    const assertionProvider = yield* AssertionProvider
    return yield* OAuthProvider.make({
      ...options,
      ...yield* ClientAuthentication.issuerOf(options),
      grant: Grant.clientCredentials,
      clientAuthentication: clientAuthentication({ ...options, assertionProvider })
    })
  })

/**
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
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<
  OAuthProvider.OAuthProvider,
  InvalidOptions | InsecureEndpoint | ConfigError,
  AssertionProvider | TokenStorage | HttpClient.HttpClient
> => Layer.scoped(OAuthProvider.OAuthProvider, Effect.flatMap(Config.unwrap(options), make))

/**
 * The JWT bearer grant (RFC 7523 §2.1): the client presents the assertion itself to get a token.
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
import { type InsecureEndpoint, InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as OAuthProvider from "@effect-mcp-auth/core/OAuthProvider"
import { makeMemory, TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
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
   * You may leave `issuer` out if the audience of the assertion is the authorization server that receives it. For an
   * assertion with a fixed audience, an opaque one, or a client secret, name the issuer or write `discover`.
   *
   * @default the authorization server that the MCP server names, for an assertion that is bound to it
   */
  readonly issuer?: OAuthProvider.OAuthProvider.Options["issuer"] | undefined
  /**
   * The client id in the body, for a client that does not authenticate. Leave it out if the assertion identifies the
   * client.
   *
   * @default none
   */
  readonly clientId?: string | undefined
  /**
   * The client's own proof besides the grant's assertion: a secret, or a second assertion. The proof contains a client
   * id; a different `clientId` is `InvalidOptions`.
   *
   * @default none
   */
  readonly clientAuthentication?: ClientAuthentication.ClientAuthentication | undefined
  /**
   * The audience of the grant's assertion. An ID-JAG is always for the issuer: `IdJag` refuses another audience. With
   * `"token_endpoint"`, an endpoint that is not on the issuer's own origin has to be given in `tokenEndpoint`.
   *
   * @default "issuer"
   */
  readonly audience?: Audience | undefined
  /**
   * The subject of the assertion, by any name that distinguishes it from others. Providers that share a storage share
   * tokens only if they have the same `subject`. Without it nothing is written to the storage, because the assertion
   * may be another user's: the tokens stay in the memory of the provider.
   *
   * @default none
   */
  readonly subject?: string | undefined
}

/**
 * A provider for one server and one identity, for as long as the scope lasts.
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
    const { clientAuthentication: proof } = options
    if (proof !== undefined) yield* ClientAuthentication.check(proof)
    const clientId = yield* TextOption.checkOptional("clientId", options.clientId, "Give the client id.")
    if (proof !== undefined && clientId !== undefined && proof.clientId !== clientId) {
      return yield* new InvalidOptions({
        option: "clientId",
        description: `it is "${clientId}", and \`clientAuthentication\` is that of "${proof.clientId}". Leave it out.`
      })
    }
    const clientAuthentication = proof ??
      (clientId === undefined ? ClientAuthentication.anonymous : ClientAuthentication.none(clientId))
    const made = OAuthProvider.make({
      ...options,
      ...yield* ClientAuthentication.issuerOf({ ...options, clientAuthentication }),
      grant: Grant.jwtBearer({ assertionProvider, audience: options.audience }),
      clientAuthentication
    })
    // Without a subject the owner of the tokens is unknown, so no other provider may find them.
    return yield* options.subject === undefined
      ? Effect.provideServiceEffect(made, TokenStorage, makeMemory)
      : made
  })

/**
 * A provider for one server and one identity. The `AssertionProvider` supplies the JWT that is the grant.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
 * import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
 * import { Layer, Redacted } from "effect"
 *
 * const Auth = JwtBearer.layer({
 *   serverUrl: "https://mcp.example.com/mcp",
 *   scopes: ["reports:read"]
 * }).pipe(
 *   Layer.provide(AssertionProvider.layerStatic(Redacted.make("eyJ..."))),
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
 * import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
 * import { Config } from "effect"
 *
 * const Auth = JwtBearer.layerConfig({
 *   serverUrl: Config.string("MCP_SERVER_URL"),
 *   subject: Config.string("MCP_USER")
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

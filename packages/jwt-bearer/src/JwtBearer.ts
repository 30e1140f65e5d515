/**
 * The JWT bearer grant (RFC 7523 §2.1): the assertion itself is what the token is given for.
 *
 * @since 0.1.0
 */
import type { Audience } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as Grant from "@effect-mcp-auth/core/Grant"
import { type InsecureEndpoint, InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as OAuthProvider from "@effect-mcp-auth/core/OAuthProvider"
import { makeMemory, TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * - `issuer`: may be left out where the assertion is bound by its audience to the authorization server that it is shown
 *   to. For one with a fixed audience, an opaque one, or a client secret, it has to be named, or `discover` written out.
 * - `clientId`: in the body, for a client that does not authenticate; neither it nor `clientAuthentication` is needed
 *   where the assertion says it all.
 * - `clientAuthentication`: the client's own proof beside the grant's assertion, by secret or by an assertion of its own. It has
 *   its client id in it; another in `clientId` is `InvalidOptions`.
 * - `audience`: of the grant's assertion. The issuer by default, which is what an ID-JAG is always for: `IdJag` refuses
 *   another.
 * - `subject`: whom the assertion speaks for, by any name that tells them apart. Providers that share a storage share
 *   tokens only if both name the same subject. Without one nothing is written to the storage, since the assertion may be
 *   another user's: the tokens stay in the provider's memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<OAuthProvider.OAuthProvider.Options, "issuer"> {
  readonly issuer?: OAuthProvider.OAuthProvider.Options["issuer"] | undefined
  readonly clientId?: string | undefined
  readonly clientAuthentication?: ClientAuthentication.ClientAuthentication | undefined
  readonly audience?: Audience | undefined
  readonly subject?: string | undefined
}

/**
 * A provider for one server and one identity, for as long as the scope lasts.
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
    const { clientAuthentication: proof, clientId } = options
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
    // Whose tokens they are is not known: no other provider is to find them, and this one is the last to want them.
    return yield* options.subject === undefined
      ? Effect.provideServiceEffect(made, TokenStorage, makeMemory)
      : made
  })

/**
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
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<
  OAuthProvider.OAuthProvider,
  InvalidOptions | InsecureEndpoint | ConfigError,
  AssertionProvider | TokenStorage | HttpClient.HttpClient
> => Layer.scoped(OAuthProvider.OAuthProvider, Effect.flatMap(Config.unwrap(options), make))

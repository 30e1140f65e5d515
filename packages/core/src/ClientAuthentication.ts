/**
 * How a client proves at the token endpoint who it is (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { AssertionSource, Audience } from "./Assertion.ts"
import * as Assertions from "./internal/tokenRequest/presentedAssertions.ts"
import { clean, formEncode } from "./internal/text/clean.ts"
import { type AssertionError, DiscoveryError, InvalidOptions } from "./OAuthError.ts"
import type { Parameters, TokenRequestContext } from "./TokenRequestContext.ts"

/**
 * What a client's proof adds to a token request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proof {
  /** The value of the `Authorization` header. */
  readonly authorization?: Redacted.Redacted<string> | undefined
  readonly parameters?: Parameters | undefined
  /** Values that the other side learns and must not come back in an error. */
  readonly secrets?: ReadonlyArray<Redacted.Redacted<string>> | undefined
}

/**
 * A way of authenticating a client: who it is, by which method, and a function that gives a proof anew for every
 * attempt.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientAuthentication {
  readonly clientId: string
  /** A name of the "OAuth Token Endpoint Authentication Methods" registry (RFC 8414 §7.3). */
  readonly method: string
  readonly prove: (context: TokenRequestContext) => Effect.Effect<Proof, AssertionError | DiscoveryError>
  /**
   * Told that the authorization server answered `invalid_client` to this proof. It may be used by many at once. Whether
   * another can be had that it may take, as after a rotation of the key: then the request is sent once more, at once.
   */
  readonly refused?: ((proof: Proof) => Effect.Effect<boolean>) | undefined
}

/**
 * A client id with its secret.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientSecret {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted<string>
}

/**
 * `client_secret_basic`: id and secret, each form-encoded, as HTTP Basic (RFC 6749 §2.3.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretBasic = ({ clientId, clientSecret }: ClientSecret): ClientAuthentication => ({
  clientId,
  method: "client_secret_basic",
  prove: () =>
    Effect.sync((): Proof => {
      const credentials = Encoding.encodeBase64(`${formEncode(clientId)}:${formEncode(Redacted.value(clientSecret))}`)
      return {
        authorization: Redacted.make(`Basic ${credentials}`),
        secrets: [clientSecret, Redacted.make(credentials)]
      }
    })
})

/**
 * `client_secret_post`: id and secret in the body (RFC 6749 §2.3.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretPost = ({ clientId, clientSecret }: ClientSecret): ClientAuthentication => ({
  clientId,
  method: "client_secret_post",
  prove: () => Effect.succeed({ parameters: { client_id: clientId, client_secret: clientSecret } })
})

/**
 * The method of the two for a secret that the authorization server's metadata lists, Basic first. Metadata that lists
 * none means Basic (RFC 8414 §2). One is chosen; they are never tried in turn.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretDiscover = (secret: ClientSecret): ClientAuthentication => {
  const methods = [clientSecretBasic(secret), clientSecretPost(secret)]
  return {
    clientId: secret.clientId,
    method: "client_secret",
    prove: (context) => {
      const { issuer, metadata } = context.authorizationServer
      const supported = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"]
      const chosen = methods.find(({ method }) => supported.includes(method))
      return chosen === undefined
        ? Effect.fail(
          new DiscoveryError({
            reason: "UnsupportedClientAuthentication",
            url: issuer,
            description:
              `${issuer} lists the client authentication methods ${clean(supported.join(", ")) || "none"}, ` +
              `and neither client_secret_basic nor client_secret_post. No secret was sent. Use another kind of ` +
              `credential, or name the method in \`tokenEndpointAuthMethod\` if the list is wrong.`
          })
        )
        : chosen.prove(context)
    }
  }
}

/**
 * The issuer for `OAuthProvider.make`, where the caller may leave it out: what is bound by its own audience may follow the
 * MCP server's word. A client secret is not, nor is an assertion for a fixed audience, and both need the issuer, or the
 * trust in the server that `discover` is, written out; `InvalidOptions` otherwise. Metadata that the caller gives names it
 * too.
 *
 * @since 0.1.0
 * @category combinators
 */
export const issuerOf = (options: {
  readonly issuer?: string | undefined
  readonly authorizationServerMetadata?: unknown
  readonly audience?: Audience | undefined
  readonly clientAuthentication?: ClientAuthentication | undefined
}): Either.Either<{ readonly issuer: string; readonly issuerUnnamed: boolean }, InvalidOptions> => {
  const { audience, clientAuthentication, issuer } = options
  if (issuer !== undefined) return Either.right({ issuer, issuerUnnamed: false })
  // Its issuer is taken from there.
  if (options.authorizationServerMetadata !== undefined) {
    return Either.right({ issuer: "discover", issuerUnnamed: false })
  }
  const unbound = clientAuthentication?.method.startsWith("client_secret") === true
    ? "a client secret leaves the process, so it has to be said for whom."
    : typeof audience === "object"
    ? "an assertion for a fixed audience is of use wherever that audience is, so it has to be said who may see it."
    : undefined
  return unbound === undefined
    ? Either.right({ issuer: "discover", issuerUnnamed: true })
    : Either.left(
      new InvalidOptions({
        option: "issuer",
        description: `${unbound} Name the issuer, or write "discover" to trust the server to name it.`
      })
    )
}

/**
 * `private_key_jwt`: a JWT that the client has signed, or that its platform has given it (RFC 7523 §2.2).
 *
 * - `assertionProvider`: asked anew for every attempt.
 * - `audience`: the issuer by default.
 * - `clientIdParameter`: whether `client_id` is in the body too, as Entra ID wants it; the assertion says it already.
 *
 * @since 0.1.0
 * @category constructors
 */
export const privateKeyJwt = (options: {
  readonly clientId: string
  readonly assertionProvider: AssertionSource
  readonly audience?: Audience | undefined
  readonly clientIdParameter?: "omit" | "send" | undefined
}): ClientAuthentication => {
  const assertions = Assertions.make(options)
  return {
    clientId: options.clientId,
    method: "private_key_jwt",
    prove: (context) =>
      Effect.map(
        assertions.give(context),
        (assertion): Proof => ({
          parameters: {
            ...(options.clientIdParameter === "send" ? { client_id: options.clientId } : {}),
            client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            client_assertion: assertion
          }
        })
      ),
    refused: ({ parameters }) => assertions.refused(parameters?.["client_assertion"])
  }
}

/**
 * `none`: no client authentication and no client id, for a grant that says it all.
 *
 * @since 0.1.0
 * @category constructors
 */
export const anonymous: ClientAuthentication = {
  clientId: "",
  method: "none",
  prove: () => Effect.succeed({})
}

/**
 * `none`: a public client, or one whose grant says it all.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none = (clientId: string): ClientAuthentication => ({
  clientId,
  method: "none",
  prove: () => Effect.succeed({ parameters: { client_id: clientId } })
})

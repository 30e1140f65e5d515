/**
 * How a client proves its identity at the token endpoint (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { AssertionSource, Audience } from "./Assertion.ts"
import * as AssertionRotation from "./internal/tokenRequest/assertionRotation.ts"
import { clean, formEncode } from "./internal/text/clean.ts"
import { type AssertionError, DiscoveryError, InvalidOptions } from "./OAuthError.ts"
import type { Parameters, TokenRequestContext } from "./TokenRequestContext.ts"

/**
 * The additions of a client's proof to a token request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proof {
  /** The value of the `Authorization` header. */
  readonly authorization?: Redacted.Redacted<string> | undefined
  /** Parameters of the form body. */
  readonly parameters?: Parameters | undefined
  /** Further values that the authorization server learns, and that must not appear in an error message. */
  readonly secrets?: ReadonlyArray<Redacted.Redacted<string>> | undefined
}

/**
 * A way to authenticate a client: its id, the method, and a function that makes a new proof for every attempt.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientAuthentication {
  /** The id of the client, which is part of the `TokenKey` of a stored token. Empty for `anonymous`. */
  readonly clientId: string
  /** A name of the "OAuth Token Endpoint Authentication Methods" registry (RFC 8414 §7.3). */
  readonly method: string
  /** Makes the proof of one attempt. */
  readonly prove: (context: TokenRequestContext) => Effect.Effect<Proof, AssertionError | DiscoveryError>
  /**
   * Called with a proof to which the authorization server answered `invalid_client` or 401 (RFC 6749 §5.2), possibly
   * for several token requests at once. `true` means that the next proof is another one, for example after a rotation
   * of the key, so that the token request is sent once more, immediately. Without this function a refusal is final.
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
  /** The id under which the authorization server knows the client. */
  readonly clientId: string
  /** The secret that the authorization server issued to the client. */
  readonly clientSecret: Redacted.Redacted<string>
}

/**
 * `client_secret_basic`: the id and the secret, each form-encoded, in HTTP Basic (RFC 6749 §2.3.1).
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
 * `client_secret_post`: the id and the secret in the body (RFC 6749 §2.3.1).
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
 * `client_secret_basic` if the authorization server's metadata lists it, or lists no methods (RFC 8414 §2); else
 * `client_secret_post` if the metadata lists it. One method is chosen; the two are never tried in turn.
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
 * The issuer for `OAuthProvider.make`, for packages whose callers may leave `issuer` out.
 *
 * An assertion whose audience is the authorization server may go to the server that the MCP server names. A client
 * secret, and an assertion with a fixed audience, could be used elsewhere by their receiver. For these the caller must
 * name the issuer, or write `discover` to trust the MCP server, or give the metadata; otherwise this is
 * `InvalidOptions`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const issuerOf = (options: {
  /** The option `issuer` of the caller. */
  readonly issuer?: string | undefined
  /** The option `authorizationServerMetadata` of the caller, which contains the issuer. */
  readonly authorizationServerMetadata?: unknown
  /**
   * The audience of the assertion.
   *
   * @default "issuer"
   */
  readonly audience?: Audience | undefined
  /**
   * The client's own proof.
   *
   * @default none
   */
  readonly clientAuthentication?: ClientAuthentication | undefined
}): Either.Either<{ readonly issuer: string; readonly issuerUnnamed: boolean }, InvalidOptions> => {
  const { audience, clientAuthentication, issuer } = options
  if (issuer !== undefined) return Either.right({ issuer, issuerUnnamed: false })
  // `OAuthProvider.make` takes the issuer from the metadata.
  if (options.authorizationServerMetadata !== undefined) {
    return Either.right({ issuer: "discover", issuerUnnamed: false })
  }
  const unbound = clientAuthentication?.method.startsWith("client_secret") === true
    ? "a client secret leaves the process, so you must say who may receive it."
    : typeof audience === "object"
    ? "an assertion for a fixed audience can be used at that audience, so you must say who may receive it."
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
 * @since 0.1.0
 * @category models
 */
export interface PrivateKeyJwt {
  /** The id under which the authorization server knows the client. */
  readonly clientId: string
  /** Returns the assertion. Every attempt calls it anew. */
  readonly assertionProvider: AssertionSource
  /**
   * The audience of the assertion. Okta and Entra ID require the token endpoint.
   *
   * @default "issuer"
   */
  readonly audience?: Audience | undefined
  /**
   * Whether `client_id` is in the body too, as Entra ID requires. The assertion names the client already.
   *
   * @default "omit"
   */
  readonly clientIdParameter?: "omit" | "send" | undefined
}

/**
 * `private_key_jwt`: a JWT that the client signs, or that its platform supplies (RFC 7523 §2.2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const privateKeyJwt = (options: PrivateKeyJwt): ClientAuthentication => {
  const assertions = AssertionRotation.make(options)
  return {
    clientId: options.clientId,
    method: "private_key_jwt",
    prove: (context) =>
      Effect.map(
        assertions.next(context),
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
 * `none`: neither a client authentication nor a client id, for a grant that identifies the client.
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
 * `none`: the client id alone, for a public client or for a grant that authenticates the client.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none = (clientId: string): ClientAuthentication => ({
  clientId,
  method: "none",
  prove: () => Effect.succeed({ parameters: { client_id: clientId } })
})

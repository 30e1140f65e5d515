/**
 * How a client proves at the token endpoint who it is (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { AssertionProvider, AssertionRequest } from "./AssertionProvider.ts"
import type { AuthorizationServer } from "./AuthorizationServer.ts"
import { clean, formEncode } from "./internal/text.ts"
import { type AssertionError, DiscoveryError } from "./OAuthError.ts"

/**
 * What a token request is for; what grants and proofs are made from.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenRequestContext {
  readonly authorizationServer: AuthorizationServer
  /** The server's canonical identifier. */
  readonly resource: string
  readonly scopes: ReadonlyArray<string>
  /** Whether the server's word is all that says where this goes: its caller named no issuer. */
  readonly issuerUnnamed?: boolean | undefined
}

/**
 * Parameters of a form body; what is secret is `Redacted`.
 *
 * @since 0.1.0
 * @category models
 */
export type Parameters = Readonly<Record<string, string | Redacted.Redacted<string>>>

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
  /** Told that the authorization server answered `invalid_client` to the last proof. */
  readonly refused?: Effect.Effect<void> | undefined
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
 * How an assertion for an authorization server is asked for.
 *
 * - `audience`: its issuer (draft-ietf-oauth-rfc7523bis), its token endpoint (Okta, Entra ID), or another value.
 *
 * @since 0.1.0
 * @category models
 */
export type Audience = "issuer" | "token_endpoint" | { readonly value: string }

/**
 * What an `AssertionProvider` is asked for when a token request is made. `refused`: whether the assertion before was.
 *
 * @since 0.1.0
 * @category getters
 */
export const assertionRequest = (
  { authorizationServer: { issuer, metadata }, issuerUnnamed, resource, scopes }: TokenRequestContext,
  audience: Audience,
  refused: boolean
): AssertionRequest => {
  // As the authorization server writes it, which is what it compares with.
  const tokenEndpoint = metadata.token_endpoint
  return {
    audience: audience === "issuer" ? issuer : audience === "token_endpoint" ? tokenEndpoint : audience.value,
    issuer,
    tokenEndpoint,
    resource,
    scopes,
    refused,
    ...(issuerUnnamed === true ? { issuerUnnamed } : {})
  }
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
  readonly assertionProvider: AssertionProvider.Service
  readonly audience?: Audience | undefined
  readonly clientIdParameter?: "omit" | "send" | undefined
}): ClientAuthentication => {
  let refused = false
  return {
    clientId: options.clientId,
    method: "private_key_jwt",
    prove: (context) =>
      Effect.map(
        Effect.suspend(() =>
          options.assertionProvider(assertionRequest(context, options.audience ?? "issuer", refused))
        ),
        (assertion): Proof => {
          refused = false
          return {
            parameters: {
              ...(options.clientIdParameter === "send" ? { client_id: options.clientId } : {}),
              client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
              client_assertion: assertion
            }
          }
        }
      ),
    refused: Effect.sync(() => {
      refused = true
    })
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

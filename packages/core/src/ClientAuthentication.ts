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
import * as OwnOptions from "./authoring/OwnOptions.ts"
import * as TextOption from "./authoring/TextOption.ts"
import * as AssertionRotation from "./internal/tokenRequest/assertionRotation.ts"
import * as SecretRotation from "./internal/tokenRequest/secretRotation.ts"
import { clean, formEncode } from "./internal/text/clean.ts"
import { type AssertionError, type CredentialError, DiscoveryError, type InvalidOptions } from "./OAuthError.ts"
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
  readonly prove: (
    context: TokenRequestContext
  ) => Effect.Effect<Proof, AssertionError | CredentialError | DiscoveryError>
  /**
   * Called with a proof to which the authorization server answered `invalid_client` or 401 (RFC 6749 §5.2), possibly
   * for several token requests at once. `true` means that the next proof is another one, for example after a rotation
   * of the key, so that the token request is sent once more, immediately. Without this function a refusal is final.
   */
  readonly refused?: ((proof: Proof) => Effect.Effect<boolean>) | undefined
  /**
   * Whether the caller's options are usable. `check` runs this Effect when a provider is made, before anything is sent.
   *
   * @default no further check than that of the client id
   */
  readonly check?: Effect.Effect<void, InvalidOptions> | undefined
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
  /**
   * The secret that the authorization server issued to the client, or an Effect that returns it.
   *
   * The Effect runs at the first token request, and again when the authorization server has refused the secret, because
   * the secret may have been rotated. If it has been, the token request is sent once more, immediately. A failure of the
   * Effect is a `CredentialError`. `Secret.file` reads the secret from a file.
   */
  readonly clientSecret: Redacted.Redacted<string> | Effect.Effect<Redacted.Redacted<string>, unknown>
}

/** Puts the id and the secret into a request. */
type ToProof = (clientId: string, secret: Redacted.Redacted<string>) => Proof

const basic: ToProof = (clientId, secret) => {
  const credentials = Encoding.encodeBase64(`${formEncode(clientId)}:${formEncode(Redacted.value(secret))}`)
  return { authorization: Redacted.make(`Basic ${credentials}`), secrets: [secret, Redacted.make(credentials)] }
}

const post: ToProof = (clientId, secret) => ({
  parameters: { client_id: clientId, client_secret: secret },
  secrets: [secret]
})

const secretAuthentication = (
  method: string,
  { clientId, clientSecret }: ClientSecret,
  choose: (context: TokenRequestContext) => Either.Either<ToProof, DiscoveryError>
): ClientAuthentication => {
  const rotation = SecretRotation.make("clientSecret", clientSecret)
  return {
    clientId,
    method,
    prove: (context) =>
      Effect.flatMap(choose(context), (toProof) => Effect.map(rotation.next, (secret) => toProof(clientId, secret))),
    refused: ({ secrets }) => rotation.refused(secrets?.[0]),
    check: rotation.check
  }
}

/**
 * `client_secret_basic`: the id and the secret, each form-encoded, in HTTP Basic (RFC 6749 §2.3.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretBasic = (options: ClientSecret): ClientAuthentication =>
  secretAuthentication("client_secret_basic", options, () => Either.right(basic))

/**
 * `client_secret_post`: the id and the secret in the body (RFC 6749 §2.3.1).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretPost = (options: ClientSecret): ClientAuthentication =>
  secretAuthentication("client_secret_post", options, () => Either.right(post))

/**
 * `client_secret_basic` if the authorization server's metadata lists it, or lists no methods (RFC 8414 §2); else
 * `client_secret_post` if the metadata lists it. One method is chosen; the two are never tried in turn.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientSecretDiscover = (options: ClientSecret): ClientAuthentication =>
  secretAuthentication("client_secret", options, ({ authorizationServer: { issuer, metadata } }) => {
    const supported = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"]
    if (supported.includes("client_secret_basic")) return Either.right(basic)
    if (supported.includes("client_secret_post")) return Either.right(post)
    return Either.left(
      new DiscoveryError({
        reason: "UnsupportedClientAuthentication",
        url: issuer,
        description: `${issuer} lists the client authentication methods ${clean(supported.join(", ")) || "none"}, ` +
          `and neither client_secret_basic nor client_secret_post. No secret was sent. Use another kind of ` +
          `credential, or name the method in \`tokenEndpointAuthMethod\` if the list is wrong.`
      })
    )
  })

/**
 * Checks a client authentication before anything is sent: its client id, and the caller's options for it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const check = (authentication: ClientAuthentication): Effect.Effect<void, InvalidOptions> =>
  Effect.suspend(() => {
    const given: unknown = authentication
    if (typeof given !== "object" || given === null || !("prove" in given)) {
      return TextOption.invalid(
        "clientAuthentication",
        `it is ${TextOption.kindOf(given)}. Give one of the values of \`ClientAuthentication\`.`
      )
    }
    const clientId = authentication === anonymous
      ? Either.right("")
      : TextOption.check("clientId", authentication.clientId, "Give the client id.")
    return Effect.zipRight(clientId, authentication.check ?? Effect.void)
  })

/**
 * Checks the audience of an assertion, which may come from JavaScript. Any other text would be an `aud` claim that no
 * server accepts.
 */
const checkAudience = (audience: unknown): Either.Either<unknown, InvalidOptions> =>
  TextOption.checkChoice("audience", audience, ["issuer", "token_endpoint"])

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
  const checked = checkAudience(audience)
  if (Either.isLeft(checked)) return Either.left(checked.left)
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
    : TextOption.invalid("issuer", `${unbound} Name the issuer, or write "discover" to trust the server to name it.`)
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
   * The audience of the assertion. Okta and Entra ID require the token endpoint. With `"token_endpoint"`, an endpoint
   * that is not on the issuer's own origin has to be given by the caller, and not by metadata alone.
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
export const privateKeyJwt = (given: PrivateKeyJwt): ClientAuthentication => {
  const options = OwnOptions.read(given)
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
    refused: ({ parameters }) => assertions.refused(parameters?.["client_assertion"]),
    check: Effect.gen(function*() {
      yield* checkAudience(options.audience)
      yield* TextOption.checkOneOf("clientIdParameter", options.clientIdParameter ?? "omit", ["omit", "send"])
      if (typeof options.assertionProvider !== "function") {
        const kind = TextOption.kindOf(options.assertionProvider)
        yield* TextOption.invalid("assertionProvider", `it is ${kind}. Give a function that returns an assertion.`)
      }
    })
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

/**
 * How a strict authorization server reads a token request: the form (RFC 6749 §3.2), and the client authentication
 * (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { NetworkRequest } from "./TestNetwork.ts"

/**
 * A client that the server knows.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  readonly clientId: string
  /**
   * The secret of the client. Leave it out for a public client, or a client that authenticates by assertion.
   *
   * @default none
   */
  readonly clientSecret?: Redacted.Redacted | undefined
  /**
   * The scopes that the client may ask for.
   *
   * @default the server's `scopesSupported`
   */
  readonly scopes?: ReadonlyArray<string> | undefined
  /**
   * The scopes that the client gets if it asks for none.
   *
   * @default all scopes that the client may ask for
   */
  readonly defaultScopes?: ReadonlyArray<string> | undefined
  /**
   * The grant types that the client may use. Any other is answered with `unauthorized_client`.
   *
   * @default all
   */
  readonly grantTypes?: ReadonlyArray<string> | undefined
}

/**
 * How a client proves who it is (`token_endpoint_auth_method`, RFC 7591 §2).
 *
 * @since 0.1.0
 * @category models
 */
export type AuthMethod = "client_secret_basic" | "client_secret_post" | "private_key_jwt" | "none"

/**
 * A token request whose form is valid and whose client has authenticated.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenRequest {
  readonly parameters: ReadonlyMap<string, string>
  /** The client, or `undefined` if the request named none. */
  readonly client: Client | undefined
  readonly authMethod: AuthMethod
}

/**
 * Verifies a `client_assertion` (RFC 7523 §2.2) and says which client it belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export type VerifyClientAssertion = (
  assertion: string,
  parameters: ReadonlyMap<string, string>
) => Effect.Effect<string, Refusal>

/**
 * A token request that is refused, as an RFC 6749 §5.2 error.
 *
 * @since 0.1.0
 * @category errors
 */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly error: string
  readonly description: string
  /**
   * The HTTP status.
   *
   * @default 401 for `invalid_client`, 400 for other errors
   */
  readonly status?: number | undefined
}> {
  override get message(): string {
    return `${this.error}: ${this.description}`
  }
}

/**
 * Refuses the request.
 *
 * @since 0.1.0
 * @category errors
 */
export const refuse = (error: string, description: string, status?: number): Effect.Effect<never, Refusal> =>
  Effect.fail(new Refusal({ error, description, status }))

/**
 * Reads a request, or refuses it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = (request: NetworkRequest, options: {
  readonly clients: ReadonlyMap<string, Client>
  readonly authMethods: ReadonlyArray<AuthMethod>
  readonly verifyClientAssertion?: VerifyClientAssertion | undefined
}): Effect.Effect<TokenRequest, Refusal> =>
  Effect.gen(function*() {
    const parameters = yield* parseForm(request)
    const proof = yield* readProof(request, parameters)
    if (proof === undefined) {
      return { parameters, client: undefined, authMethod: "none" }
    }
    if (proof.authMethod !== "none" && !options.authMethods.includes(proof.authMethod)) {
      return yield* refuse("invalid_client", `${proof.authMethod} is not accepted here`)
    }
    const clientId = proof.authMethod === "private_key_jwt"
      ? yield* verify(proof.assertion, parameters, options.verifyClientAssertion)
      : proof.clientId
    if ((parameters.get("client_id") ?? clientId) !== clientId) {
      return yield* refuse("invalid_request", "client_id differs from the client that authenticated")
    }
    const client = options.clients.get(clientId)
    return client === undefined || !isProven(proof, client)
      ? yield* refuse("invalid_client", "no such client, or not its secret")
      : { parameters, client, authMethod: proof.authMethod }
  })

type Proof =
  | {
    readonly authMethod: "client_secret_basic" | "client_secret_post"
    readonly clientId: string
    readonly clientSecret: string
  }
  | { readonly authMethod: "private_key_jwt"; readonly assertion: string }
  | { readonly authMethod: "none"; readonly clientId: string }

const parseForm = (request: NetworkRequest): Effect.Effect<ReadonlyMap<string, string>, Refusal> => {
  if (request.method !== "POST") {
    return refuse("invalid_request", "the token endpoint takes POST (RFC 6749 §3.2)", 405)
  }
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase()
  if (mediaType !== "application/x-www-form-urlencoded") {
    return refuse("invalid_request", "the body must be application/x-www-form-urlencoded (RFC 6749 §4.4.2)")
  }
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(request.body)) {
    if (parameters.has(name)) {
      return name === "resource"
        ? refuse("invalid_target", "this server issues tokens for one resource at a time (RFC 8707 §2)")
        : refuse("invalid_request", `${name} is there more than once (RFC 6749 §3.2)`)
    }
    parameters.set(name, value)
  }
  // RFC 6749 §3.2: a parameter without a value counts as left out.
  return Effect.succeed(new Map([...parameters].filter(([, value]) => value !== "")))
}

const readProof = (
  request: NetworkRequest,
  parameters: ReadonlyMap<string, string>
): Effect.Effect<Proof | undefined, Refusal> => {
  const authorization = request.headers["authorization"]
  const clientSecret = parameters.get("client_secret")
  const assertion = parameters.get("client_assertion")
  const clientId = parameters.get("client_id")
  if ([authorization, clientSecret, assertion].filter((proof) => proof !== undefined).length > 1) {
    return refuse("invalid_request", "more than one way of client authentication (RFC 6749 §2.3)")
  }
  if (authorization !== undefined) {
    const credentials = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1]
    return credentials === undefined
      ? refuse("invalid_client", "the Authorization header is not Basic credentials")
      : readBasic(credentials)
  }
  if (clientSecret !== undefined) {
    return clientId === undefined
      ? refuse("invalid_request", "client_secret without client_id (RFC 6749 §2.3.1)")
      : Effect.succeed({ authMethod: "client_secret_post", clientId, clientSecret })
  }
  if (assertion !== undefined) {
    return parameters.get("client_assertion_type") === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
      ? Effect.succeed({ authMethod: "private_key_jwt", assertion })
      : refuse("invalid_request", "client_assertion_type is missing or unknown (RFC 7523 §2.2)")
  }
  return Effect.succeed(clientId === undefined ? undefined : { authMethod: "none", clientId })
}

/** RFC 6749 §2.3.1: id and secret are form-url-encoded, each by itself, before they are joined and base64 encoded. */
const readBasic = (credentials: string): Effect.Effect<Proof, Refusal> => {
  const malformed = refuse(
    "invalid_client",
    "client id and secret must be form-url-encoded, joined with a colon and base64 encoded (RFC 6749 §2.3.1)"
  )
  return Either.match(Either.flatMap(Encoding.decodeBase64(credentials), decodeUtf8), {
    onLeft: () => malformed,
    onRight: (pair) => {
      const parts = pair.split(":").map(formDecode)
      const [clientId, clientSecret] = parts
      return parts.length !== 2 || clientId === undefined || clientSecret === undefined
        ? malformed
        : Effect.succeed({ authMethod: "client_secret_basic", clientId, clientSecret })
    }
  })
}

const decodeUtf8 = (bytes: Uint8Array) => Either.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

/** Strict: a character that form encoding would have replaced means that the client has not encoded the value. */
const formDecode = (encoded: string): string | undefined =>
  /^[A-Za-z0-9\-_.~!*'()%+]*$/.test(encoded)
    ? Either.getOrUndefined(Either.try(() => decodeURIComponent(encoded.replaceAll("+", " "))))
    : undefined

const verify = (
  assertion: string,
  parameters: ReadonlyMap<string, string>,
  verifier: VerifyClientAssertion | undefined
): Effect.Effect<string, Refusal> =>
  verifier === undefined
    ? refuse("invalid_client", "this server verifies no client assertions")
    : verifier(assertion, parameters)

const isProven = (proof: Proof, { clientSecret }: Client): boolean => {
  switch (proof.authMethod) {
    case "private_key_jwt":
      return true
    case "none":
      return clientSecret === undefined
    case "client_secret_basic":
    case "client_secret_post":
      return clientSecret !== undefined && isSame(proof.clientSecret, Redacted.value(clientSecret))
  }
}

/** Compares every character, however many of the first ones match, as a server in production has to. */
const isSame = (given: string, expected: string): boolean => {
  let difference = given.length ^ expected.length
  for (let i = 0; i < given.length; i++) {
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i % expected.length)
  }
  return difference === 0
}

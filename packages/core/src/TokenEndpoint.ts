/**
 * The token endpoint: one request (RFC 6749 §3.2) and one decoded answer (RFC 6749 §5).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { AccessToken } from "./AccessToken.ts"
import type { ClientAuthentication, Proof } from "./ClientAuthentication.ts"
import type { Grant } from "./Grant.ts"
import * as InsecureHosts from "./authoring/InsecureHosts.ts"
import { invalid } from "./authoring/TextOption.ts"
import { nameOf } from "./authoring/SecureEndpoint.ts"
import { kindOf } from "./authoring/TextOption.ts"
import { defaultLimits, exchange, type Limits, type NoAnswer } from "./authoring/HttpExchange.ts"
import { isFailedAuthentication } from "./internal/tokenRequest/advice.ts"
import { reasonOf, sentences } from "./authoring/NoAnswer.ts"
import { failOnError } from "./internal/tokenRequest/tokenErrorResponse.ts"
import {
  type AssertionError,
  type CredentialError,
  type DiscoveryError,
  type InvalidOptions,
  TokenEndpointError
} from "./OAuthError.ts"
import type { Parameters, TokenRequestContext } from "./TokenRequestContext.ts"
import { type AskedForToken, decode, type Reply } from "./TokenResponse.ts"

/**
 * A form for a token endpoint, for grants whose answer is not an access token (RFC 8693).
 *
 * @since 0.1.0
 * @category models
 */
export interface FormRequest extends TokenRequestContext {
  /** Makes the client's proof, which is added to the form. */
  readonly clientAuthentication: ClientAuthentication
  /** The parameters, without those of the client's proof. */
  readonly form: Parameters
  /**
   * The bounds of the exchange.
   *
   * @default 10 seconds and 1 MiB
   */
  readonly limits?: Limits | undefined
}

/**
 * A token request.
 *
 * @internal
 */
export interface TokenRequest extends Omit<FormRequest, "form"> {
  readonly grant: Grant
  readonly additionalParameters?: Parameters | undefined
  /** The lifetime of a token whose response has no `expires_in`, in milliseconds. */
  readonly defaultLifetime: number
  readonly acceptedTokenTypes?: AskedForToken["acceptedTokenTypes"]
  readonly onForeignAnswer?: AskedForToken["onForeignAnswer"]
}

/**
 * The options of a package that bound its requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface LimitOptions {
  /**
   * The time limit of each discovery and each token request, from sending to the last byte of the body.
   *
   * @default 10 seconds
   */
  readonly requestTimeout?: Duration.DurationInput | undefined
  /**
   * The longest body that is read from a discovery or token response, in bytes.
   *
   * @default 1_048_576 (1 MiB)
   */
  readonly maxResponseSize?: number | undefined
  /**
   * Hosts that plain http may reach besides those of this machine, for servers, metadata and token endpoints alike:
   * exact names without port, as in `["keycloak.auth.svc.cluster.local"]`, and no wildcards. The first use of each is
   * logged as a warning, because everybody on the way can read the secrets and tokens.
   *
   * @default none
   */
  readonly insecureHosts?: ReadonlyArray<string> | undefined
}

/**
 * The bounds of each request, from the options of a package. A bound that is not above 0 is `InvalidOptions`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const limits = (options: LimitOptions): Either.Either<Limits, InvalidOptions> => {
  const { maxResponseSize: maxBodySize = defaultLimits.maxBodySize, requestTimeout = defaultLimits.timeout } = options
  const timeout = Option.getOrUndefined(Duration.decodeUnknown(requestTimeout))
  if (timeout === undefined) {
    return invalid("requestTimeout", "this is not a duration. Write for example \"2 seconds\".")
  }
  if (!(Duration.toMillis(timeout) > 0)) {
    return invalid("requestTimeout", `${Duration.format(timeout)} is not a time above 0.`)
  }
  // The value may come from JavaScript.
  const size: unknown = maxBodySize
  if (typeof size !== "number") return invalid("maxResponseSize", `it is ${kindOf(size)}. Give a number of bytes.`)
  return size > 0
    ? Either.map(
      InsecureHosts.check(options.insecureHosts),
      (insecureHosts) => ({ timeout, maxBodySize, insecureHosts })
    )
    : invalid("maxResponseSize", `${size} is not a number of bytes above 0.`)
}

/**
 * Parameters that a caller's additional parameters must not replace.
 *
 * @internal
 */
export const reservedParameters: ReadonlySet<string> = new Set([
  "assertion",
  "client_assertion",
  "client_assertion_type",
  "client_id",
  "client_secret",
  "grant_type",
  "refresh_token",
  "resource",
  "scope"
])

/**
 * Sends a form with the client's proof. If the authorization server refuses the proof and the client authentication has
 * another one, the form is sent once more. Redirects are not followed, because a 307 would replay the secret.
 *
 * An OAuth error, or a status outside 200 to 299, fails with `TokenEndpointError`; the caller decodes any other answer.
 * An error of the client authentication passes through.
 *
 * @since 0.1.0
 * @category constructors
 */
export const send = (
  client: HttpClient.HttpClient,
  options: FormRequest
): Effect.Effect<Reply, TokenEndpointError | AssertionError | CredentialError | DiscoveryError> =>
  onceMore(
    Effect.flatMap(
      options.clientAuthentication.prove(options),
      (proof) => attempt(sendWith(client, options, proof), (error) => isProofReplaced(options, proof, error))
    )
  )

interface Attempt {
  readonly reply: Either.Either<Reply, TokenEndpointError>
  /** Whether the refused proof or grant has been replaced, so that another attempt may succeed. */
  readonly isReplaced: boolean
}

const attempt = (
  reply: Effect.Effect<Reply, TokenEndpointError>,
  isReplaced: (error: TokenEndpointError) => Effect.Effect<boolean>
): Effect.Effect<Attempt> =>
  Effect.flatMap(Effect.either(reply), (reply) =>
    Effect.map(
      Either.isRight(reply) ? no : isReplaced(reply.left),
      (isReplaced) => ({ reply, isReplaced })
    ))

/**
 * Sends the request again after its key was replaced, since only the old key was refused. A second refusal is final.
 */
const onceMore = <E>(attempt: Effect.Effect<Attempt, E>): Effect.Effect<Reply, TokenEndpointError | E> =>
  Effect.flatMap(attempt, ({ isReplaced, reply }) => isReplaced ? Effect.flatMap(attempt, ({ reply }) => reply) : reply)

const no = Effect.succeed(false)

const isProofReplaced = (
  { clientAuthentication }: Pick<FormRequest, "clientAuthentication">,
  proof: Proof,
  error: TokenEndpointError
): Effect.Effect<boolean> =>
  !error.transient && isFailedAuthentication(error) ? clientAuthentication.refused?.(proof) ?? no : no

/**
 * Whether the refused part of a token request has been replaced. A grant identifies a client that does not authenticate,
 * so a failed authentication of such a client refuses the grant.
 */
const isPartReplaced = (
  { clientAuthentication, grant }: TokenRequest,
  parameters: Parameters,
  proof: Proof,
  error: TokenEndpointError
): Effect.Effect<boolean> => {
  const isGrantRefused = error.code === "invalid_grant" ||
    (!error.transient && isFailedAuthentication(error) && clientAuthentication.method === "none")
  return isGrantRefused ? grant.refused?.(parameters) ?? no : isProofReplaced({ clientAuthentication }, proof, error)
}

const sendWith = (client: HttpClient.HttpClient, options: FormRequest, proof: Proof) =>
  Effect.gen(function*() {
    const form: Parameters = { ...options.form, ...proof.parameters }
    const secrets = [...Object.values(form), ...(proof.secrets ?? [])]
      .filter((value) => typeof value !== "string")
      .map(Redacted.value)
    const url = options.authorizationServer.tokenEndpoint
    const clock = yield* Effect.clock
    const time = () => ({ millis: clock.unsafeCurrentTimeMillis(), nanos: clock.unsafeCurrentTimeNanos() })
    const sent = time()
    const answer = yield* exchange(client, post(url, form, proof), options.limits ?? defaultLimits).pipe(
      Effect.mapError((error) => noAnswer(url, error))
    )
    const received = time()
    // Two clocks, because the wall clock may have been set meanwhile, and the monotonic clock stops while the machine
    // sleeps.
    const duration = Math.max(received.millis - sent.millis, Number(received.nanos - sent.nanos) / 1e6)
    const sentAt = Math.floor(received.millis - duration)
    return yield* failOnError(answer, options, { sentAt, receivedAt: received.millis, secrets })
  })

/**
 * Sends a token request and decodes the answer. If the authorization server refuses the proof or the grant, and that
 * has been replaced meanwhile, for example by a rotation of the key, the request is sent once more.
 *
 * @internal
 */
export const request = (
  client: HttpClient.HttpClient,
  options: TokenRequest
): Effect.Effect<AccessToken, TokenEndpointError | AssertionError | CredentialError | DiscoveryError> =>
  Effect.flatMap(
    onceMore(
      Effect.gen(function*() {
        const { grant, resourceParameter, scopes } = options
        // The proof is made first. If it fails, no assertion is requested for the grant: such an assertion may count
        // only once.
        const proof = yield* options.clientAuthentication.prove(options)
        const parameters = yield* grant.parameters(options)
        const form: Parameters = {
          ...options.additionalParameters,
          grant_type: grant.type,
          ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
          ...(resourceParameter === undefined ? {} : { resource: resourceParameter }),
          ...parameters
        }
        return yield* attempt(
          sendWith(client, { ...options, form }, proof),
          (error) => isPartReplaced(options, parameters, proof, error)
        )
      })
    ),
    (reply) => decode(reply, options)
  )

const post = (url: URL, form: Parameters, proof: Proof): HttpClientRequest.HttpClientRequest => {
  const body = Object.entries(form).map(([name, value]): [string, string] => [
    name,
    typeof value === "string" ? value : Redacted.value(value)
  ])
  // As text: a request made from a `URL` takes its query apart and encodes it again (RFC 6749 §3.2 forbids that).
  const base = HttpClientRequest.post(url.href, { headers: { accept: "application/json" } }).pipe(
    HttpClientRequest.bodyUrlParams(body)
  )
  return proof.authorization === undefined
    ? base
    : HttpClientRequest.setHeader(base, "authorization", Redacted.value(proof.authorization))
}

const noAnswer = (url: URL, error: NoAnswer): TokenEndpointError =>
  new TokenEndpointError({
    reason: error.reason === "TooLarge" ? "InvalidResponse" : reasonOf(error),
    url: nameOf(url),
    description: `Token endpoint ${nameOf(url)}: ${sentences(error)}`,
    ...(error.cause === undefined ? {} : { cause: error.cause })
  })

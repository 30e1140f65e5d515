/**
 * The errors of acquiring a token. The message of each error says what went wrong, where, and what to do next. No error
 * carries a secret: a secret that a server repeats is removed from its text, in every usual encoding.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { oneLine } from "./internal/text/clean.ts"
import { AssertionError } from "./OAuthError/AssertionError.ts"
import { CredentialError } from "./OAuthError/CredentialError.ts"
import * as messages from "./internal/errors/messages.ts"
import { IssuerMismatch, ResourceMismatch } from "./OAuthError/Mismatch.ts"
import { findWrapped } from "./internal/errors/wrapped.ts"

export { AssertionError, CredentialError, IssuerMismatch, ResourceMismatch }

/**
 * The error codes of RFC 6749 §5.2, RFC 8707 §2, RFC 8628 §3.5 and RFC 9449 §8, and any other code as the server
 * wrote it.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenErrorCode =
  | "invalid_client"
  | "invalid_grant"
  | "invalid_request"
  | "invalid_scope"
  | "invalid_target"
  | "slow_down"
  | "temporarily_unavailable"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "use_dpop_nonce"
  | (string & {})

/**
 * Discovery (RFC 9728, RFC 8414, OpenID Connect Discovery 1.0) found no token endpoint.
 *
 * - `NotFound`: no address has a usable document.
 * - `Invalid`: a text that must be a URL is not one.
 * - `Unavailable`: no address has a usable document, and one of them failed with a 5xx (except 501 and 505), a time-out
 *   or a broken connection. The document may exist, so another attempt may succeed later.
 * - `CannotSend`: no request can be made until something is corrected, such as a certificate or a scheme.
 * - `NoAuthorizationServer`: the protected resource metadata names no authorization server.
 * - `TokenNotRequired`: no address has a usable document, and the server serves requests without a token.
 * - `UnsupportedClientAuthentication`: the authorization server supports none of the methods that this client can use.
 *
 * @since 0.1.0
 * @category errors
 */
export class DiscoveryError extends Schema.TaggedError<DiscoveryError>("@effect-mcp-auth/core/DiscoveryError")(
  "DiscoveryError",
  {
    reason: Schema.Literal(
      "NotFound",
      "Invalid",
      "Unavailable",
      "CannotSend",
      "NoAuthorizationServer",
      "TokenNotRequired",
      "UnsupportedClientAuthentication"
    ),
    url: Schema.String,
    description: Schema.String,
    /** The wait that the other side asked for, in milliseconds. */
    retryAfter: Schema.optional(Schema.Number),
    cause: Schema.optional(Schema.Defect)
  }
) {
  /** Whether the same attempt may succeed later. */
  get transient(): boolean {
    return this.reason === "Unavailable"
  }
  override get message(): string {
    return oneLine(this.description)
  }
}

/**
 * The token endpoint issued no token.
 *
 * - `Refused`: the response is an OAuth error (RFC 6749 §5.2). `code` holds its code as the server wrote it.
 * - `Unavailable`: a 5xx, 429 or 408, a time-out, a broken connection, `temporarily_unavailable` and the like, or the
 *   first of several consecutive 2xx responses without a token, such as a proxy's page.
 * - `CannotSend`: no request can be made until something is corrected, such as a certificate or a scheme.
 * - `InvalidResponse`: the response is neither a token nor an OAuth error.
 *
 * `status` is the HTTP status. `retryAfter` is the wait that the server asked for, in milliseconds.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenEndpointError extends Schema.TaggedError<TokenEndpointError>(
  "@effect-mcp-auth/core/TokenEndpointError"
)("TokenEndpointError", {
  reason: Schema.Literal("Refused", "Unavailable", "CannotSend", "InvalidResponse"),
  url: Schema.String,
  description: Schema.String,
  code: Schema.optional(Schema.String as Schema.Schema<TokenErrorCode>),
  errorUri: Schema.optional(Schema.String),
  status: Schema.optional(Schema.Number),
  retryAfter: Schema.optional(Schema.Number),
  cause: Schema.optional(Schema.Defect)
}) {
  /** Whether the same request may succeed later. A final refusal must not be sent again. */
  get transient(): boolean {
    return this.reason === "Unavailable"
  }
  override get message(): string {
    return oneLine(this.description)
  }
}

/**
 * An operation of a `TokenStorage` failed. The provider publishes a `StorageFailed` event and carries on without the
 * storage: a record that cannot be read counts as absent.
 *
 * - `Unavailable`: the storage is down, slow, full or read-only. The default.
 * - `Refused`: the storage rejects the credentials, or grants them too few rights.
 * - `Damaged`, `UnknownVersion`, `Foreign`: the stored bytes are not a record, a record of another version, or the
 *   record of another key. The next token replaces them.
 * - `UnknownKey`: the record was encrypted with a key that this process does not have. The record stays until the token
 *   in it has expired.
 * - `Insecure`: other users could have written or read the record. The record was not used.
 * - `LeaseLost`: another process has taken the lease meanwhile, so this process did not store its token.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenStorageError extends Schema.TaggedError<TokenStorageError>(
  "@effect-mcp-auth/core/TokenStorageError"
)("TokenStorageError", {
  operation: Schema.Literal("get", "set", "remove", "lease"),
  reason: Schema.Literal(
    "Unavailable",
    "Refused",
    "Damaged",
    "UnknownVersion",
    "Foreign",
    "UnknownKey",
    "Insecure",
    "LeaseLost"
  ).pipe(Schema.propertySignature, Schema.withConstructorDefault(() => "Unavailable" as const)),
  description: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return oneLine(`TokenStorage.${this.operation}: ${this.description}`)
  }
}

/**
 * A URL to which nothing may be sent.
 *
 * - `NotHttps`: the URL is neither https nor on a loopback host.
 * - `PrivateAddress`: a public server named a private, link-local or loopback address (server-side request forgery).
 *
 * @since 0.1.0
 * @category errors
 */
export class InsecureEndpoint extends Schema.TaggedError<InsecureEndpoint>("@effect-mcp-auth/core/InsecureEndpoint")(
  "InsecureEndpoint",
  {
    reason: Schema.Literal("NotHttps", "PrivateAddress"),
    endpoint: Schema.Literal(
      "server",
      "issuer",
      "protected resource metadata",
      "authorization server metadata",
      "token endpoint"
    ),
    url: Schema.String,
    namedBy: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    return oneLine(messages.insecureEndpoint(this))
  }
}

/**
 * An option is wrong. The Layer fails with this error before anything is sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>("@effect-mcp-auth/core/InvalidOptions")(
  "InvalidOptions",
  {
    option: Schema.String,
    description: Schema.String
  }
) {
  override get message(): string {
    return oneLine(`\`${this.option}\`: ${this.description}`)
  }
}

/**
 * All errors that acquiring a token can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type OAuthError =
  | AssertionError
  | CredentialError
  | DiscoveryError
  | InsecureEndpoint
  | IssuerMismatch
  | ResourceMismatch
  | TokenEndpointError

/**
 * Whether the same attempt may succeed later although nothing was corrected.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isTransient = (error: OAuthError): boolean => "transient" in error && error.transient

const classes = [
  AssertionError,
  CredentialError,
  DiscoveryError,
  InsecureEndpoint,
  IssuerMismatch,
  ResourceMismatch,
  TokenEndpointError
]

const isOAuthError = (error: unknown): error is OAuthError => classes.some((Class) => error instanceof Class)

/**
 * The `OAuthError` in any error: the error itself, or one in its chain of `cause`s, in a `Cause`, or in the error that
 * `Effect.runPromise` rejects with.
 *
 * The error type of an `HttpClient` is fixed, so an authenticated one fails with a `RequestError` whose `cause` is the
 * `OAuthError`. Other libraries wrap the error that a `fetch` rejects with. `fromUnknown` needs no cast in either case.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { OAuthError } from "@effect-mcp-auth/core"
 * import { HttpClient } from "@effect/platform"
 * import { Effect, Option } from "effect"
 *
 * const program = HttpClient.get("https://mcp.example.com/reports/today").pipe(
 *   Effect.mapError((error) => Option.getOrElse(OAuthError.fromUnknown(error), () => error)),
 *   Effect.catchTag("TokenEndpointError", (error) => Effect.logError(`No token (${error.code}): ${error.message}`)),
 *   Effect.catchTag("RequestError", (error) => Effect.logError(`No answer: ${error.message}`))
 * )
 * ```
 */
export const fromUnknown = (error: unknown): Option.Option<OAuthError> =>
  Option.fromNullable(findWrapped(error, isOAuthError))

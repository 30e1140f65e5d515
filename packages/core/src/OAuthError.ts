/**
 * What can go wrong between a machine and its token. Each error names what was wrong, where, and what to do next; none
 * carries a secret.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { clean } from "./internal/text/clean.ts"

/**
 * The error codes of RFC 6749 §5.2, RFC 8707 §2, RFC 8628 §3.5 and RFC 9449 §8, and any other as it came.
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
 * Discovery (RFC 9728, RFC 8414, OpenID Connect Discovery 1.0) did not lead to a token endpoint.
 *
 * - `NotFound`: no address gave a usable document.
 * - `Invalid`: what should be a URL is none.
 * - `Unavailable`: an address failed with a 5xx, a time-out or a broken connection. Nothing is concluded from that, so
 *   the search stops (it fails closed); trying again later may succeed.
 * - `NoAuthorizationServer`: the protected resource metadata names no authorization server.
 * - `UnsupportedClientAuthentication`: the authorization server takes none of the methods this client can use.
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
      "NoAuthorizationServer",
      "UnsupportedClientAuthentication"
    ),
    url: Schema.String,
    description: Schema.String,
    cause: Schema.optional(Schema.Defect)
  }
) {
  /** Whether the same attempt may succeed later. */
  get transient(): boolean {
    return this.reason === "Unavailable"
  }
  override get message(): string {
    return this.description
  }
}

/**
 * The token endpoint gave no token.
 *
 * - `Refused`: an OAuth error (RFC 6749 §5.2), its `code` as it came.
 * - `Unavailable`: a 5xx, 429, 408, a time-out, a broken connection.
 * - `InvalidResponse`: an answer that is neither a token nor an OAuth error.
 *
 * `status` is the HTTP status, `retryAfter` the wait that the server asked for, in milliseconds.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenEndpointError extends Schema.TaggedError<TokenEndpointError>(
  "@effect-mcp-auth/core/TokenEndpointError"
)("TokenEndpointError", {
  reason: Schema.Literal("Refused", "Unavailable", "InvalidResponse"),
  url: Schema.String,
  description: Schema.String,
  code: Schema.optional(Schema.String as Schema.Schema<TokenErrorCode>),
  errorUri: Schema.optional(Schema.String),
  status: Schema.optional(Schema.Number),
  retryAfter: Schema.optional(Schema.Number),
  cause: Schema.optional(Schema.Defect)
}) {
  /** Whether the same request may succeed later; a final refusal is not to be sent again. */
  get transient(): boolean {
    return this.reason === "Unavailable"
  }
  override get message(): string {
    return this.description
  }
}

/**
 * An assertion (RFC 7521) could not be had, or must not be sent.
 *
 * - `Unavailable`: it could not be had this time.
 * - `Refused`: who issues it does not, and would not for the same request again.
 * - `Expired`, `NotYetValid`, `WrongAudience`, `Malformed`: it was had, and is of no use.
 *
 * @since 0.1.0
 * @category errors
 */
export class AssertionError extends Schema.TaggedError<AssertionError>("@effect-mcp-auth/core/AssertionError")(
  "AssertionError",
  {
    reason: Schema.Literal("Unavailable", "Refused", "Expired", "NotYetValid", "WrongAudience", "Malformed"),
    description: Schema.String,
    cause: Schema.optional(Schema.Defect)
  }
) {
  /** Whether asking again may succeed. */
  get transient(): boolean {
    return this.reason === "Unavailable"
  }
  override get message(): string {
    return this.description
  }
}

/**
 * A `TokenStorage` did not do what it was asked. A provider reports it as an event and goes on without the storage: what
 * could not be read counts as absent.
 *
 * - `Unavailable`: it is down, slow, full or read-only. The default.
 * - `Refused`: it wants other credentials, or gives these too few rights.
 * - `Damaged`, `UnknownVersion`, `Foreign`: what is kept there is no record, a record of another version, or the record
 *   of another key. The next token replaces it.
 * - `UnknownKey`: what is kept there was encrypted with a key that this process does not have. It is left alone until the
 *   token in it has expired.
 * - `Insecure`: others could have written or read what is kept there. It was not used.
 * - `LeaseLost`: another process has taken the lease meanwhile, so that this one's token was not stored.
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
    return `TokenStorage.${this.operation}: ${this.description}`
  }
}

/**
 * An issuer is not the one it has to be.
 *
 * - `Metadata`: a document says it is another issuer's (RFC 8414 §3.3).
 * - `NotListed`: the server's metadata does not list the issuer that the caller pinned.
 * - `Changed`: the server's metadata now names another authorization server than the one that issued the tokens.
 *
 * @since 0.1.0
 * @category errors
 */
export class IssuerMismatch extends Schema.TaggedError<IssuerMismatch>("@effect-mcp-auth/core/IssuerMismatch")(
  "IssuerMismatch",
  {
    reason: Schema.Literal("Metadata", "NotListed", "Changed"),
    expected: Schema.String,
    actual: Schema.Array(Schema.String),
    url: Schema.String
  }
) {
  override get message(): string {
    const actual = quoteSome(this.actual)
    switch (this.reason) {
      case "Metadata":
        return `${clean(this.url)} is the metadata of issuer ${actual}, but issuer ${
          quote(this.expected)
        } was asked for ` +
          `(RFC 8414 §3.3). Set \`issuer\` to exactly what the authorization server calls itself, or give its metadata.`
      case "NotListed":
        return `${clean(this.url)} lists the authorization servers ${actual}, and not ${
          quote(this.expected)
        }, which is ` +
          `pinned as \`issuer\`. No credential was sent. Correct \`issuer\`, or ask the server's operator.`
      case "Changed":
        return `${clean(this.url)} now names the authorization server ${actual} in place of ${quote(this.expected)}. ` +
          `No credential was sent there. Set \`authorizationServerChange: "follow"\` to allow that, or pin \`issuer\`.`
    }
  }
}

/**
 * The metadata found is about another resource than the server that was asked for (RFC 9728 §3.3).
 *
 * @since 0.1.0
 * @category errors
 */
export class ResourceMismatch extends Schema.TaggedError<ResourceMismatch>("@effect-mcp-auth/core/ResourceMismatch")(
  "ResourceMismatch",
  {
    expected: Schema.String,
    actual: Schema.String,
    url: Schema.String
  }
) {
  override get message(): string {
    return `${clean(this.url)} describes the resource ${quote(this.actual)}, which does not cover ${
      quote(this.expected)
    } ` +
      `(RFC 9728 §3.3). No token was requested. Use the server URL that its operator publishes.`
  }
}

/**
 * A URL to which nothing may be sent.
 *
 * - `NotHttps`: it is neither https nor on a loopback host.
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
    const named = this.namedBy === undefined ? "" : `, named by ${this.namedBy},`
    return this.reason === "NotHttps"
      ? `The ${this.endpoint} ${quote(this.url)}${named} is not https. Nothing was sent. Use https; ` +
        `plain http is for loopback hosts only.`
      : `The ${this.endpoint} ${quote(this.url)}${named} is on a private address that a public host must not name. ` +
        `Nothing was sent. If it is right, pin \`issuer\` or give \`tokenEndpoint\` yourself.`
  }
}

/**
 * An option is wrong; found when the Layer is built, before anything is sent.
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
    return `\`${this.option}\`: ${this.description}`
  }
}

/**
 * Everything that getting a token can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type OAuthError =
  | AssertionError
  | DiscoveryError
  | InsecureEndpoint
  | IssuerMismatch
  | ResourceMismatch
  | TokenEndpointError

/**
 * Whether the same attempt may succeed later without anybody changing anything.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isTransient = (error: OAuthError): boolean => "transient" in error && error.transient

/** What strangers wrote is shown as one line of a length that can be read. */
const quote = (text: string): string => `"${clean(text)}"`

const quoteSome = (texts: ReadonlyArray<string>): string =>
  texts.length === 0 ? "none" : `${texts.slice(0, 3).map(quote).join(", ")}${texts.length > 3 ? ", …" : ""}`

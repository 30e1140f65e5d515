/**
 * An access token and the facts about it from its token response.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { sha256 } from "./internal/text/sha256.ts"

/**
 * The longest token, in characters. A longer one fits into no header: servers take 8 to 64 KiB of headers.
 *
 * @internal
 */
export const MAX_LENGTH = 64 * 1024

/**
 * The characters of a token: RFC 6749 appendix A.12 without the space, so that a token is one word of a header; at most
 * 65,536 of them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Value = Schema.String.pipe(Schema.maxLength(MAX_LENGTH), Schema.pattern(/^[\x21-\x7e]+$/))

/** A secret with an error message of its own, because Effect's messages can quote a value that is invalid. */
const Secret = Schema.transform(
  Value,
  Schema.RedactedFromSelf(Value).annotations({
    message: () => ({
      message:
        "a token must be a Redacted text of 1 to 65,536 characters that a header can contain; check for white space",
      override: true
    })
  }),
  { strict: true, decode: (value) => Redacted.make(value), encode: (secret) => Redacted.value(secret) }
)

/**
 * An access token as this process holds it. Encoding a token with its schema yields the secrets in the clear: only a
 * `TokenStorage` has a reason to do so.
 *
 * @since 0.1.0
 * @category models
 */
export class AccessToken extends Schema.Class<AccessToken>("@effect-mcp-auth/core/AccessToken")({
  /** The token itself, which follows `Bearer` in the `Authorization` header (RFC 6750 §2.1). */
  value: Secret,
  /** The type of the token (RFC 6749 §7.1). */
  tokenType: Schema.Literal("Bearer"),
  /** The granted scopes. If the token response names none, the requested ones (RFC 6749 §5.1). */
  scopes: Schema.Array(Schema.String),
  /** The issuer of the authorization server that issued the token (RFC 8414 §2). */
  issuer: Schema.String,
  /** When the token request was sent, in milliseconds since the epoch. */
  issuedAt: Schema.Finite,
  /**
   * When the token expires, in milliseconds since the epoch. The lifetime is counted from before the request was sent,
   * so with `expires_in` this time is no later than the expiry at the authorization server. Without `expires_in` the
   * lifetime is the `defaultLifetime` of the policy.
   */
  expiresAt: Schema.Finite,
  /**
   * When the authorization server wants the token to be renewed, in milliseconds since the epoch. No standard defines
   * it; Microsoft Entra ID sends it as `refresh_in`.
   */
  refreshAt: Schema.optional(Schema.Finite),
  /** The refresh token, as issued (RFC 6749 §6). */
  refreshToken: Schema.optional(Secret)
}) {}

/**
 * The value of the `Authorization` header (RFC 6750 §2.1). A secret.
 *
 * @since 0.1.0
 * @category getters
 */
export const authorization = (self: AccessToken): string => `Bearer ${Redacted.value(self.value)}`

/**
 * Twelve hexadecimal digits by which people recognise a token in a log, a span or an event: the first 48 bits of the
 * SHA-256 of its value. The operators of the authorization server and of the MCP server compute the same digits with
 * `printf %s "$TOKEN" | sha256sum | cut -c1-12`. The fingerprint is computed once for each token object, on first use.
 *
 * 48 bits distinguish the tokens of one log. The fingerprint does not reveal the token, because nobody can guess an
 * access token (RFC 6749 §10.10: 128 bits or more); for the same reason there is no salt. Do not use it for passwords.
 *
 * @since 0.1.0
 * @category getters
 */
export const fingerprint = (self: AccessToken): string => {
  const known = fingerprints.get(self)
  if (known !== undefined) return known
  const computed = sha256(Redacted.value(self.value)).slice(0, 12)
  fingerprints.set(self, computed)
  return computed
}

const fingerprints = new WeakMap<AccessToken, string>()

/**
 * Whether both have the same value on the wire.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSame = (self: AccessToken, that: AccessToken): boolean =>
  self === that || Redacted.value(self.value) === Redacted.value(that.value)

/**
 * Whether the token has neither expired nor been issued in the future, as it seems when the clock was set back. `now`:
 * milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isValidAt = (self: AccessToken, now: number): boolean => self.issuedAt <= now && now < self.expiresAt

/**
 * The same token with some of its fields changed.
 *
 * @since 0.1.0
 * @category combinators
 */
export const copy = (
  self: AccessToken,
  changes: Partial<ConstructorParameters<typeof AccessToken>[0]>
): AccessToken => new AccessToken(Object.assign({}, self, changes))

/**
 * An access token and what is known of it.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { sha256 } from "./internal/text/sha256.ts"

/**
 * What a token can be made of: RFC 6749 appendix A.12 without the space, so that it can stand in a header and nothing
 * can hide behind it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Value = Schema.String.pipe(Schema.pattern(/^[\x21-\x7e]+$/))

/**
 * An access token as this process holds it.
 *
 * - `value`: what goes behind `Bearer`.
 * - `scopes`: what was granted; where the answer did not say, what was asked for (RFC 6749 §5.1).
 * - `issuer`: the authorization server that issued it.
 * - `issuedAt`, `expiresAt`: milliseconds since the epoch. The expiry is counted from before the request was sent, so it
 *   is never later than the authorization server's own.
 * - `refreshAt`: when the authorization server wants it renewed, in milliseconds since the epoch. No standard has it; Entra
 *   ID says it as `refresh_in`.
 * - `refreshToken`: as issued (RFC 6749 §6).
 *
 * Encoding it yields the secrets in the clear: only a `TokenStorage` has a reason to.
 *
 * @since 0.1.0
 * @category models
 */
export class AccessToken extends Schema.Class<AccessToken>("@effect-mcp-auth/core/AccessToken")({
  value: Schema.Redacted(Value),
  tokenType: Schema.Literal("Bearer"),
  scopes: Schema.Array(Schema.String),
  issuer: Schema.String,
  issuedAt: Schema.Number,
  expiresAt: Schema.Number,
  refreshAt: Schema.optional(Schema.Number),
  refreshToken: Schema.optional(Schema.Redacted(Value))
}) {}

/**
 * The value of the `Authorization` header (RFC 6750 §2.1). A secret.
 *
 * @since 0.1.0
 * @category getters
 */
export const authorization = (self: AccessToken): string => `Bearer ${Redacted.value(self.value)}`

/**
 * Twelve hexadecimal digits by which people recognise a token in a log, a span or an event: the beginning of the SHA-256
 * of its value, so that the authorization server's and the MCP server's operators can find the same with
 * `printf %s "$TOKEN" | sha256sum | cut -c1-12`. Made once per token, when it is first asked for.
 *
 * 48 bits tell apart the tokens of any one log. They say nothing of the token itself, since nobody can guess an access
 * token (RFC 6749 §10.10: 128 bits or more); for the same reason there is no salt. Not for passwords.
 *
 * @since 0.1.0
 * @category getters
 */
export const fingerprint = (self: AccessToken): string => {
  const known = fingerprints.get(self)
  if (known !== undefined) return known
  const made = sha256(Redacted.value(self.value)).slice(0, 12)
  fingerprints.set(self, made)
  return made
}

const fingerprints = new WeakMap<AccessToken, string>()

/**
 * Whether both are the same token on the wire.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSame = (self: AccessToken, that: AccessToken): boolean =>
  self === that || Redacted.value(self.value) === Redacted.value(that.value)

/**
 * Whether the token is neither expired nor from the future, which it is when the clock has gone back, `now` in
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

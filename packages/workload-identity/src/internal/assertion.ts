import * as Core from "@effect-mcp-auth/core/Assertion"
import type { CachedAssertion } from "@effect-mcp-auth/core/authoring/AssertionCache"
import * as DurationOption from "@effect-mcp-auth/core/authoring/DurationOption"
import * as Jwt from "@effect-mcp-auth/core/Jwt"
import { AssertionError, type InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * An assertion as a platform returned it. `once`: the assertion has a `jti`, by which an authorization server may
 * accept it only once (RFC 7523 §3).
 *
 * @internal
 */
export interface Assertion extends CachedAssertion {
  /** Whether the assertion itself says when it expires. */
  readonly saysExpiry: boolean
}

/**
 * The facts that are known in advance about the assertions of a platform.
 *
 * @internal
 */
export interface Expected {
  /** The name of the assertion in error messages, with its article. */
  readonly name: string
  /** Advice for an assertion that cannot be used, as a sentence. */
  readonly remedy: string
  /** Whether the assertion may be something other than a JWT. `false` by default. */
  readonly opaque?: boolean | undefined
  /** The life of an assertion that does not say when it expires, in milliseconds. */
  readonly lifetime?: number | undefined
  /**
   * The values of which `aud` must contain one. By default the requested audience and the authorization server's names.
   */
  readonly audience?: ((request: Core.AssertionRequest) => ReadonlyArray<string>) | undefined
}

/**
 * The facts about assertions that follow from the options of a module.
 *
 * @internal
 */
export const expectedOf = (
  { audience, lifetime, opaque }: {
    readonly audience?: string | undefined
    readonly opaque?: boolean | undefined
    readonly lifetime?: Duration.DurationInput | undefined
  },
  name: string,
  remedy: string
): Either.Either<Expected, InvalidOptions> =>
  Either.map(
    lifetime === undefined
      ? Either.right(undefined)
      : DurationOption.check("lifetime", lifetime, { minimum: "1 millis", maximum: "3650 days" }),
    (duration) => ({
      name,
      remedy,
      opaque,
      lifetime: duration === undefined ? undefined : Duration.toMillis(duration),
      audience: audience === undefined ? undefined : () => [audience]
    })
  )

/** The characters of an opaque assertion. Spaces and line breaks occur in messages and in web pages. */
const opaque = /^[\x21-\x7e]+$/

/**
 * Reads what a platform returned: a JWT in the compact form (RFC 7519), unverified, or an opaque text. An error says
 * what is wrong, and never shows the text.
 *
 * @internal
 */
export const read = (text: string, now: number, expected: Expected): Either.Either<Assertion, AssertionError> => {
  const trimmed = text.trim()
  const malformed = (what: string) =>
    Either.left(
      new AssertionError({ reason: "Malformed", description: `${expected.name} ${what}. ${expected.remedy}` })
    )
  if (trimmed === "") return malformed("is empty")
  const jwt = Option.getOrUndefined(Jwt.read(trimmed))
  if (jwt === undefined) {
    // A JWT whose claims cannot be read could be for any audience, and `opaque` is not meant for JWTs.
    if (expected.opaque !== true || Jwt.isJws(trimmed)) {
      return malformed("is not a whole JWT (three parts of base64url, two of them JSON)")
    }
    if (!opaque.test(trimmed)) return malformed("has characters that no assertion has, such as a space or a line break")
  } else {
    if (Jwt.isUnsigned(trimmed)) return malformed("is not signed")
    if (!jwt.hasWholeSignature) return malformed("is cut off: its signature is too short or too long for its `alg`")
  }
  const exp = jwt?.claims.exp
  return Either.right({
    value: Redacted.make(trimmed),
    once: jwt?.claims.jti !== undefined,
    obtainedAt: now,
    expiresAt: exp === undefined ? expected.lifetime === undefined ? undefined : now + expected.lifetime : exp * 1000,
    saysExpiry: exp !== undefined
  })
}

/**
 * Whether an assertion may be sent to the authorization server: only while it is valid, and only to its own audience
 * (RFC 7523 §3).
 *
 * @internal
 */
export const check = (
  assertion: Assertion,
  request: Core.AssertionRequest,
  now: number,
  expected: Expected
): Either.Either<Assertion, AssertionError> => {
  const { expiresAt, obtainedAt, saysExpiry, value } = assertion
  const { name, opaque, remedy } = expected
  // After the clock was set back, the age of the assertion is unknown.
  if (!saysExpiry && expiresAt !== undefined && (expiresAt <= now || now < obtainedAt)) {
    return Either.left(
      new AssertionError({
        reason: "Expired",
        description: `${name} is older than the \`lifetime\` that was given for it, and was not sent. ${remedy}`
      })
    )
  }
  const audiences = expected.audience?.(request)
  return Either.map(Core.check(value, request, { now, name, remedy, opaque, audiences }), () => assertion)
}

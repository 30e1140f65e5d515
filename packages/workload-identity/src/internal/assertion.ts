import {
  type AssertionRequest,
  check as checkAssertion,
  isJws,
  isUnsigned,
  read as readJwt
} from "@effect-mcp-auth/core/Assertion"
import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * An assertion as a platform gave it. Moments are in milliseconds since the epoch.
 *
 * @internal
 */
export interface Assertion {
  readonly value: Redacted.Redacted<string>
  /** Whether it has a `jti`, by which an authorization server may take it once and no more (RFC 7523 §3). */
  readonly hasId: boolean
  /** `undefined` where nobody says how long it lives. */
  readonly expiresAt: number | undefined
  /** Whether it says so itself. */
  readonly saysExpiry: boolean
  readonly receivedAt: number
}

/**
 * What is known beforehand of the assertions of a source.
 *
 * @internal
 */
export interface Expected {
  /** What the assertion is called in errors, with its article. */
  readonly name: string
  /** What to do if it is of no use. */
  readonly remedy: string
  /** Whether it may be anything else than a JWT. */
  readonly opaque?: boolean | undefined
  /** How long it lives if it does not say so itself, in milliseconds. */
  readonly lifetime?: number | undefined
  /** What its `aud` has to hold; left out: the audience asked for, or another name of the authorization server. */
  readonly audience?: ((request: AssertionRequest) => ReadonlyArray<string>) | undefined
}

/** What may stand in an assertion of another kind; a space or a line break is found in messages and pages. */
const opaque = /^[\x21-\x7e]+$/

/**
 * Reads what a platform gave: a JWT in the compact form (RFC 7519), not verified, which is for the authorization server
 * to do. Says what is wrong and never shows it.
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
  const jwt = Option.getOrUndefined(readJwt(trimmed))
  if (jwt === undefined) {
    // A JWT whose claims cannot be read could be for any audience, and `opaque` is not meant for JWTs.
    if (expected.opaque !== true || isJws(trimmed)) {
      return malformed("is not a whole JWT (three parts of base64url, two of them JSON)")
    }
    if (!opaque.test(trimmed)) return malformed("has characters that no assertion has, such as a space or a line break")
  } else {
    if (isUnsigned(trimmed)) return malformed("is not signed (`alg` is none)")
    if (!jwt.hasWholeSignature) return malformed("is cut off: its signature is not as long as one has to be")
  }
  const exp = jwt?.claims.exp
  return Either.right({
    value: Redacted.make(trimmed),
    hasId: jwt?.claims.jti !== undefined,
    expiresAt: exp === undefined
      ? expected.lifetime === undefined ? undefined : now + expected.lifetime
      : exp * 1000,
    saysExpiry: exp !== undefined,
    receivedAt: now
  })
}

/**
 * Whether an assertion may be shown to the authorization server: only while it is valid, and only where it belongs
 * (RFC 7523 §3).
 *
 * @internal
 */
export const check = (
  assertion: Assertion,
  request: AssertionRequest,
  now: number,
  expected: Expected
): Either.Either<Assertion, AssertionError> => {
  const { expiresAt, receivedAt, saysExpiry, value } = assertion
  const { name, opaque, remedy } = expected
  // The clock went back: how old it is, nobody can say.
  if (!saysExpiry && expiresAt !== undefined && (expiresAt <= now || now < receivedAt)) {
    return Either.left(
      new AssertionError({
        reason: "Expired",
        description: `${name} is older than the \`lifetime\` that was given for it, and was not sent. ${remedy}`
      })
    )
  }
  const audiences = expected.audience?.(request)
  return Either.map(
    checkAssertion(value, request, { now, name, remedy, opaque, audiences }),
    () => assertion
  )
}

/** How long before its end an assertion is replaced, in milliseconds; a fifth of its life if that is less. */
const MARGIN = 60_000

/**
 * Whether an assertion lives long enough to be used once more without asking for another.
 *
 * @internal
 */
export const isFresh = ({ expiresAt, receivedAt }: Assertion, now: number): boolean =>
  expiresAt !== undefined && receivedAt <= now && now < expiresAt - Math.min(MARGIN, (expiresAt - receivedAt) / 5)

/**
 * Whether it is one of these.
 *
 * @internal
 */
export const isAmong = ({ value }: Assertion, refused: AssertionRequest["refused"]): boolean =>
  refused.some((one) => Redacted.value(one) === Redacted.value(value))

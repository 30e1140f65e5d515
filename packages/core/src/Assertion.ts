/**
 * An assertion (RFC 7521): the request for one, and the check whether it may be sent (RFC 7523 §3).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { clean } from "./internal/text/clean.ts"
import { isSameIssuer } from "./internal/text/issuer.ts"
import * as Jwt from "./Jwt.ts"
import { AssertionError } from "./OAuthError.ts"
import { parseUrl } from "./internal/text/url.ts"

/**
 * A request for an assertion.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssertionRequest {
  /** The value that the assertion's `aud` must have. */
  readonly audience: string
  /** The issuer identifier of the authorization server that receives the assertion. */
  readonly issuer: string
  /** The token endpoint of that authorization server, as its metadata writes it. */
  readonly tokenEndpoint: string
  /** The canonical identifier of the server that the token will be for (RFC 8707 §2). */
  readonly resource: string
  /** The scopes that the token will be for. */
  readonly scopes: ReadonlyArray<string>
  /** The value of the `resource` parameter of the token request; absent if the request has none. */
  readonly resourceParameter?: string | undefined
  /**
   * The assertions that an authorization server has refused since the last answer of the provider; almost always none.
   * A provider that caches assertions or keys must drop these, and the key that signed them. Several callers may share
   * one provider, so a refused assertion need not be the last one.
   */
  readonly refused: ReadonlyArray<Redacted.Redacted<string>>
  /**
   * Whether the caller named no issuer, so that only the MCP server says which authorization server this is. Then only
   * an assertion whose own audience is this authorization server is sent, whatever the provider returns.
   *
   * @default false
   */
  readonly issuerUnnamed?: boolean | undefined
  /**
   * Whether the MCP server named this authorization server: the caller wrote `issuer: "discover"` or named no issuer.
   * Then an assertion with several audiences is not sent, whatever the provider returns.
   *
   * @default false
   */
  readonly issuerNamedByServer?: boolean | undefined
  /**
   * Whether only metadata names the token endpoint, and it is not on the origin of the issuer. Then it may belong to
   * another authorization server, and an assertion for it is sent only if the caller has asked for that audience.
   *
   * @default false
   */
  readonly endpointUnnamed?: boolean | undefined
}

/**
 * The audience of an assertion: the authorization server's issuer (draft-ietf-oauth-rfc7523bis), its token endpoint
 * (Okta, Entra ID), or another value.
 *
 * @since 0.1.0
 * @category models
 */
export type Audience = "issuer" | "token_endpoint" | { readonly value: string }

/**
 * A function that returns an assertion. Every token request calls it anew.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssertionSource {
  (request: AssertionRequest): Effect.Effect<Redacted.Redacted<string>, AssertionError>
  /**
   * Called with an assertion that the authorization server has refused. `true` means that the next assertion is signed
   * with another key, so that the token request is sent once more, immediately. Without this function a refusal is
   * final.
   */
  readonly rotated?: ((refused: Redacted.Redacted<string>) => Effect.Effect<boolean>) | undefined
}

/**
 * Whether the authorization server has refused this assertion.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRefused = (assertion: Redacted.Redacted<string>, { refused }: AssertionRequest): boolean =>
  refused.some((one) => Redacted.value(one) === Redacted.value(assertion))

/**
 * The options of `check`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CheckOptions {
  /** The current time, in milliseconds since the epoch. */
  readonly now: number
  /**
   * Whether an assertion that is not a JWT may be sent.
   *
   * @default false
   */
  readonly opaque?: boolean | undefined
  /**
   * The values of which `aud` must contain one.
   *
   * @default the requested audience, the issuer and the token endpoint of the authorization server
   */
  readonly audiences?: ReadonlyArray<string> | undefined
  /**
   * The name of the assertion in error messages, with its article.
   *
   * @default "The assertion"
   */
  readonly name?: string | undefined
  /**
   * Advice for the reader of an error message, as a sentence.
   *
   * @default no such sentence
   */
  readonly remedy?: string | undefined
}

/**
 * The facts about an assertion that may be sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Checked {
  /** When the assertion expires, in milliseconds since the epoch; `undefined` if it has no `exp`. */
  readonly expiresAt: number | undefined
  /** Whether the assertion has a `jti`, by which an authorization server may accept it only once (RFC 7523 §3). */
  readonly hasId: boolean
  /** The header `typ`; absent if the assertion has none. */
  readonly type?: string | undefined
  /** The values of the claim `resource`; absent if the assertion has no such claim. */
  readonly resources?: ReadonlyArray<string> | undefined
}

/** The receiver of an assertion that is not bound to this authorization server could use it elsewhere. */
const UNBOUND =
  "is not bound to one authorization server, and was not sent to one that only the MCP server has named. " +
  "Name the `issuer`, or write `discover` to trust the server to name it."

/** Each of several audiences could use the assertion at the others (RFC 9700 §4.4). */
const SEVERAL =
  "has several audiences, and was not sent to an authorization server that only the MCP server has named: each of them " +
  "could use it at the others. Get one for a single audience, or name the `issuer`."

/** How far the clocks of two machines may differ, in seconds. */
const LEEWAY = 60

/** Makes the errors about one assertion. */
const refuser =
  ({ name = "The assertion" }: Pick<CheckOptions, "name">) => (reason: AssertionError["reason"], description: string) =>
    Either.left(new AssertionError({ reason, description: `${name} ${description}` }))

/**
 * Whether an assertion that another party made may be sent: only to its own audience, and only while it is valid
 * (RFC 7523 §3). This function reads the assertion and does not verify it: the authorization server verifies it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const check = (
  assertion: Redacted.Redacted<string>,
  request: AssertionRequest,
  options: CheckOptions
): Either.Either<Checked, AssertionError> => {
  const refuse = refuser(options)
  const text: unknown = Redacted.isRedacted(assertion) ? Redacted.value(assertion) : undefined
  if (typeof text !== "string") return refuse("Malformed", "is no text, and was not sent. Check where it comes from.")
  if (text === "") return refuse("Malformed", "is empty, and was not sent. Check where it comes from.")
  // `opaque` does not excuse an unsigned JWT, whatever follows the header.
  if (Jwt.isUnsigned(text)) {
    return refuse("Malformed", "is not signed, and was not sent. Use one that its issuer has signed.")
  }
  return Option.match(Jwt.read(text), {
    onNone: () => checkOpaque(text, request, options),
    onSome: (jwt) => checkJwt(jwt, request, options)
  })
}

const checkOpaque = (text: string, { issuerUnnamed }: AssertionRequest, options: CheckOptions) => {
  const refuse = refuser(options)
  // A JWT whose claims cannot be read could be for any audience, and `opaque` is not meant for JWTs.
  if (Jwt.isJws(text)) {
    const advice = options.remedy ?? "Get a new one."
    return refuse("Malformed", `is a JWT whose claims cannot be read, and was not sent. ${advice}`)
  }
  if (options.opaque !== true) {
    return refuse(
      "Malformed",
      "is not a JWT, and was not sent. Set `opaque` if the authorization server accepts other kinds."
    )
  }
  return issuerUnnamed === true
    ? refuse("WrongAudience", UNBOUND)
    : Either.right({ expiresAt: undefined, hasId: false })
}

const checkJwt = (jwt: Jwt.Jwt, request: AssertionRequest, options: CheckOptions) => {
  const { claims, header } = jwt
  const refuse = refuser(options)
  const advice = options.remedy === undefined ? "" : ` ${options.remedy}`
  const seconds = options.now / 1000
  const { exp = Number.POSITIVE_INFINITY, nbf = Number.NEGATIVE_INFINITY } = claims
  if (exp <= seconds) {
    return refuse("Expired", `expired at ${instant(exp)}, and was not sent. Get a new one.${advice}`)
  }
  if (nbf > seconds + LEEWAY) {
    return refuse("NotYetValid", `is not valid before ${instant(nbf)}, and was not sent. Check the clocks.`)
  }
  const audiences = audiencesOf(jwt)
  const isEndpoint = (audience: string) => isSameUrl(audience, request.tokenEndpoint)
  const namesServer = (audience: string) =>
    (isEndpoint(audience) && request.endpointUnnamed !== true) || isSameIssuer(audience, request.issuer)
  const belongs = (audience: string) =>
    options.audiences?.includes(audience) ?? (audience === request.audience || namesServer(audience))
  if (!audiences.some(belongs)) {
    if (audiences.some(isEndpoint)) return refuse("WrongAudience", foreignEndpoint(request))
    return refuse(
      "WrongAudience",
      `is for ${clean(audiences.join(", ")) || "no audience"}, and was not sent to ${clean(request.issuer)}. ` +
        `Get one for the audience ${clean(options.audiences?.[0] ?? request.audience)}.${advice}`
    )
  }
  if (isNamedByServer(request) && isForSeveral(jwt)) return refuse("WrongAudience", SEVERAL)
  return request.issuerUnnamed === true && !audiences.some(namesServer)
    ? refuse("WrongAudience", UNBOUND)
    : Either.right({
      expiresAt: claims.exp === undefined ? undefined : claims.exp * 1000,
      hasId: claims.jti !== undefined,
      ...(header.typ === undefined ? {} : { type: textOf(header.typ) }),
      ...(claims.resource === undefined ? {} : { resources: [claims.resource].flat().map(textOf) })
    })
}

const audiencesOf = ({ claims: { aud = [] } }: Jwt.Jwt): ReadonlyArray<string> => typeof aud === "string" ? [aud] : aud

const isForSeveral = (jwt: Jwt.Jwt): boolean =>
  audiencesOf(jwt).some((audience, _, [first = audience]) => !isSameIssuer(first, audience))

const isNamedByServer = ({ issuerNamedByServer, issuerUnnamed }: AssertionRequest): boolean =>
  issuerNamedByServer === true || issuerUnnamed === true

/**
 * Whether an assertion may not be sent because it has several audiences, and only the MCP server has named its receiver.
 * For the assertions of a provider that checks nothing itself.
 *
 * @internal
 */
export const checkSeveral = (
  assertion: Redacted.Redacted<string>,
  request: AssertionRequest
): Either.Either<void, AssertionError> =>
  isNamedByServer(request) && Option.exists(Jwt.read(Redacted.value(assertion)), isForSeveral)
    ? refuser({})("WrongAudience", SEVERAL)
    : Either.right(undefined)

/** RFC 9700 §4.4: metadata could name the token endpoint of another authorization server. */
const foreignEndpoint = ({ issuer, tokenEndpoint }: AssertionRequest): string =>
  `is for the token endpoint ${
    clean(tokenEndpoint.replace(/[?#].*/s, ""))
  }, which is not on the origin of the issuer ` +
  `${clean(issuer)} and which only metadata names. It was not sent. If the token endpoint is right, give it as ` +
  "`tokenEndpoint` together with `issuer`."

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/**
 * Whether two texts are the same URL, perhaps in different spellings.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSameUrl = (a: string, b: string): boolean => {
  if (a === b) return true
  const url = parseUrl(a)
  return url !== undefined && url.href === parseUrl(b)?.href
}

/** `exp` and `nbf` are seconds, and may be larger than any date. */
const instant = (seconds: number): string => {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString()
}
